// SPDX-License-Identifier: MIT
// Types: which one an object is of, and whether a new one's table keeps the laws (refcyc/type.h).
#include "object.h"

static const struct rc_type *type_of(const void *obj, const char *call) {
    assert(obj && call);
    const struct rc__header *h = RC__HEADER((void *)(uintptr_t)obj);
    const struct rc_type *type = rc__class(h)->known_as;
    if (!type)
        rc__fault(RC_FAULT_DEAD, call, h, "is dead");
    return type;
}

bool rc_is_a(const void *obj, const struct rc_type *type) {
    return obj && rc__extends(type_of(obj, "rc_is_a"), type);
}

const struct rc_type *rc_type_of(const void *obj) {
    if (obj)
        return type_of(obj, "rc_type_of");
    rc__fault(RC_FAULT_NULL, "rc_type_of", NULL, "the object is NULL");
    return NULL;
}

// ---- the laws

const struct rc_type *rc__known_as(const struct rc_type *type) {
    static const struct rc_type *const ours[] = {
        &rc__list_type, &rc__map_type, &rc__set_type, &rc__box_type, &rc__weak_map_type, &rc__string_type,
        &rc__leaf_array_type, &rc__leaf_list_type, &rc__leaf_map_type, &rc__leaf_set_type, &rc__leaf_box_type};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (type == ours[i])
            return type->base;
    return type;
}

// For types of which rc_new cannot make objects, because more has to be known than the type: who makes them. A type of the
// program may extend rc_string_type, and then is one that rc_new is for.
static const char *made_elsewhere(const struct rc_type *type) {
    static const struct {
        const struct rc_type *type;
        const char *by;
    } made[] = {{&rc_list_type, "rc_list_new makes objects of rc_list_type, which no type can extend"},
                {&rc_map_type, "rc_map_new makes objects of rc_map_type, which no type can extend"},
                {&rc_set_type, "rc_set_new makes objects of rc_set_type, which no type can extend"},
                {&rc_box_type, "rc_box_new makes objects of rc_box_type, which no type can extend"},
                {&rc_weak_map_type, "rc_weak_map_new makes objects of rc_weak_map_type, which no type can extend"},
                {&rc_string_type, "rc_string_new makes objects of rc_string_type"}};
    for (size_t i = 0; rc__known_as(type) == type && i < sizeof made / sizeof *made; i++)
        if (made[i].type == &rc_string_type ? type == made[i].type : rc__extends(type, made[i].type))
            return made[i].by;
    return NULL;
}

bool rc__slots_overlap(const struct rc_slot *a, const struct rc_slot *b) {
    return a->offset < b->offset + b->count * sizeof(void *) && b->offset < a->offset + a->count * sizeof(void *);
}

static bool overlap(const struct rc_slot *a, const struct rc_slot *b) {
    if (a->kind == RC_SLOT_TAIL && b->kind == RC_SLOT_TAIL)
        return true;
    if (a->kind == RC_SLOT_TAIL) // it reaches as far as the object does
        return b->offset + b->count * sizeof(void *) > a->offset;
    if (b->kind == RC_SLOT_TAIL)
        return a->offset + a->count * sizeof(void *) > b->offset;
    return rc__slots_overlap(a, b);
}

// Whether [slot] of [type] overlaps one that comes after it, in [type] or in its bases.
static bool declared_again(const struct rc_type *type, const struct rc_slot *slot) {
    const struct rc_slot *other = slot + 1;
    for (const struct rc_type *t = type; t; t = t->base, other = t ? t->slots : NULL)
        for (; other && other->kind != RC_SLOT_END; other++)
            if (overlap(slot, other))
                return true;
    return false;
}

const char *rc__slot_defect(const struct rc_slot *s, size_t size) {
    if (s->offset % sizeof(void *))
        return "a slot is not aligned as a pointer";
    if (s->count == 0 || s->count > size / sizeof(void *) || s->offset > size - s->count * sizeof(void *))
        return "a slot does not lie within the size";
    return NULL;
}

static const char *tail_defect(const struct rc_type *type, const struct rc_slot *s) {
    bool follows = s->offset <= (type->size + 15) / 16 * 16 && s->offset % sizeof(void *) == 0;
    if (!follows || s->count + sizeof(size_t) > type->size)
        return "a tail does not follow the object, or is not aligned, or its number does not lie in the object";
    return NULL;
}

static const char *slot_defect(const struct rc_type *type, const struct rc_slot *s) {
    assert(type && s);
    if ((unsigned)s->kind > RC_SLOT_TAIL)
        return "a slot is of no known kind";
    const char *defect = s->kind == RC_SLOT_TAIL ? tail_defect(type, s) : rc__slot_defect(s, type->size);
    if (defect)
        return defect;
    return declared_again(type, s) ? "a slot is declared twice" : NULL;
}

// The second of two walks goes two steps where the first goes one: on a ring it comes up with the first.
static bool extends_itself(const struct rc_type *type) {
    const struct rc_type *slow = type, *fast = type->base;
    while (fast && fast != slow) {
        slow = slow->base;
        fast = fast->base ? fast->base->base : NULL;
    }
    return fast;
}

const char *rc__type_defect(const struct rc_type *type) {
    assert(type != NULL);
    if (!type->name)
        return "it has no name";
    if (type->size == 0 || type->size > UINT32_MAX)
        return "its size is 0 or beyond 4 GiB";
    if (extends_itself(type))
        return "it extends itself, or one that it extends does";
    const char *elsewhere = made_elsewhere(type);
    if (elsewhere)
        return elsewhere;
    if (type->size <= sizeof(struct rc_string) && rc__known_as(type) == type && rc__extends(type, &rc_string_type))
        return "it extends rc_string_type, and has no byte behind it for the end of the text";
    int owners = 0, long_destroys = 0;
    for (const struct rc_type *t = type; t; t = t->base) {
        long_destroys += t->destroy_some != NULL;
        if (t->base && t->base->size > t->size)
            return "it is smaller than the type that it extends";
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++) {
            const char *defect = slot_defect(t, s);
            if (defect)
                return defect;
            owners += s->kind == RC_SLOT_OWNER ? (int)s->count : 0;
        }
    }
    if (long_destroys > 1)
        return "it and a type that it extends have a destroy_some";
    return owners > 1 ? "it has more than one owner" : NULL;
}

#ifdef RC_CHECK
static uint64_t mix(uint64_t sum, uint64_t n) {
    return (sum ^ n) * UINT64_C(0x9E3779B97F4A7C15);
}

// Of all that [type] and its bases say but for names: at the address of a table whose plugin is gone there may be another.
uint64_t rc__type_sum(const struct rc_type *type) {
    uint64_t sum = 1;
    for (const struct rc_type *t = type; t; t = t->base) {
        const uintptr_t said[] = {t->size, (uintptr_t)t->trace, (uintptr_t)t->finalize, (uintptr_t)t->destroy,
                                  (uintptr_t)t->free_slots, (uintptr_t)t->destroy_some, t->acyclic};
        for (size_t i = 0; i < sizeof said / sizeof *said; i++)
            sum = mix(sum, said[i]);
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++)
            sum = mix(mix(mix(sum, s->kind), s->offset), s->count);
    }
    return sum;
}
#endif

// SPDX-License-Identifier: MIT
// Elements in and out of containers, from their tables. The links in an element are counted like those in any slot; a
// value that the caller gives has handles where the element has links.
#include "element.h"

#include <stdio.h>

// Of an element that has some, as its kind says, or may have none.
#define EACH_SLOT(e, s) for (const struct rc_slot *s = (e)->slots; s->kind != RC_SLOT_END; s++)
#define EACH_SLOT_IF_ANY(e, s)                                                                                         \
    if ((e)->slots)                                                                                                    \
    EACH_SLOT(e, s)
#define EACH_PLACE(s, element, at)                                                                                     \
    for (char *at = (char *)(element) + (s)->offset, *end_ = at + (s)->count * sizeof(void *); at < end_;              \
         at += sizeof(void *))

static const char *defect_of(const struct rc_element *e) {
    if (!e->name)
        return "an element has no name";
    if (e->size == 0 || e->size > RC_ELEMENT_MAX)
        return "the size of an element is 0 or beyond RC_ELEMENT_MAX";
    if (e->slots && e->slots->kind != RC_SLOT_END && e->size % sizeof(void *))
        return "the size of an element with slots is no multiple of a pointer's";
    EACH_SLOT_IF_ANY(e, s) {
        if (s->kind != RC_SLOT_LINK && s->kind != RC_SLOT_WEAK)
            return "a slot is neither a link nor a weak reference";
        const char *defect = rc__slot_defect(s, e->size);
        if (defect)
            return defect;
        for (const struct rc_slot *t = s + 1; t->kind != RC_SLOT_END; t++)
            if (rc__slots_overlap(s, t))
                return "a slot is declared twice";
    }
    return NULL;
}

static void fault(const struct rc_element *e, const char *call, const char *why) {
    char text[256];
    snprintf(text, sizeof text, "%s (element %s)", why, e->name ? e->name : "without a name");
    rc__fault(RC_FAULT_TYPE, call, NULL, text);
    errno = EINVAL;
}

bool rc__element_check(const struct rc_element *e, uint8_t *kind, const char *call) {
    assert(kind && call);
    if (!e) {
        rc__fault(RC_FAULT_NULL, call, NULL, "the element table is NULL");
        return rc__fails(EINVAL);
    }
    if (e == &rc_link_element) { // which most are, and which is as it should be
        *kind = RC__E_LINK | RC__E_LINKS;
        return true;
    }
    const char *defect = defect_of(e);
    if (defect) {
        fault(e, call, defect);
        return false;
    }
    unsigned k = (e->destroy ? RC__E_DESTROY : 0) | (e->copy ? RC__E_COPY : 0);
    EACH_SLOT_IF_ANY(e, s)
        k |= s->kind == RC_SLOT_LINK ? RC__E_LINKS : RC__E_WEAK;
    if (k == RC__E_LINKS && e->size == sizeof(void *) && !e->has_links)
        k |= RC__E_LINK;
    else if (k & (RC__E_COPY | RC__E_LINKS))
        k |= RC__E_UNSURE;
    *kind = (uint8_t)k;
    assert(!(k & RC__E_LINK) || (k & RC__E_LINKS && !(k & RC__E_DESTROY)));
    assert((k & (RC__E_LINKS | RC__E_WEAK)) == 0 || e->slots);
    return true;
}

bool rc__element_copies(const struct rc_element *e, unsigned kind, const char *call) {
    assert(call != NULL);
    if (!(kind & RC__E_DESTROY) || kind & RC__E_COPY)
        return true;
    fault(e, call, "an element with a destructor and no copy function is given, not copied");
    return false;
}

bool rc__dropped_link(void *obj) {
    rc__drop_link(obj);
    return true;
}

static void drop_weak(const struct rc_element *e, void *element) {
    assert(e->slots && element);
    EACH_SLOT(e, s)
        if (s->kind == RC_SLOT_WEAK)
            EACH_PLACE(s, element, at) {
                rc_weak_release(rc__load(at));
                rc__store(at, NULL);
            }
}

static bool has_links(const struct rc_element *e, unsigned kind, const void *element) {
    return kind & RC__E_LINKS && (!e->has_links || e->has_links(element));
}

static void drop_links(const struct rc_element *e, void *element) {
    assert(e->slots && element);
    EACH_SLOT(e, s)
        if (s->kind == RC_SLOT_LINK)
            EACH_PLACE(s, element, at)
                rc_set_slot(at, NULL);
}

bool rc__element_copy(const struct rc_element *e, unsigned kind, void *to, const void *from) {
    assert(to != from);
    assert(!(kind & RC__E_COPY) == !e->copy);
    assert(!(kind & (RC__E_LINKS | RC__E_WEAK)) || e->slots);
    if (kind & RC__E_LINK) {
        void *obj = rc__load(from);
        rc__store(to, NULL);
        rc_set_slot(to, obj);
        return rc__load(to) == obj || rc__fails(EINVAL);
    }
    memcpy(to, from, e->size);
    bool linked = has_links(e, kind, to), alive = true;
    if (linked || kind & RC__E_WEAK)
        EACH_SLOT(e, s)
            EACH_PLACE(s, to, at) {
                void *p = rc__load(at);
                if (s->kind == RC_SLOT_WEAK) {
                    rc_weak_retain(p);
                } else if (linked) {
                    rc__store(at, NULL);
                    rc_set_slot(at, p);
                    alive &= rc__load(at) == p;
                }
            }
    if (alive && !(kind & RC__E_COPY))
        return true;
    errno = alive ? ENOMEM : EINVAL;
    if (alive && e->copy(to, from))
        return true;
    int error = errno;
    if (kind & RC__E_WEAK)
        drop_weak(e, to);
    if (linked)
        drop_links(e, to);
    return rc__fails(error);
}

void rc__element_give(const struct rc_element *e, unsigned kind, void *to, const void *from) {
    assert(!(kind & RC__E_LINKS) || e->slots);
    memmove(to, from, e->size);
    if (has_links(e, kind, to))
        EACH_SLOT(e, s)
            if (s->kind == RC_SLOT_LINK)
                EACH_PLACE(s, to, at) {
                    void *p = rc__load(at);
                    rc__store(at, NULL);
                    rc_give_slot(at, p);
                }
}

void rc__element_take(const struct rc_element *e, unsigned kind, void *to, void *from) {
    assert(!(kind & RC__E_LINKS) || e->slots);
    assert(to != from);
    if (kind & RC__E_LINK) {
        rc__store(to, rc__take_link(from));
        return;
    }
    if (has_links(e, kind, from))
        EACH_SLOT(e, s)
            if (s->kind == RC_SLOT_LINK)
                EACH_PLACE(s, from, at)
                    rc__store(at, rc__take_link(at));
    memcpy(to, from, e->size);
}

void rc__element_end(const struct rc_element *e, unsigned kind, void *element) {
    assert(element != NULL);
    assert(!(kind & RC__E_DESTROY) == !e->destroy);
    if (kind & RC__E_DESTROY)
        e->destroy(element);
    if (kind & RC__E_WEAK)
        drop_weak(e, element);
}

void rc__element_drop_all(const struct rc_element *e, unsigned kind, void *element) {
    assert(element != NULL && !(kind & RC__E_LINK));
    rc__element_end(e, kind, element);
    if (has_links(e, kind, element))
        drop_links(e, element);
}

bool rc__element_discard(const struct rc_element *e, unsigned kind, void *element) {
    int error = errno;
    rc__element_drop(e, kind, element);
    return rc__fails(error);
}

void *rc__discard(void *obj) {
    int error = errno;
    rc_release(obj);
    errno = error;
    return NULL;
}

void rc__element_move(const struct rc_element *e, unsigned kind, void *to, void *from) {
    assert(!(kind & RC__E_LINKS) || e->slots);
    assert(to != from && !(kind & RC__E_LINK && e->size != sizeof(void *)));
    memcpy(to, from, e->size);
    if (has_links(e, kind, to))
        EACH_SLOT(e, s)
            if (s->kind == RC_SLOT_LINK)
                EACH_PLACE(s, to, at) {
                    rc__store(at, NULL);
                    rc_move_slot(at, (char *)from + (at - (char *)to));
                }
}

void rc__element_visit(const struct rc_element *e, unsigned kind, struct rc_visitor *visitor, void *first, size_t n,
                       size_t stride) {
    assert(e->size > 0 && visitor->slots);
    assert(stride >= e->size && (first || !n));
    if (kind & RC__E_LINK && stride == sizeof(void *))
        rc_visit_slots(visitor, first, n);
    else if (kind & RC__E_LINKS)
        rc__visit_structs(visitor, first, n, stride, e->slots, e->has_links);
}

static uint64_t hash_bytes(const void *bytes, size_t n) {
    assert(bytes != NULL && n > 0);
    const unsigned char *p = bytes;
    uint64_t hash = n;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    memcpy(&rest, p, n);
    return (hash ^ rest) * UINT64_C(0x9E3779B97F4A7C15);
}

uint64_t rc__element_hash(const struct rc_element *e, const void *element) {
    assert(element != NULL);
    return e->hash ? e->hash(element) : hash_bytes(element, e->size);
}

bool rc__element_equal(const struct rc_element *e, const void *a, const void *b) {
    assert(a && b);
    return e->equal ? e->equal(a, b) : memcmp(a, b, e->size) == 0;
}

static const struct rc_type *type_for(const char *call) {
    static const struct rc_type *const types[] = {&rc_array_type, &rc_list_type, &rc_map_type, &rc_set_type,
                                                  &rc_box_type, &rc_weak_map_type, &rc_string_type};
    for (size_t i = 0;; i++) {
        assert(i < sizeof types / sizeof *types);
        if (strncmp(call, types[i]->name, strlen(types[i]->name)) == 0) // none begins as another one does
            return types[i];
    }
}

bool rc__is_for(const void *obj, const char *call) {
    return rc__is_of(obj, type_for(call));
}

static void of_another_kind(const void *obj, const char *call) {
    char why[64];
    snprintf(why, sizeof why, "is no %s", type_for(call)->name);
    rc__fault(RC_FAULT_TYPE, call, RC__HEADER((void *)(uintptr_t)obj), why);
}

bool rc__fits(const void *obj, const char *call) {
    if (!rc__is_known(obj))
        rc__misused(obj, call);
    else if (rc__is_for(obj, call))
        return true;
    else
        of_another_kind(obj, call);
    return rc__fails(EINVAL);
}

void rc__misused(const void *obj, const char *call) {
    assert(call != NULL);
    char why[64];
    const struct rc__header *h = obj ? RC__HEADER((void *)(uintptr_t)obj) : NULL;
    if (!h) {
        rc__fault(RC_FAULT_NULL, call, NULL, "the container is NULL");
    } else if (!rc__is_known(obj)) {
        snprintf(why, sizeof why, "%p is no object, or one whose memory is freed", obj);
        rc__fault(RC_FAULT_DEAD, call, NULL, why);
    } else if (!rc__heap(h)) {
        rc__fault(RC_FAULT_DEAD, call, h, "is dead");
    } else if (!rc__is_inside(h)) {
        rc__fault(RC_FAULT_OUTSIDE, call, h, "is not in the heap this thread is inside");
    } else if (!rc__is_for(obj, call)) {
        of_another_kind(obj, call);
    } else {
        errno = EBUSY;
        return;
    }
    errno = EINVAL;
}

void rc__not_given(const char *call) {
    assert(call != NULL);
    rc__fault(RC_FAULT_NULL, call, NULL, "the address of a key or value, or the function to be called, is NULL");
    errno = EINVAL;
}

void rc__not_alive(const void *obj, const char *call) {
    rc__fault_dead(call, RC__HEADER((void *)(uintptr_t)obj));
    errno = EINVAL;
}

// ---- ready-made tables

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))
#define COMPARE(name, T)                                                                                               \
    static int name(const void *a, const void *b) {                                                                    \
        T x, y;                                                                                                        \
        memcpy(&x, a, sizeof x);                                                                                       \
        memcpy(&y, b, sizeof y);                                                                                       \
        return ORDER(x, y);                                                                                            \
    }
COMPARE(compare_pointer, uintptr_t)
COMPARE(compare_byte, unsigned char)
COMPARE(compare_int, int)
COMPARE(compare_int64, int64_t)

static int compare_double(const void *a, const void *b) {
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x != x || y != y)
        return (y != y) - (x != x);
    return ORDER(x, y);
}

struct pointer {
    void *p;
};

const struct rc_element rc_link_element = {.name = "link",
                                           .size = sizeof(void *),
                                           .slots = RC_SLOTS(RC_LINK(struct pointer, p)),
                                           .compare = compare_pointer};
const struct rc_element rc_weak_element = {.name = "weak",
                                           .size = sizeof(void *),
                                           .slots = RC_SLOTS(RC_WEAK(struct pointer, p)),
                                           .compare = compare_pointer};
const struct rc_element rc_pointer_element = {"pointer", sizeof(void *), .compare = compare_pointer};
const struct rc_element rc_byte_element = {"byte", 1, .compare = compare_byte};
const struct rc_element rc_int_element = {"int", sizeof(int), .compare = compare_int};
const struct rc_element rc_int64_element = {"int64", sizeof(int64_t), .compare = compare_int64};
const struct rc_element rc_double_element = {"double", sizeof(double), .compare = compare_double};

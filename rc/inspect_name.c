// SPDX-License-Identifier: MIT
// What a slot is called: by the type's table where that declares it, by its place in a container, or by where it lies.
#include "block.h"
#include "inspect.h"
#include "table.h"

#include <refcyc/box.h>
#include <refcyc/list.h>
#include <refcyc/map.h>
#include <refcyc/set.h>
#include <refcyc/string.h>
#include <refcyc/weak_map.h>
#include <stdio.h>

// A slot, and what was told of it when it was shown.
struct shown {
    const char *slot;
    size_t number; // SIZE_MAX: it was not shown
    const struct rc_slot *fields;
    const char *structs;
    size_t stride;
    struct rc__list_place *near;
};

// The slot at [first] + [i] of the [n] that [v] is just shown.
static struct shown shown_now(struct rc_visitor *v, const char *first, size_t i, size_t n) {
    assert(i < n);
    return (struct shown){.slot = first + i * sizeof(void *),
                          .number = v->at - n + i, // v->at is the number of the slot behind the row; not so of structs
                          .fields = v->fields,
                          .structs = v->structs,
                          .stride = v->stride,
                          .near = &v->near};
}

struct search {
    struct rc_visitor visitor;
    const void *target;
    struct shown found;
};

static void look(struct rc_visitor *v, char *first, size_t n) {
    struct search *search = (struct search *)v;
    for (size_t i = 0; i < n && search->found.number == SIZE_MAX; i++)
        if (rc__load(first + i * sizeof(void *)) == search->target)
            search->found = shown_now(v, first, i, n);
}

// The slots that [h] shows before those of its trace.
static size_t declared_slots(const struct rc__header *h) {
    assert(rc__is_object(h));
    const struct rc__class *c = rc__class(h);
    size_t n = 0;
    for (uint32_t i = 0; i < c->run_count; i++)
        n += c->runs[i].count;
    for (const struct rc_type *t = c->type; t; t = t->base)
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++)
            n += s->kind == RC_SLOT_TAIL ? rc__load_word((const char *)(h + 1) + s->count) : 0;
    return n;
}

// The declared slot that lies at [offset], and its index in *[i] if there are several in a row, or else SIZE_MAX.
static const struct rc_slot *declared(const struct rc__header *h, size_t offset, size_t *i) {
    assert(i != NULL);
    for (const struct rc_type *t = rc__class(h)->type; t; t = t->base)
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++) {
            bool tail = s->kind == RC_SLOT_TAIL;
            size_t n = tail ? rc__load_word((const char *)(h + 1) + s->count) : s->count;
            if (offset < s->offset || (offset - s->offset) / sizeof(void *) >= n)
                continue;
            *i = tail || n > 1 ? (offset - s->offset) / sizeof(void *) : SIZE_MAX;
            return s;
        }
    return NULL;
}

// The field of a struct in a row, behind the struct's own name.
static void write_field(const struct shown *x, const char *base, char *text, size_t size) {
    assert(strlen(text) < size);
    size_t at = strlen(text);
    for (const struct rc_slot *s = x->fields; s && s->kind != RC_SLOT_END; s++) {
        size_t offset = (size_t)(x->slot - base);
        bool whole = s == x->fields && s[1].kind == RC_SLOT_END && s->offset == 0 && s->count == 1;
        if (s->kind == RC_SLOT_WEAK || whole || offset < s->offset || (offset - s->offset) / sizeof(void *) >= s->count)
            continue;
        if (s->count > 1)
            snprintf(text + at, size - at, ".%s[%zu]", s->name, (offset - s->offset) / sizeof(void *));
        else
            snprintf(text + at, size - at, ".%s", s->name);
    }
}

static void write_key(const struct rc__table *t, uint32_t e, char *text, size_t size) {
    assert(e < t->used && size > 0);
    const void *key = rc__table_key(t, e);
    const struct rc_string *string = t->sort == RC__KEY_STRING ? rc__load(key) : NULL;
    int64_t number;
    if (string) {
        snprintf(text, size, "[\"%.40s\"]", (const char *)(string + 1));
        for (char *c = text; *c; c++)
            *c = (unsigned char)*c < ' ' ? '?' : *c; // a report is made of lines
    } else if (t->key == &rc_int64_element) {
        memcpy(&number, key, sizeof number);
        snprintf(text, size, "[%lld]", (long long)number);
    } else if (t->key == &rc_int_element) {
        int small;
        memcpy(&small, key, sizeof small);
        snprintf(text, size, "[%d]", small);
    } else {
        snprintf(text, size, "[entry %u]", e);
    }
}

// A slot of a map or set.
static void write_entry(const struct rc__table *t, const struct shown *x, char *text, size_t size) {
    assert(x->slot >= t->entry && x->slot < t->entry + (size_t)t->used * t->stride);
    uint32_t e = (uint32_t)((size_t)(x->slot - t->entry) / t->stride);
    bool is_value = t->value && (size_t)(x->slot - t->entry) % t->stride >= t->value_at;
    if (is_value) {
        write_key(t, e, text, size);
        write_field(x, rc__table_value(t, e), text, size);
    } else {
        snprintf(text, size, t->value ? "key %u" : "[entry %u]", e);
        write_field(x, rc__table_key(t, e), text, size);
    }
}

static bool write_contained(const struct rc__header *h, const struct shown *x, char *text, size_t size) {
    assert(rc__is_object(h) && size > 0);
    const void *obj = h + 1;
    if (rc__is_of(obj, &rc_map_type) || rc__is_of(obj, &rc_set_type)) {
        write_entry(obj, x, text, size);
    } else if (rc__is_of(obj, &rc_weak_map_type)) {
        snprintf(text, size, "entry");
    } else if (rc__is_of(obj, &rc_box_type)) {
        snprintf(text, size, "value");
        write_field(x, x->structs, text, size);
    } else if (x->fields) {
        size_t i = (size_t)(x->slot - x->structs) / x->stride;
        size_t shown = rc__is_of(obj, &rc_list_type) ? rc__list_index(obj, (uint32_t)i, x->near) : i;
        snprintf(text, size, "[%zu]", shown);
        write_field(x, x->structs + i * x->stride, text, size);
    } else {
        return false;
    }
    return true;
}

static const char *write(struct rc__header *h, const struct shown *x, char *text, size_t size) {
    assert(x->slot && size > 0);
    const char *obj = rc__payload(h);
    size_t inside = rc__block_size(h) - sizeof *h, i;
    bool within = x->slot >= obj && x->slot < obj + inside;
    const struct rc_slot *s = within ? declared(h, (size_t)(x->slot - obj), &i) : NULL;
    if (s && i == SIZE_MAX) {
        snprintf(text, size, "%s", s->name);
        return s->name;
    }
    if (s)
        snprintf(text, size, "%s[%zu]", s->name, i);
    else if (h->word & RC__EXTRA && x->slot == rc__extra_slot(h))
        snprintf(text, size, "(as a key)");
    else if (write_contained(h, x, text, size))
        return NULL;
    else if (within)
        snprintf(text, size, "+%zu", (size_t)(x->slot - obj));
    else
        snprintf(text, size, "[%zu]", x->number - declared_slots(h));
    return NULL;
}

const char *rc__slot_name(struct rc__header *h, const void *target, char *text, size_t size) {
    struct search search = {.visitor.slots = look, .target = target, .found.number = SIZE_MAX};
    rc__trace(h, &search.visitor, 0, RC__ALL_SLOTS);
    assert(search.found.number != SIZE_MAX);
    return write(h, &search.found, text, size);
}

void rc__slot_name_shown(struct rc_visitor *v, struct rc__header *h, const char *first, size_t i, size_t n,
                         char *text, size_t size) {
    struct shown shown = shown_now(v, first, i, n);
    (void)write(h, &shown, text, size);
}

void rc__slot_name_owner(struct rc__header *h, char *text, size_t size) {
    assert(rc__class(h)->owner != RC__NO_SLOT);
    struct shown shown = {.slot = (char *)rc__payload(h) + rc__class(h)->owner}; // a declared one: that is all it takes
    (void)write(h, &shown, text, size);
}

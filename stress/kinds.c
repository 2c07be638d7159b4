// SPDX-License-Identifier: MIT
// From four bytes to a type table. All zero is the plainest kind: two links, a destructor to watch, nothing else, so
// that a shrunken program reads well.
//
//     byte 0   bits 0-2 declared links: 2, 3 ... 8, 1      bits 3-4 how they are declared (1, 3, and an owner: only that)
//              bits 5-7 >= 4: a tail, traced cells, an outside array, cells and an outside array
//     byte 1   bits 0-2 5: the first link has a target, 6: acyclic, 7: a leaf
//              bit 3 an owner slot, bits 4-5 weak slots, bit 6 extends kind 0, bit 7 keeps a handle
//     byte 2   bits 0-1 a finalizer, bits 2-4 all set: no destructor, bits 5-7 wide if all set
//     byte 3   how many cells more the object has; 200 to 249: a container
#include "kinds.h"

#include <stdio.h>
#include <string.h>

static void add_slot(struct kind *k, enum where where, int at, int target) {
    if (k->links == SLOTS)
        return;
    k->slot[k->links].where = (uint8_t)where;
    k->slot[k->links].at = (uint8_t)at;
    k->slot[k->links].target = (int8_t)target;
    k->links++;
}

enum { EXTENDED_BODY = (sizeof(struct rc_array) + 7) / 8 * 8 };

struct body *body_of_extended(void *object) {
    return (struct body *)(void *)((char *)object + EXTENDED_BODY);
}

struct body *body_of(const struct kind *kind, void *object) {
    return !kind->has_body ? NULL : kind->container ? body_of_extended(object) : object;
}

static struct rc_slot declared(const struct kind *k, enum rc_slot_kind kind, int cell, int n,
                               const struct rc_type *target) {
    size_t offset = (k->container ? EXTENDED_BODY : 0) + offsetof(struct body, cell) + (size_t)cell * sizeof(void *);
    return (struct rc_slot){kind, offset, (size_t)n, "cell", target};
}

// Declares cells [from, from + n) as links: one by one, as an array, as two arrays, or one by one from the end.
static int declare(struct kind *k, int from, int n, int how, const struct rc_type *target) {
    int written = 0;
    struct rc_slot *out = k->slots;
    if (n == 0)
        return 0;
    if (how == 1 || (how == 2 && n == 1)) {
        out[written++] = declared(k, RC_SLOT_LINK, from, n, target);
    } else if (how == 2) {
        out[written++] = declared(k, RC_SLOT_LINK, from, n / 2, target);
        out[written++] = declared(k, RC_SLOT_LINK, from + n / 2, n - n / 2, target);
    } else {
        for (int i = 0; i < n; i++)
            out[written++] = declared(k, RC_SLOT_LINK, how ? from + n - 1 - i : from + i, 1, target);
    }
    return written;
}

static void inherit(struct kind *k, const struct kind *base) {
    k->type.base = &base->type;
    k->base = 0;
    k->links = base->links;
    memcpy(k->slot, base->slot, sizeof k->slot);
    k->owner = base->owner;
    k->weak_count = base->weak_count;
    memcpy(k->weak_cell, base->weak_cell, sizeof k->weak_cell);
    k->cells = base->cells;
    k->has_outside = base->has_outside;
    k->wide = base->wide;
    k->keeps = base->keeps;
    k->finalizers = base->finalizers;
    k->destructors = base->destructors;
}

static void add_callbacks(struct kind *k, int n, const uint8_t *spec) {
    if ((spec[2] & 3) == 3 || (spec[2] & 3) == 1) {
        k->type.finalize = k->container ? on_finalize_extended : on_finalize;
        k->finalizers++;
    }
    if ((spec[2] >> 2 & 7) != 7) {
        k->type.destroy = k->container ? on_destroy_extended : on_destroy;
        k->destructors++;
    }
    if (k->traced || k->outside_here)
        k->type.trace = n == 0 ? on_trace_base : on_trace;
    if (k->outside_here)
        k->type.free_slots = on_free_slots;
}

static void add_rows(struct kind *k, int sort, int written) {
    if (sort == 4 && k->base < 0) {
        k->has_tail = true;
        for (int i = 0; i < ROW; i++)
            add_slot(k, IN_TAIL, i, -1);
        k->slots[written] = (struct rc_slot){RC_SLOT_TAIL, 0, offsetof(struct body, tail_count), "tail", NULL};
    }
    if (sort == 5 || sort == 7) {
        k->traced = 3;
        k->traced_cell = k->cells;
        for (int i = 0; i < k->traced; i++)
            add_slot(k, IN_CELL, k->cells++, -1);
    }
    if (sort >= 6 && !k->has_outside) {
        k->has_outside = k->outside_here = true;
        for (int i = 0; i < ROW; i++)
            add_slot(k, IN_OUTSIDE, i, -1);
    }
}

// One of the library's. The type that extends the array has links of its own, too.
static void make_container(struct kind *k, int which, bool wide) {
    static const struct rc_type *const types[] = {[ARRAY] = &rc_array_type,
                                                  [LIST] = &rc_list_type,
                                                  [MAP] = &rc_map_type,
                                                  [WEAK_MAP] = &rc_weak_map_type};
    k->container = (enum container)which;
    k->wide = wide && which != WEAK_MAP;
    k->has_body = which == EXTENDED;
    if (which != EXTENDED)
        k->object_type = types[which];
    else
        k->type.base = &rc_array_type;
    for (int i = 0; i < ROW && which != WEAK_MAP; i++)
        add_slot(k, IN_CONTAINER, i, -1);
}

void kind_make(struct kind *kinds, int n, const uint8_t *spec, bool wide, bool containers) {
    struct kind *k = &kinds[n];
    *k = (struct kind){.base = -1, .owner = -1, .rank = RANK_ANY, .has_body = true, .object_type = &k->type};
    snprintf(k->name, sizeof k->name, "kind%d", n);
    k->type.name = k->name;
    if (containers && n > 0 && spec[3] >= 200 && spec[3] < 250) {
        make_container(k, ARRAY + (spec[3] - 200) / 10, wide && spec[2] >> 5 == 7);
        if (k->container != EXTENDED)
            return;
        k->cells = 3;
        declare(k, 0, 3, 0, NULL);
        for (int i = 0; i < 3; i++)
            add_slot(k, IN_CELL, i, -1);
        k->type.size = EXTENDED_BODY + sizeof(struct body) + (size_t)k->cells * sizeof(void *);
        k->type.slots = k->slots;
        add_callbacks(k, n, spec);
        return;
    }
    int sort = spec[1] & 7;
    int leaf = n > 0 && (spec[1] & 7) == 7;
    bool acyclic = n > 0 && sort == 6;
    if (n > 0 && !leaf && !acyclic && spec[1] & 0x40 && kinds[0].rank == RANK_ANY && !kinds[0].has_tail)
        inherit(k, &kinds[0]);
    int written = 0;
    if (leaf) {
        k->rank = 0;
    } else {
        int links = 1 + ((spec[0] & 7) + 1) % 8;
        int how = spec[0] >> 3 & 3;
        int target = sort == 5 && n > 0 ? n - 1 : -1;
        if (links == 1 && how == 3 && spec[1] & 8 && target < 0 && !acyclic)
            links = 0;
        if (links > SLOTS - k->links)
            links = SLOTS - k->links;
        written = declare(k, k->cells, links, how, target < 0 ? NULL : kinds[target].object_type);
        for (int i = 0; i < links; i++)
            add_slot(k, IN_CELL, k->cells++, target);
        // All links go to one kind that is below others: then so is this one, and the library finds it out.
        if (target >= 0 && kinds[target].rank < RANK_ANY && k->base < 0)
            k->rank = kinds[target].rank + 1;
        if (acyclic)
            k->rank = 4;
        k->type.acyclic = acyclic;
        if (k->rank == RANK_ANY && spec[1] & 8 && k->owner < 0 && k->links < SLOTS) {
            k->owner = k->links;
            k->slots[written++] = declared(k, RC_SLOT_OWNER, k->cells, 1, NULL);
            add_slot(k, IN_CELL, k->cells++, -1);
        }
    }
    for (int i = spec[1] >> 4 & 3; i > 1 && k->weak_count < WEAK_SLOTS; i--) {
        k->slots[written++] = declared(k, RC_SLOT_WEAK, k->cells, 1, NULL);
        k->weak_cell[k->weak_count++] = k->cells++;
    }
    k->wide |= wide && spec[2] >> 5 == 7;
    if (k->rank == RANK_ANY)
        add_rows(k, spec[0] >> 5, written);
    k->keeps |= spec[1] >> 7;
    k->cells += spec[3] % 4 + (spec[3] >= 250 ? 60 : 0);
    k->type.size = sizeof(struct body) + (size_t)k->cells * sizeof(void *);
    if (k->has_tail)
        k->slots[written].offset = k->type.size;
    k->type.slots = k->slots;
    add_callbacks(k, n, spec);
    if (k->keeps && !k->destructors)
        k->keeps = false;
}

void kind_print(const struct kind *kinds, int n) {
    const struct kind *k = &kinds[n];
    static const char *const containers[] = {"",        "an array, ",           "a list, ",
                                             "a map, ", "extends the array, ", "a weak map, "};
    printf("kind%d: %s%s%d links", n, k->container && k->wide ? "wide, " : "", containers[k->container], k->links);
    for (int i = 0; i < k->links; i++)
        if (k->slot[i].target >= 0)
            printf(", slot %d to kind%d", i, k->slot[i].target);
    if (k->base >= 0)
        printf(", extends kind%d", k->base);
    if (k->rank < RANK_ANY)
        printf(k->type.acyclic ? ", acyclic" : ", acyclic by its targets");
    if (k->owner >= 0)
        printf(", owner is slot %d", k->owner);
    if (k->has_tail || k->has_outside)
        printf(", slots %d to %d in a %s%s", k->links - ROW, k->links - 1, k->wide ? "wide " : "",
               k->has_tail ? "tail" : "vector");
    if (k->traced)
        printf(", %d by trace", k->traced);
    if (k->weak_count)
        printf(", %d weak", k->weak_count);
    printf(", %d finalizers, %d destructors%s\n", k->finalizers, k->destructors, k->keeps ? ", keeps a handle" : "");
}

size_t row_count(const struct kind *kind, unsigned layout) {
    return (kind->wide ? 2049 : ROW) + layout % 3;
}

size_t row_capacity(const struct kind *kind) {
    return row_count(kind, 2);
}

size_t row_place(const struct kind *kind, int at, unsigned layout) {
    static const uint16_t wide[ROW] = {0, 1022, 1023, 1024, 1025, 2047, 2048, 1};
    unsigned turned = ((unsigned)at + layout) % ROW;
    return kind->wide ? wide[turned] : turned;
}

size_t padding(const struct kind *kind, unsigned layout) {
    return (kind->wide ? 1020 : 0) + layout;
}

int64_t map_key(int at) {
    return at * INT64_C(7919) + 1;
}

static void *element_address(const struct kind *kind, void *object, int at, unsigned layout,
                             const struct rc_list_pos *pos) {
    int64_t key = map_key(at);
    switch (kind->container) {
    case LIST:
        return rc_list_at(object, pos[at]);
    case MAP:
        return rc_map_find(object, &key);
    default:
        return rc_array_at(object, padding(kind, layout) + (size_t)at);
    }
}

void *slot_address(const struct kind *kind, void *object, int slot, unsigned layout, const struct rc_list_pos *pos) {
    int at = kind->slot[slot].at;
    struct body *body = body_of(kind, object);
    switch (kind->slot[slot].where) {
    case IN_TAIL:
        return (char *)body + kind->type.size + row_place(kind, at, layout) * sizeof(void *);
    case IN_OUTSIDE:
        return body->outside + row_place(kind, at, layout);
    case IN_CONTAINER:
        return element_address(kind, object, at, layout, pos);
    default:
        return &body->cell[at];
    }
}

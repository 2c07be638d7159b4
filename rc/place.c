// SPDX-License-Identifier: MIT
// In checked builds: which object a slot lies in, and what is an object. Calls get a slot as an address alone, so in other
// builds a thread that is inside some heap can change slots of another heap's objects unnoticed, and the counts there are wrong
// from then on.
//
// The address space is cut into units of 16 bytes; no two blocks share one. For each unit of an object this has the distance
// to its header, in units and one more, in a tree of three levels whose parts stay once they are made. If there is no memory
// for a part, slots there are not checked, and anything may be an object.
//
//     address:  | 15 bits: place in root | 15: in the middle | 14: in a leaf | 4 |
//
// Slots that lie in memory of their own (the elements of containers) are in no object; the containers check their callers. But a
// field that no table declares is no slot: a link that is made there is never found, and what it leads to is lost.
#include "object.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef RC_CHECK
enum { ROOT = 1 << 15, MIDDLE = 1 << 15, LEAF = 1 << 14, UNIT = 16 };

static AO_t root[ROOT], bytes; // of all parts
static AO_t gaps;              // parts for which there was no memory

// The part that [link] leads to, made if there is none and [size] is not 0.
static void *part(AO_t *link, size_t size) {
    assert(link != NULL);
    void *found = (void *)rc__word_load(link);
    if (found || !size)
        return found;
    void *made = calloc(1, size);
    if (!made) {
        rc__word_add(&gaps, 1);
        return NULL;
    }
    if (rc__word_change(link, 0, (AO_t)made)) {
        rc__word_add(&bytes, size);
        return made;
    }
    free(made);
    return (void *)rc__word_load(link);
}

static uint32_t *leaf_of(uintptr_t unit, bool make) {
    AO_t *middle = unit / LEAF / MIDDLE < ROOT ? part(&root[unit / LEAF / MIDDLE], make ? MIDDLE * sizeof(AO_t) : 0) : NULL;
    return middle ? part(&middle[unit / LEAF % MIDDLE], make ? LEAF * sizeof(uint32_t) : 0) : NULL;
}

static void set_units(const struct rc__header *h, size_t size, bool there) {
    assert((uintptr_t)h % UNIT == 0 && size > 0);
    uintptr_t first = (uintptr_t)h / UNIT, end = ((uintptr_t)h + size + UNIT - 1) / UNIT;
    uint32_t *leaf = NULL;
    for (uintptr_t unit = first; unit < end; unit++) {
        if (!leaf || unit % LEAF == 0)
            leaf = leaf_of(unit, there);
        if (leaf)
            RC__STORE(leaf[unit % LEAF], there ? (uint32_t)(unit - first + 1) : 0);
    }
}

size_t rc__place_bytes(void) {
    return rc__word_load(&bytes);
}

void rc__place_add(const struct rc__header *h, size_t size) {
    set_units(h, size, true);
}

void rc__place_remove(const struct rc__header *h, size_t size) {
    set_units(h, size, false);
}

static const struct rc__header *object_at(const void *slot) {
    uintptr_t unit = (uintptr_t)slot / UNIT;
    uint32_t *leaf = leaf_of(unit, false);
    uint32_t distance = leaf ? RC__LOAD(leaf[unit % LEAF]) : 0;
    return distance ? (const struct rc__header *)((unit + 1 - distance) * UNIT) : NULL;
}

bool rc__is_known(const void *obj) {
    const struct rc__header *h = object_at(obj);
    return h ? h + 1 == obj : rc__word_load(&gaps) > 0;
}

static bool declares(const struct rc_slot *slots, size_t offset) {
    for (const struct rc_slot *s = slots; s && s->kind != RC_SLOT_END; s++)
        if (offset >= s->offset && (s->kind == RC_SLOT_TAIL || offset < s->offset + s->count * sizeof(void *)))
            return true;
    return false;
}

// Whether [h] may have a slot at [slot]. What a trace reports is not asked for: it may look at what is being made.
static bool has_slot(const struct rc__header *h, const void *slot) {
    size_t offset = (size_t)((const char *)slot - (const char *)(h + 1));
    bool has = rc__is_dead(h);
    for (const struct rc_type *t = has ? NULL : rc__class(h)->type; t && !has; t = t->base)
        has = t->trace || declares(t->slots, offset);
    return has;
}

bool rc__slot_is_ours(const void *slot) {
    const struct rc__header *h = object_at(slot);
    return !h || (rc__heap_ever(h) == rc__here && has_slot(h, slot));
}

bool rc__slot_is_one(const void *slot, const char *call) {
    const struct rc__header *h = object_at(slot);
    if (!h || has_slot(h, slot))
        return true;
    rc__fault(RC_FAULT_SLOT, call, h, "has no slot there: its type's table declares none, and there is no trace that reports it");
    return false;
}

bool rc__slot_is_here(const void *slot, const char *call) {
    const struct rc__header *h = object_at(slot);
    struct rc_heap *heap = h ? rc__heap_ever(h) : rc__here;
    if (heap == rc__here)
        return true;
    char why[256];
    AO_t inside = rc__word_load(&heap->owner);
    int n = snprintf(why, sizeof why, "has a slot that thread %#lx changes, which is not inside the heap \"%s\"; ",
                     (unsigned long)pthread_self(), heap->name);
    if (n > 0 && (size_t)n < sizeof why)
        snprintf(why + n, sizeof why - (size_t)n, inside ? "thread %#lx is" : "nobody is", (unsigned long)inside);
    rc__fault(RC_FAULT_OUTSIDE, call, h, why);
    return false;
}
#endif

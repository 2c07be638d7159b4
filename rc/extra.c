// SPDX-License-Identifier: MIT
// Ephemerons: links that an object has because it is a key in weak maps.
//
//        key  ----------->  extras ---+
//       (EXTRA)  slot in     (one a   |
//                the heap's   key)    +--->  entry  --->  value
//                table                |
//        map  ----- its table --------+
//
// An entry has two links to it, one from its map, by the map's table, and one from its key, by the key's extras: an
// object that only the key links to, from a slot in a table of the heap. A key shows that slot like one of its own
// (rc__trace; the bit EXTRA says so). An entry's value slot is an ordinary one.
//
//   X1  An entry is in its map's table and in its key's extras, or is being taken out of both.
//   X2  When the map or the extras die, by count or as garbage, their destructor takes each of their entries out of
//       the other. So an entry dies with the first of the two. All that a map may still have of a dead key is an entry whose
//       extras are dead, and that counts as not being there.
//   X3  For the collector an entry is alive only if all that link to it are (CC_BOTH): the link from the map proves nothing
//       without the one from the key, nor the other way round.
//
// Why X3 is sound. An entry that is found white, and not marked, has a link from something white: its map or its
// extras, whose edge was recorded (R4). Either that is garbage, by the rules for all other objects; or it was pardoned, and
// then so was the entry, by that edge. What else links to the entry may be alive; it loses its link when X2 takes the
// entry out of it, before any memory goes. The program cannot get at the entry meanwhile: by way of the map it needs the
// key, by way of the key the map, and nobody can go through the entries of a weak map. And a value that only the entry holds
// has no other reference.
//
// Why nothing leaks by it. Where a key or a map became garbage there is a suspect that leads to it (R1), and from there
// the entry is met. If one of the two that link to an entry is not met, its link counts as one from outside, as if it were
// alive: for this collection, it is.
//
// If the living one of the two dies before the set is final, and the entry with it, the entry is pardoned like anything that
// dies then (cc_died). What is pardoned because an entry leads to it is suspect again, since it may be garbage all the same.
//
// While the set of a collection is destroyed (DESTROY, FREE), its members' counts mean nothing any more. A link from outside
// to an entry in the set is simply forgotten.
#include "extra.h"

struct rc__extras {
    struct rc__header *key;
    void **entries; // links
    uint32_t count, capacity;
    void *only;     // the row of entries of a key in one map
};

static bool is_in_set(const struct rc_heap *heap, const struct rc__header *h) {
    assert(rc__is_object(h));
    return h->word & RC__GRAPH && (heap->cc.phase == RC_PHASE_DESTROY || heap->cc.phase == RC_PHASE_FREE);
}

// Empties [slot], which is one of the hidden ones.
static void let_go(struct rc_heap *heap, void **slot) {
    assert(rc__is_mine(heap) && *slot);
    struct rc__header *h = RC__HEADER(*slot);
    *slot = NULL;
    if (!is_in_set(heap, h) && !rc__is_dead(h))
        rc__unlink(heap, h, "rc_weak_map");
}

// [obj] is new, with one handle, and gets [n] links in its place. Nothing becomes garbage by this, so it is no suspect.
static void adopt(void *obj, unsigned n) {
    assert(n == 1 || n == 2);
    struct rc__header *h = RC__HEADER(obj);
    assert(rc__handles(h) == 1 && !rc__links(h));
    rc__set_handles(h, 0);
    h->word += n * RC__LINK_ONE;
}

// ---- the heap's table: from an object to the slot of its extras

static struct rc__table *table_of(struct rc_heap *heap) {
    if (!heap->extras)
        heap->extras = rc__table_new(heap, &rc_pointer_element, &rc_pointer_element);
    return heap->extras;
}

static uint32_t find(const struct rc__table *t, const void *key) {
    assert(t->sort == RC__KEY_WORD);
    return rc__table_find_word(t, rc__table_mix((uintptr_t)key), (uintptr_t)key);
}

void *rc__extra_slot(const struct rc__header *h) {
    assert(h->word & RC__EXTRA && rc__class(h)->heap->extras);
    const struct rc__table *t = rc__class(h)->heap->extras;
    assert(find(t, h) != RC__NO_ENTRY);
    return rc__table_value(t, find(t, h));
}

void rc__extra_forget(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && heap->extras);
    assert(h->word & RC__EXTRA);
    rc__table_remove(heap->extras, find(heap->extras, h));
    assert(find(heap->extras, h) == RC__NO_ENTRY);
    h->word &= ~RC__EXTRA;
}

void rc__extras_free(struct rc_heap *heap) {
    rc__table_delete(heap, heap->extras);
    heap->extras = NULL;
}

bool rc__extras_reserve(struct rc_heap *into, const struct rc_heap *from) {
    assert(into != from);
    if (!from->extras || !from->extras->count)
        return true;
    struct rc__table *t = table_of(into);
    return t && rc__table_reserve(into, t, (size_t)t->count + from->extras->count);
}

void rc__extras_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(into != from);
    assert(!from->extras || !from->extras->count || into->extras);
    const struct rc__table *t = from->extras;
    for (uint32_t e = 0; t && e < t->used; e++)
        if (rc__table_lives(t, e)) {
            uint32_t there = rc__table_add(into->extras, t->state[e]);
            memcpy(rc__table_key(into->extras, there), rc__table_key(t, e), t->stride);
        }
    rc__extras_free(from);
}

// ---- the extras of an object

static void extras_trace(void *obj, struct rc_visitor *visitor) {
    struct rc__extras *x = obj;
    assert(x->count <= x->capacity);
    rc_visit_slots(visitor, x->entries, x->count);
}

static void take_off_map(struct rc_heap *heap, struct rc__entry *entry, const struct rc__header *key) {
    assert(rc__is_mine(heap));
    assert(!entry->table || rc__class(RC__HEADER(entry))->both);
    struct rc__table *t = entry->table;
    uint32_t e = t ? find(t, key) : RC__NO_ENTRY;
    entry->table = NULL;
    if (e == RC__NO_ENTRY || rc__load(rc__table_value(t, e)) != entry)
        return;
    void *link = entry;
    rc__table_remove(t, e);
    let_go(heap, &link);
}

// X2
static bool extras_destroy_some(void *obj, size_t from, size_t to) {
    assert(rc__is_dead(RC__HEADER(obj)) && from <= to);
    struct rc__extras *x = obj;
    struct rc_heap *heap = rc__home(x);
    for (size_t i = from; i < to && i < x->count; i++)
        if (x->entries[i]) {
            struct rc__entry *entry = x->entries[i];
            entry->extras = NULL;
            take_off_map(heap, entry, x->key);
            let_go(heap, &x->entries[i]);
        }
    return to < x->count;
}

static void extras_free_slots(void *obj) {
    assert(rc__is_dead(RC__HEADER(obj)));
    struct rc__extras *x = obj;
    assert(x->entries);
    if (x->entries != &x->only)
        rc__memory_later(rc__home(x), x->entries, x->capacity * sizeof *x->entries);
}

static const struct rc_type extras_type = {.name = "entries of a key",
                                           .size = sizeof(struct rc__extras),
                                           .trace = extras_trace,
                                           .free_slots = extras_free_slots,
                                           .destroy_some = extras_destroy_some};

static struct rc__extras *extras_of(const struct rc__header *key) {
    assert(rc__is_object(key));
    return key->word & RC__EXTRA ? rc__load(rc__extra_slot(key)) : NULL;
}

// The extras of [key], which has none yet. NULL with errno.
static struct rc__extras *extras_new(struct rc_heap *heap, struct rc__header *key) {
    assert(rc__is_mine(heap));
    assert(!(key->word & RC__EXTRA) && !rc__is_dead(key));
    struct rc__table *t = table_of(heap);
    if (!t || !rc__table_room(heap, t))
        return NULL;
    struct rc__extras *x = rc_new(&extras_type);
    if (!x)
        return NULL;
    uint32_t e = rc__table_add(t, rc__table_mix((uintptr_t)key));
    rc__store(rc__table_key(t, e), key);
    rc__store(rc__table_value(t, e), x);
    adopt(x, 1);
    x->key = key;
    x->entries = &x->only;
    x->capacity = 1;
    key->word |= RC__EXTRA;
    assert(rc__extra_slot(key) != NULL && rc__load(rc__extra_slot(key)) == x);
    return x;
}

// [x] has no entry any more: its key needs it no more.
static void extras_drop(struct rc_heap *heap, struct rc__extras *x) {
    assert(rc__is_mine(heap));
    assert(x->count == 0);
    struct rc__header *key = x->key;
    if (rc__is_dead(key) || is_in_set(heap, key))
        return; // it goes anyway
    void *link = x;
    rc__extra_forget(heap, key);
    let_go(heap, &link);
}

static bool extras_room(struct rc_heap *heap, struct rc__extras *x) {
    assert(x->entries && x->capacity > 0);
    assert((x->entries == &x->only) == (x->capacity == 1));
    assert(x->count <= x->capacity);
    if (x->count < x->capacity)
        return true;
    size_t size = x->capacity * sizeof *x->entries;
    bool first = x->entries == &x->only;
    void **entries = NULL;
    if (x->capacity < UINT32_MAX / 2) // LCOV_EXCL_BR_LINE: 2^31 weak maps do not fit into a test
        entries = rc__memory_grow(heap, first ? NULL : x->entries, first ? 0 : size, first ? 0 : size, 2 * size);
    if (!entries)
        return rc__fails(ENOMEM);
    if (first)
        entries[0] = x->only;
    x->entries = entries;
    x->capacity *= 2;
    assert(x->count < x->capacity);
    return true;
}

static void take_off_key(struct rc_heap *heap, struct rc__entry *entry) {
    assert(rc__is_mine(heap));
    struct rc__extras *x = entry->extras;
    entry->extras = NULL;
    if (!x || rc__is_dead(RC__HEADER(x)))
        return; // X2: its destructor lets go of the entry
    rc__moving(x);
    uint32_t i = entry->place;
    assert(i < x->count && x->entries[i] == entry);
    struct rc__entry *last = x->entries[--x->count];
    x->entries[i] = last;
    last->place = i;
    void *link = entry;
    let_go(heap, &link);
    if (!x->count)
        extras_drop(heap, x);
}

// ---- entries

const struct rc_type rc__entry_type = {"entry of a weak map", sizeof(struct rc__entry),
                                       .slots = RC_SLOTS(RC_LINK(struct rc__entry, value))};

static bool is_good(const struct rc__entry *entry) {
    assert(rc__class(RC__HEADER((void *)(uintptr_t)entry))->both);
    return entry->extras && !rc__is_dead(RC__HEADER(entry->extras));
}

static struct rc__entry *entry_at(const struct rc__table *t, uint32_t e) {
    assert(e == RC__NO_ENTRY || rc__table_lives(t, e));
    return e == RC__NO_ENTRY ? NULL : rc__load(rc__table_value(t, e));
}

struct rc__entry *rc__entry_find(const struct rc__table *t, const void *key) {
    assert(t && key);
    struct rc__entry *entry = entry_at(t, find(t, RC__HEADER((void *)(uintptr_t)key)));
    return entry && is_good(entry) ? entry : NULL;
}

void rc__entry_remove(struct rc__entry *entry) {
    assert(rc__entry_find(entry->table, rc__payload(entry->extras->key)) == entry); // X1
    assert(entry->table && entry->extras); // X1
    struct rc_heap *heap = rc__here;
    const struct rc__header *key = entry->extras->key;
    struct rc__entry *held = rc_retain(entry);
    take_off_map(heap, held, key);
    take_off_key(heap, held);
    rc_release(held);
}

// An entry of an object that was at this address before, and of which something is left (X2).
static void remove_stale(struct rc_heap *heap, struct rc__table *t, const struct rc__header *key) {
    assert(rc__is_mine(heap));
    struct rc__entry *stale = entry_at(t, find(t, key));
    if (stale)
        take_off_map(heap, stale, key);
}

bool rc__entry_new(struct rc__table *t, void *obj, void *value) {
    assert(t && obj);
    assert(!rc__entry_find(t, obj)); // X1
    struct rc_heap *heap = rc__here;
    struct rc__header *key = RC__HEADER(obj);
    struct rc__extras *x = extras_of(key);
    remove_stale(heap, t, key);
    struct rc__entry *entry = rc__table_room(heap, t) ? rc_new(&rc__entry_type) : NULL;
    if (!x && entry)
        x = extras_new(heap, key);
    if (!entry || !x || !extras_room(heap, x)) { // new extras have room, so there are none without an entry now
        rc_release(entry);
        return rc__fails(ENOMEM);
    }
    rc_set_slot(&entry->value, value);
    assert(entry->value == value);
    rc__class_keyed(heap, key);
    assert(x->key == key && key->word & RC__EXTRA && x->count < x->capacity);
    uint32_t e = rc__table_add(t, rc__table_mix((uintptr_t)key));
    rc__store(rc__table_key(t, e), key);
    rc__store(rc__table_value(t, e), entry);
    entry->table = t;
    entry->extras = x;
    entry->place = x->count;
    x->entries[x->count++] = entry;
    assert(x->entries[entry->place] == entry);
    adopt(entry, 2);
    return true;
}

// X2
bool rc__entries_end(struct rc__table *t, size_t from, size_t to) {
    assert(from <= to);
    struct rc_heap *heap = rc__here;
    bool more = to < t->used; // the last entry's value, as it dies, may clear the map: then [t] is gone
    for (size_t i = from; i < to && i < t->used; i++) {
        uint32_t e = (uint32_t)i;
        struct rc__entry *entry = rc__table_lives(t, e) ? entry_at(t, e) : NULL;
        if (!entry)
            continue;
        void *link = entry;
        rc__table_remove(t, e);
        entry->table = NULL;
        take_off_key(heap, entry);
        let_go(heap, &link);
    }
    return more;
}

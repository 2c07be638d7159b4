// SPDX-License-Identifier: MIT
// The hash table under maps, sets and the heap's own tables. Not installed.
//
//     place:  | hash, entry | 0 | hash, entry | ...      a power of two of them, searched one after the other from
//                                                        where the hash says (linear probing); at most 5 of 8 are taken
//     entry:  | key, value | key, value | ...            in a row, so that the collector reads them in a row
//     state:  | LIVE, hash | next free | ...             of each entry
//
//   T1  Each live entry has one place, whose upper half is its state. All other places are 0.
//   T2  An entry keeps its number for as long as it lives, but for rc__table_fit: so an iteration by number survives
//       what is put in and taken out meanwhile, and meets each entry that stays exactly once.
//   T3  A removed entry is all zero bytes, and is used again before a new one is. Entries from `used` on were never
//       used.
//   T4  Hashes are kept, so that growing and removing call nobody.
//   T5  E1 and E2 of element.h.
//
// Entries do not move when others come and go. So nothing here has to be told to a collection that has read a part of
// them, but for fit, and for a new entry at the end of a table whose keys and values are both read, in two rows: their
// slots are numbered through, and those of the second row get other numbers when the first becomes longer.
#ifndef RC_TABLE_H
#define RC_TABLE_H

#include "element.h"

#define RC__LIVE UINT32_C(0x80000000)
#define RC__NO_ENTRY UINT32_C(0x7FFFFFFF)

// How keys are compared.
enum rc__key_sort {
    RC__KEY_WORD,   // 8 bytes
    RC__KEY_SMALL,  // fewer
    RC__KEY_STRING, // struct rc_string *, by text
    RC__KEY_BYTES,  // any number of bytes
    RC__KEY_USER    // by the element's functions
};

// In an object of its own (a map, a set) it comes first, so that the table's address is the object's.
struct rc__table {
    const struct rc_element *key, *value; // value is NULL in a set
    char *entry;
    uint64_t *place;
    uint32_t *state;
    uint32_t count, used, capacity; // entries that live; were ever used; have memory
    uint32_t free;                  // first of the removed entries, threaded through state; or RC__NO_ENTRY
    uint32_t mask;                  // places - 1
    uint32_t version;               // counts what T2 excepts
    uint16_t value_at, stride;
    uint16_t busy;
    uint8_t key_kind, value_kind, sort;
    uint8_t shift;                  // of a hash, so that it names a place
};

static inline void *rc__table_key(const struct rc__table *t, uint32_t e) {
    return t->entry + (size_t)e * t->stride;
}
static inline void *rc__table_value(const struct rc__table *t, uint32_t e) {
    return t->entry + (size_t)e * t->stride + t->value_at;
}
static inline bool rc__table_lives(const struct rc__table *t, uint32_t e) {
    return e < t->used && t->state[e] & RC__LIVE;
}

// Fibonacci hashing (Knuth, vol. 3, 6.4): the upper bits of the product depend on all bits of [word], and spread
// numbers in a row evenly. The place is in the upper bits of the hash, so a table of twice the size has its places in
// the same order.
static inline uint32_t rc__table_mix(uint64_t word) {
    return RC__LIVE | (uint32_t)((word ^ word >> 32) * UINT64_C(0x9E3779B97F4A7C15) >> 33);
}
static inline uint32_t rc__table_home(const struct rc__table *t, uint32_t hash) {
    return (hash & ~RC__LIVE) >> t->shift;
}
static inline uint64_t rc__load_word(const void *key) {
    uint64_t word;
    memcpy(&word, key, sizeof word);
    return word;
}

// The number of the entry whose state is [hash] and for which [is_it] holds, as the value of the function this is in.
#define RC__SEARCH(t, hash, is_it)                                                                                     \
    do {                                                                                                               \
        if (!(t)->place)                                                                                               \
            return RC__NO_ENTRY;                                                                                       \
        uint32_t i_ = rc__table_home((t), (hash));                                                                     \
        for (uint64_t p_; (p_ = (t)->place[i_]) != 0; i_ = (i_ + 1) & (t)->mask) {                                     \
            uint32_t e = (uint32_t)p_;                                                                                 \
            if ((uint32_t)(p_ >> 32) == (hash) && (is_it))                                                             \
                return e;                                                                                              \
        }                                                                                                              \
        return RC__NO_ENTRY;                                                                                           \
    } while (0)

static inline uint32_t rc__table_find_word(const struct rc__table *t, uint32_t hash, uint64_t word) {
    RC__SEARCH(t, hash, rc__load_word(rc__table_key(t, e)) == word);
}

// Fills in an empty table. false with errno after a fault.
bool rc__table_init(struct rc__table *t, const struct rc_element *key, const struct rc_element *value,
                    const char *call);
// What a state is made of. Calls the user's hash: E2 is the caller's affair, here and in find.
uint32_t rc__table_hash(const struct rc__table *t, const void *key);
uint32_t rc__table_hash_text(const char *text, size_t length);
// The entry of an equal key, or RC__NO_ENTRY.
uint32_t rc__table_find(const struct rc__table *t, uint32_t hash, const void *key);
uint32_t rc__table_find_text(const struct rc__table *t, uint32_t hash, const char *text, size_t length);
// Room for one entry more; for [n] in all. false with errno.
bool rc__table_room(struct rc_heap *heap, struct rc__table *t);
bool rc__table_reserve(struct rc_heap *heap, struct rc__table *t, size_t n);
// Gives memory back that is not used. Entries get other numbers.
bool rc__table_fit(struct rc_heap *heap, struct rc__table *t);
// A new entry, all zero, for which there is room.
uint32_t rc__table_add(struct rc__table *t, uint32_t hash);
// Entry [e] is one no more. Its bytes go: whoever needs them has a copy.
void rc__table_remove(struct rc__table *t, uint32_t e);
void rc__table_free(struct rc_heap *heap, struct rc__table *t);

// For type tables of what begins with a table.
void rc__table_trace(void *obj, struct rc_visitor *visitor);
bool rc__table_destroy_some(void *obj, size_t from, size_t to);
void rc__table_free_slots(void *obj);
bool rc__table_has_links(const struct rc__table *t);

// keyed.c: what maps and sets have in common. [t] is the object; value is NULL in sets.
bool rc__keyed_put(struct rc__table *t, const void *key, const void *value, const char *call);
bool rc__keyed_put_give(struct rc__table *t, void *key, void *value, const char *call);
uint32_t rc__keyed_find(const struct rc__table *t, const void *key, const char *call);
// Removes entry [e]; its key or its value, moved out, go to the caller where there is somewhere to put them.
void rc__keyed_remove(struct rc__table *t, uint32_t e, void *key, void *value);
bool rc__keyed_copy(struct rc__table *to, const struct rc__table *from, const char *call);
bool rc__keyed_reserve(struct rc__table *t, size_t n, const char *call);
bool rc__keyed_shrink(struct rc__table *t, const char *call);
// [remains] is an object like [t], or NULL.
void rc__keyed_clear(struct rc__table *t, struct rc__table *remains);
enum rc_iter rc__keyed_next(const struct rc__table *t, uint32_t version, uint32_t *next);
// Entry [e], if its hash still is [hash].
bool rc__keyed_iter_remove(struct rc__table *t, uint32_t version, uint32_t e, uint32_t hash, const char *call);

// E2: around callbacks.
static inline struct rc__table *rc__table_begin(const struct rc__table *table) {
    struct rc__table *t = (struct rc__table *)(uintptr_t)table;
    t->busy++;
    return t;
}

#endif

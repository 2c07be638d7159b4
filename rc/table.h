// SPDX-License-Identifier: MIT
// The hash table under maps, sets and the heap's own tables. Not installed.
//
//     bucket: | tag x 12 | entry x 12 |        a power of two of them, a cache line each. An entry has its place in the
//                                              bucket that the hash names or, if that is full, in the next one that is not.
//                                              At most 9 of 12 places are taken on average; all, if there is only one bucket
//     entry:  | key, value | key, value | ...  in a row, so that the collector reads them in a row
//     state:  | LIVE, hash | next free | ...   of each entry
//
// A tag is 8 bits of the hash. All tags of a bucket are compared at once, so a look-up has no branch that depends on which
// place is the right one: a processor that guesses no branch wrong reads ahead for the next look-up while it waits for this
// one.
//
//   T1  Each live entry has one place, with its tag. In a bucket the places that are taken come first; the others have tag 0.
//       All buckets between that of an entry's hash and that of its place are full.
//   T2  An entry keeps its number as long as it lives, except that rc__table_fit gives new ones: so an iteration by number is
//       not disturbed by what is put in and taken out meanwhile, and meets each entry that stays exactly once.
//   T3  A removed entry is all zero bytes, and is used again before a new one is. Entries from `used` on were never
//       used.
//   T4  Hashes are kept, so that growing and removing call nobody.
//   T5  E1 and E2 of element.h.
//
// Entries do not move when others come and go. So a collection that has read a part of them need not be told of that. It has to
// be told of fit; and of a new entry at the end of a table whose keys and values are both read, in two rows: all slots are
// numbered through, and those of the second row get other numbers when the first row becomes longer.
#ifndef RC_TABLE_H
#define RC_TABLE_H

#include "element.h"
#include "text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

enum { RC__BUCKET = 12 }; // places in a bucket
struct rc__bucket {
    uint8_t tag[RC__BUCKET], zero[16 - RC__BUCKET]; // read as 16 bytes
    uint32_t entry[RC__BUCKET];
};

// In an object of its own (a map, a set) it comes first, so that the table's address is the object's.
struct rc__table {
    const struct rc_element *key, *value; // value is NULL in a set
    void *memory;             // one block, which has the rest of these:
    struct rc__bucket *bucket; // without memory, one that is empty and stays so
    char *entry;
    uint32_t *state;
    uint32_t count, used, capacity; // entries that live; were ever used; have memory
    uint32_t free;                  // first of the removed entries, threaded through state; or RC__NO_ENTRY
    uint32_t mask;                  // buckets - 1
    uint32_t version;               // changes when entries get other numbers (T2), or all go
    uint16_t value_at, stride;
    uint16_t busy;
    uint8_t key_kind, value_kind, sort;
    bool words, texts;              // the keys are RC__KEY_WORD; RC__KEY_STRING; and each value is one link
    uint8_t shift;                  // of a hash, so that it names a bucket
};

// For assertions: T3, and what the memory is there for.
static inline bool rc__table_is_sound(const struct rc__table *t) {
    // LCOV_EXCL_BR_START: an assertion's
    return t->key && t->bucket && t->count <= t->used && t->used <= t->capacity &&
           (t->capacity > 0) == (t->memory != NULL) && (t->count == t->used) == (t->free == RC__NO_ENTRY);
    // LCOV_EXCL_BR_STOP: and no more
}

static inline void *rc__table_key(const struct rc__table *t, uint32_t e) {
    assert(e <= t->used && e < t->capacity);
    return t->entry + (size_t)e * t->stride;
}
static inline void *rc__table_value(const struct rc__table *t, uint32_t e) {
    assert(e <= t->used && e < t->capacity);
    return t->entry + (size_t)e * t->stride + t->value_at;
}
// The same where [t] is one of `words`, or of `texts`, whose entries are all alike.
struct rc__word_entry {
    uint64_t key;
    void *value;
};
struct rc__text_entry {
    struct rc_string *key;
    void *value;
};
static inline struct rc__word_entry *rc__table_word(const struct rc__table *t, uint32_t e) {
    assert(t->words && e < t->capacity);
    return (struct rc__word_entry *)(void *)t->entry + e;
}
static inline struct rc__text_entry *rc__table_text(const struct rc__table *t, uint32_t e) {
    assert(t->texts && e < t->capacity);
    return (struct rc__text_entry *)(void *)t->entry + e;
}
static inline bool rc__table_lives(const struct rc__table *t, uint32_t e) {
    return e < t->used && t->state[e] & RC__LIVE;
}

// Fibonacci hashing (Knuth, vol. 3, 6.4): the upper bits of the product depend on all bits of [word], and spread
// numbers in a row evenly. The bucket is in the upper bits of the hash, so a table of twice the size has its buckets in
// the same order.
static inline uint32_t rc__table_mix(uint64_t word) {
    return RC__LIVE | (uint32_t)((word ^ word >> 32) * UINT64_C(0x9E3779B97F4A7C15) >> 33);
}
static inline uint32_t rc__table_home(const struct rc__table *t, uint32_t hash) {
    assert(hash & RC__LIVE); // T1
    return (hash & ~RC__LIVE) >> t->shift;
}
static inline uint64_t rc__load_word(const void *key) {
    uint64_t word;
    memcpy(&word, key, sizeof word);
    return word;
}

// The tag of a hash, which is not 0.
static inline uint8_t rc__tag(uint32_t hash) {
    uint8_t tag = (uint8_t)hash;
    return (uint8_t)(tag + !tag);
}

// Bit i: place i of [b] has [tag]; for tag 0 bits from RC__BUCKET on mean nothing.
static inline unsigned rc__bucket_find(const struct rc__bucket *b, uint8_t tag) {
#ifdef __SSE2__
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)b->tag);
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag)));
#else
    unsigned found = 0;
    for (int i = 0; i < RC__BUCKET; i++)
        found |= (unsigned)(b->tag[i] == tag) << i;
    return found;
#endif
}
static inline bool rc__bucket_is_full(const struct rc__bucket *b) {
    return b->tag[RC__BUCKET - 1] != 0; // T1
}

// Returns, from the function that this stands in: [found] for the entry with this hash for which [is_it] holds, or [none]. In
// [is_it] and [found], e is the number of the entry; in [found], RC__PLACE is the address of its place.
#define RC__SEARCH_FOR(t, hash, is_it, found, none)                                                                    \
    do {                                                                                                               \
        uint32_t home_ = rc__table_home((t), (hash)), i_ = home_;                                                      \
        do {                                                                                                           \
            struct rc__bucket *b_ = &(t)->bucket[i_];                                                                  \
            for (unsigned found_ = rc__bucket_find(b_, rc__tag(hash)); found_; found_ &= found_ - 1) {                 \
                uint32_t e = b_->entry[__builtin_ctz(found_)];                                                         \
                if (__builtin_expect(is_it, 1))                                                                        \
                    return (found);                                                                                    \
            }                                                                                                          \
            if (__builtin_expect(!rc__bucket_is_full(b_), 1))                                                          \
                return (none);                                                                                         \
            i_ = (i_ + 1) & (t)->mask;                                                                                 \
        } while (i_ != home_);                                                                                         \
        return (none);                                                                                                 \
    } while (0)
#define RC__SEARCH(t, hash, is_it) RC__SEARCH_FOR(t, hash, is_it, e, RC__NO_ENTRY)
#define RC__PLACE (&b_->entry[__builtin_ctz(found_)])
#define RC__SEARCH_PLACE(t, hash, is_it) RC__SEARCH_FOR(t, hash, is_it, RC__PLACE, NULL)

static inline uint32_t rc__table_find_word(const struct rc__table *t, uint32_t hash, uint64_t word) {
    assert(hash & RC__LIVE); // T4
    RC__SEARCH(t, hash, rc__load_word(rc__table_key(t, e)) == word);
}

// A place is where in its bucket the number of an entry stands. That of [word], or NULL.
static inline uint32_t *rc__table_place_of_word(const struct rc__table *t, uint32_t hash, uint64_t word) {
    assert(hash & RC__LIVE); // T4
    RC__SEARCH_PLACE(t, hash, rc__load_word(rc__table_key(t, e)) == word);
}

// The value slot of [word] in a table of `words`, or NULL.
static inline void **rc__table_slot_of_word(const struct rc__table *t, uint64_t word) {
    assert(t->words);
    uint32_t hash = rc__table_mix(word);
    RC__SEARCH_FOR(t, hash, rc__table_word(t, e)->key == word, &rc__table_word(t, e)->value, NULL);
}

// The value slot of a text in a table of `texts`, or NULL.
static inline __attribute__((always_inline)) void **rc__table_slot_of_text(const struct rc__table *t, uint32_t hash,
                                                                           const char *text, size_t length) {
    assert(t->texts);
    RC__SEARCH_FOR(t, hash, rc__text_is(rc__table_text(t, e)->key, text, length), &rc__table_text(t, e)->value, NULL);
}

// Fills in an empty table. false with errno after a fault.
bool rc__table_init(struct rc__table *t, const struct rc_element *key, const struct rc_element *value,
                    const char *call);
// A table that is no object's, of elements of ours, in memory of its own; NULL with errno. And its end, of NULL, too.
struct rc__table *rc__table_new(struct rc_heap *heap, const struct rc_element *key, const struct rc_element *value);
void rc__table_delete(struct rc_heap *heap, struct rc__table *t);
// As rc__table_init, for one that has keys and values as [like] has.
void rc__table_like(struct rc__table *t, const struct rc__table *like);
// What a state is made of. Calls the user's hash: E2 is the caller's affair, here and in find.
uint32_t rc__table_hash(const struct rc__table *t, const void *key);
// The entry of an equal key, or RC__NO_ENTRY.
uint32_t rc__table_find(const struct rc__table *t, uint32_t hash, const void *key);
uint32_t rc__table_find_text(const struct rc__table *t, uint32_t hash, const char *text, size_t length);
uint32_t *rc__table_place_of_text(const struct rc__table *t, uint32_t hash, const char *text, size_t length);
// Room for one entry more; for [n] in all. false with errno.
bool rc__table_grow(struct rc_heap *heap, struct rc__table *t);
static inline bool rc__table_room(struct rc_heap *heap, struct rc__table *t) {
    return t->count < t->capacity || rc__table_grow(heap, t);
}
bool rc__table_reserve(struct rc_heap *heap, struct rc__table *t, size_t n);
// Gives memory back that is not used. Entries get other numbers.
bool rc__table_fit(struct rc_heap *heap, struct rc__table *t);
// A new entry, all zero, for which there is room.
uint32_t rc__table_add(struct rc__table *t, uint32_t hash);
// Entry [e] is one no more. Its bytes go: whoever needs them has a copy.
void rc__table_remove(struct rc__table *t, uint32_t e);
// The same, where its place is known: so its state need not be read first.
void rc__table_remove_at(struct rc__table *t, uint32_t *place);
uint32_t *rc__table_place(const struct rc__table *t, uint32_t e);
void rc__table_free(struct rc_heap *heap, struct rc__table *t);

// For type tables of what begins with a table.
void rc__table_trace(void *obj, struct rc_visitor *visitor);
bool rc__table_destroy_some(void *obj, size_t from, size_t to);
void rc__table_free_slots(void *obj);
bool rc__table_has_links(const struct rc__table *t);

// keyed.c, keyed_many.c: what maps and sets have in common. [t] is the object; value is NULL in sets.
// A new entry, all zero, for which there is room.
uint32_t rc__keyed_add(struct rc__table *t, uint32_t hash);
bool rc__keyed_put(struct rc__table *t, const void *key, const void *value, const char *call);
// The entry of [key], made if there is none: its value is all zero. RC__NO_ENTRY with errno.
uint32_t rc__keyed_ensure(struct rc__table *t, const void *key, const char *call);
// In a table of `words`, a key that is not there.
bool rc__keyed_add_word(struct rc__table *t, uint64_t word, void *obj, const char *call);
// In a table of `texts`, a text that is not there; the caller's handle of [string] goes with it.
bool rc__keyed_add_text(struct rc__table *t, uint32_t hash, struct rc_string *string, void *obj);
bool rc__keyed_put_give(struct rc__table *t, void *key, void *value, const char *call);
uint32_t rc__keyed_find(const struct rc__table *t, const void *key, const char *call);
// Removes entry [e]; its key or its value, moved out, go to the caller where there is somewhere to put them.
void rc__keyed_remove(struct rc__table *t, uint32_t e, void *key, void *value);
// Removes the entry of [place], unless that is NULL. Returns whether there was one.
bool rc__keyed_remove_at(struct rc__table *t, uint32_t *place);
bool rc__keyed_copy(struct rc__table *to, const struct rc__table *from, const char *call);
// The entries of [fresh], a table of nobody else's, move to [t], which has room for them all. Where there is an equal key,
// that stays, and the values change places.
void rc__keyed_absorb(struct rc__table *t, struct rc__table *fresh);
// A new array of copies of all keys, or values; NULL with errno.
struct rc_array *rc__keyed_row(const struct rc__table *t, bool values, const char *call);
bool rc__keyed_reserve(struct rc__table *t, size_t n, const char *call);
bool rc__keyed_shrink(struct rc__table *t, const char *call);
// [remains] is an object like [t], or NULL.
void rc__keyed_clear(struct rc__table *t, struct rc__table *remains);
// Removes the entries of which [test] says so; of a set, what it gets for the value means nothing. Says in *removed how many,
// unless that is NULL.
bool rc__keyed_remove_if(struct rc__table *t, bool (*test)(const void *key, const void *value, void *arg), void *arg,
                         size_t *removed, const char *call);
enum rc_iter rc__keyed_next(const struct rc__table *t, uint32_t version, uint32_t *next);
// Entry [e], if its hash still is [hash].
bool rc__keyed_iter_remove(struct rc__table *t, uint32_t version, uint32_t e, uint32_t hash, const char *call);

// E2: around callbacks.
static inline struct rc__table *rc__table_begin(const struct rc__table *table) {
    assert(table->busy < UINT16_MAX);
    struct rc__table *t = (struct rc__table *)(uintptr_t)table;
    t->busy++;
    return t;
}

#endif

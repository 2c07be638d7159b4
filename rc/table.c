// SPDX-License-Identifier: MIT
// The hash table: see table.h. A look-up reads a place and an entry, two cache lines at best; a place has 31 bits of
// the hash, so entries are read only where these agree.
#include "table.h"

#include <refcyc/string.h>

enum { FIRST_PLACES = 8, CAPACITY_MAX = 1 << 30 };

static size_t align_of(size_t size) {
    return size % 16 == 0 ? 16 : size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1;
}

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

static enum rc__key_sort sort_of(const struct rc_element *key) {
    if (key == &rc_string_element)
        return RC__KEY_STRING;
    if (key->hash || key->equal)
        return RC__KEY_USER;
    return key->size == 8 ? RC__KEY_WORD : key->size < 8 ? RC__KEY_SMALL : RC__KEY_BYTES;
}

bool rc__table_init(struct rc__table *t, const struct rc_element *key, const struct rc_element *value,
                    const char *call) {
    if (!rc__element_check(key, &t->key_kind, call) || (value && !rc__element_check(value, &t->value_kind, call)))
        return false;
    size_t align = align_of(key->size), value_align = value ? align_of(value->size) : 1;
    t->key = key;
    t->value = value;
    t->value_at = (uint16_t)round_up(key->size, value_align);
    t->stride = (uint16_t)round_up(t->value_at + (value ? value->size : 0), value_align > align ? value_align : align);
    t->sort = (uint8_t)sort_of(key);
    t->free = RC__NO_ENTRY;
    return true;
}

// ---- hashes

static uint64_t load_small(const void *key, size_t size) {
    uint64_t word = 0;
    if (size == 4)
        memcpy(&word, key, 4);
    else
        memcpy(&word, key, size);
    return word;
}

static struct rc_string *load_string(const void *key) {
    return rc__load(key);
}

uint32_t rc__table_hash(const struct rc__table *t, const void *key) {
    switch ((enum rc__key_sort)t->sort) {
    case RC__KEY_WORD:
        return rc__table_mix(rc__load_word(key));
    case RC__KEY_SMALL:
        return rc__table_mix(load_small(key, t->key->size));
    case RC__KEY_STRING:
        return rc__table_mix(rc_string_hash(load_string(key)));
    default:
        return rc__table_mix(rc__element_hash(t->key, key));
    }
}

uint32_t rc__table_hash_text(const char *text, size_t length) {
    return rc__table_mix(rc__text_hash(text, length));
}

// ---- search

static uint32_t find_bytes(const struct rc__table *t, uint32_t hash, const void *key) {
    RC__SEARCH(t, hash, memcmp(rc__table_key(t, e), key, t->key->size) == 0);
}

static uint32_t find_string(const struct rc__table *t, uint32_t hash, const struct rc_string *key) {
    RC__SEARCH(t, hash, rc_string_equal(load_string(rc__table_key(t, e)), key));
}

// A callback may hold on to nothing here, so a table that it could change would be one that changes under the search:
// that is what `busy` is for.
static uint32_t find_user(const struct rc__table *t, uint32_t hash, const void *key) {
    RC__SEARCH(t, hash, rc__element_equal(t->key, rc__table_key(t, e), key));
}

uint32_t rc__table_find_text(const struct rc__table *t, uint32_t hash, const char *text, size_t length) {
    RC__SEARCH(t, hash, rc__text_is(load_string(rc__table_key(t, e)), text, length));
}

uint32_t rc__table_find(const struct rc__table *t, uint32_t hash, const void *key) {
    switch ((enum rc__key_sort)t->sort) {
    case RC__KEY_WORD:
        return rc__table_find_word(t, hash, rc__load_word(key));
    case RC__KEY_STRING:
        return find_string(t, hash, load_string(key));
    case RC__KEY_USER:
        return find_user(t, hash, key);
    default:
        return find_bytes(t, hash, key);
    }
}

// ---- memory: one block, the places first

static size_t places_for(size_t capacity) {
    size_t places = FIRST_PLACES;
    while (places / 8 * 5 < capacity)
        places *= 2;
    return places;
}

static size_t block_size(size_t places, size_t capacity, size_t stride) {
    return places * sizeof(uint64_t) + round_up(capacity * stride, 4) + capacity * sizeof(uint32_t);
}

static void place_it(struct rc__table *t, uint32_t hash, uint32_t e) {
    uint32_t i = rc__table_home(t, hash);
    while (t->place[i])
        i = (i + 1) & t->mask;
    t->place[i] = (uint64_t)hash << 32 | e;
}

// Gives [t] new memory, for [capacity] entries. Live entries keep their numbers, or close up if [close_up].
static bool move_to(struct rc_heap *heap, struct rc__table *t, size_t capacity, bool close_up) {
    if (capacity > CAPACITY_MAX)
        return rc__fails(ENOMEM);
    size_t places = places_for(capacity);
    char *block = rc__memory(heap, block_size(places, capacity, t->stride));
    if (!block)
        return rc__fails(ENOMEM);
    struct rc__table old = *t;
    t->place = memset(block, 0, places * sizeof *t->place);
    t->entry = block + places * sizeof *t->place;
    t->state = (uint32_t *)(void *)(t->entry + round_up(capacity * t->stride, 4));
    t->mask = (uint32_t)(places - 1);
    t->shift = (uint8_t)(31 - __builtin_ctzl(places));
    t->capacity = (uint32_t)capacity;
    if (close_up) {
        t->used = 0;
        t->free = RC__NO_ENTRY;
        for (uint32_t e = 0; e < old.used; e++)
            if (old.state[e] & RC__LIVE) {
                memcpy(rc__table_key(t, t->used), rc__table_key(&old, e), t->stride);
                t->state[t->used] = old.state[e];
                place_it(t, old.state[e], t->used++);
            }
    } else if (old.entry) {
        memcpy(t->entry, old.entry, (size_t)old.used * t->stride);
        memcpy(t->state, old.state, (size_t)old.used * sizeof *t->state);
        for (size_t i = 0; i <= old.mask; i++)
            if (old.place[i])
                place_it(t, (uint32_t)(old.place[i] >> 32), (uint32_t)old.place[i]);
    }
    rc__table_free(heap, &old);
    return true;
}

void rc__table_free(struct rc_heap *heap, struct rc__table *t) {
    if (t->place)
        rc__memory_free(heap, t->place, block_size((size_t)t->mask + 1, t->capacity, t->stride));
    t->place = NULL;
    t->entry = NULL;
    t->state = NULL;
    t->count = t->used = t->capacity = t->mask = 0;
    t->free = RC__NO_ENTRY;
}

bool rc__table_room(struct rc_heap *heap, struct rc__table *t) {
    if (t->count < t->capacity)
        return true;
    return move_to(heap, t, places_for((size_t)t->capacity + 1) / 8 * 5, false);
}

bool rc__table_reserve(struct rc_heap *heap, struct rc__table *t, size_t n) {
    return n <= t->capacity || move_to(heap, t, n <= CAPACITY_MAX ? places_for(n) / 8 * 5 : n, false);
}

bool rc__table_fit(struct rc_heap *heap, struct rc__table *t) {
    if (t->count == t->capacity)
        return true;
    if (!t->count)
        rc__table_free(heap, t);
    else if (!move_to(heap, t, t->count, true))
        return false;
    t->version++;
    return true;
}

// ---- entries

uint32_t rc__table_add(struct rc__table *t, uint32_t hash) {
    assert(t->count < t->capacity);
    uint32_t e = t->free;
    if (e != RC__NO_ENTRY) {
        t->free = t->state[e];
    } else {
        e = t->used++;
        memset(rc__table_key(t, e), 0, t->stride);
    }
    t->state[e] = hash;
    place_it(t, hash, e);
    t->count++;
    return e;
}

// Takes the place out and closes the gap (Knuth, vol. 3, 6.4, algorithm R).
static void displace(struct rc__table *t, uint32_t e) {
    uint64_t *place = t->place;
    uint32_t mask = t->mask, i = rc__table_home(t, t->state[e]);
    while ((uint32_t)place[i] != e || !place[i])
        i = (i + 1) & mask;
    for (uint32_t k = (i + 1) & mask; place[k]; k = (k + 1) & mask) {
        uint32_t home = rc__table_home(t, (uint32_t)(place[k] >> 32));
        if (((k - home) & mask) >= ((k - i) & mask)) {
            place[i] = place[k];
            i = k;
        }
    }
    place[i] = 0;
}

void rc__table_remove(struct rc__table *t, uint32_t e) {
    displace(t, e);
    memset(rc__table_key(t, e), 0, t->stride);
    t->state[e] = t->free;
    t->free = e;
    t->count--;
}

// ---- as part of an object

bool rc__table_has_links(const struct rc__table *t) {
    return (t->key_kind | t->value_kind) & RC__E_LINKS;
}

void rc__table_trace(void *obj, struct rc_visitor *visitor) {
    struct rc__table *t = obj;
    if (t->key_kind & RC__E_LINK && t->value_kind & RC__E_LINK) {
        rc_visit_slots(visitor, t->entry, 2 * (size_t)t->used);
        return;
    }
    rc__element_visit(t->key, t->key_kind, visitor, t->entry, t->used, t->stride);
    if (t->value)
        rc__element_visit(t->value, t->value_kind, visitor, t->entry + t->value_at, t->used, t->stride);
}

bool rc__table_destroy_some(void *obj, size_t from, size_t to) {
    struct rc__table *t = obj;
    const unsigned ends = RC__E_DESTROY | RC__E_WEAK;
    if (!((t->key_kind | t->value_kind) & ends))
        return false;
    for (size_t i = from; i < to && i < t->used; i++) {
        uint32_t e = (uint32_t)i;
        if (!rc__table_lives(t, e))
            continue;
        if (t->key_kind & ends)
            rc__element_end(t->key, t->key_kind, rc__table_key(t, e));
        if (t->value_kind & ends)
            rc__element_end(t->value, t->value_kind, rc__table_value(t, e));
    }
    return to < t->used;
}

void rc__table_free_slots(void *obj) {
    rc__table_free(rc__home(obj), obj);
}

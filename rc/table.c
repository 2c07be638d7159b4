// SPDX-License-Identifier: MIT
// The hash table: see table.h. A look-up reads a bucket and an entry, two cache lines; in one of forty it reads another
// entry in vain, whose tag is the same.
#include "table.h"

enum { LINE = 64, FIRST = 8, LOAD = 9, CAPACITY_MAX = 1 << 30 };

static size_t align_of(size_t size) {
    assert(size > 0);
    return size % 16 == 0 ? 16 : size % 8 == 0 ? 8 : size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1;
}

static size_t round_up(size_t n, size_t to) {
    assert(to > 0 && n <= SIZE_MAX - to);
    return (n + to - 1) / to * to;
}

static enum rc__key_sort sort_of(const struct rc_element *key) {
    assert(key->size > 0 && key->size <= RC_ELEMENT_MAX);
    if (key == &rc_string_element)
        return RC__KEY_STRING;
    if (key->hash || key->equal)
        return RC__KEY_USER;
    return key->size == 8 ? RC__KEY_WORD : key->size < 8 ? RC__KEY_SMALL : RC__KEY_BYTES;
}

// A bucket is there always, for look-ups to look into.
static void no_buckets(struct rc__table *t) {
    static const struct rc__bucket empty;
    t->bucket = (struct rc__bucket *)(uintptr_t)&empty;
    t->mask = 0;
    t->shift = 31;
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
    t->words = t->sort == RC__KEY_WORD && t->value_kind & RC__E_LINK;
    t->texts = t->sort == RC__KEY_STRING && t->value_kind & RC__E_LINK;
    assert(t->value_at >= key->size && t->stride >= t->value_at);
    assert(!t->texts || (t->stride == sizeof(struct rc__text_entry) && t->key_kind & RC__E_LINK));
    assert(!t->words || t->stride == sizeof(struct rc__word_entry));
    no_buckets(t);
    t->free = RC__NO_ENTRY;
    return true;
}

struct rc__table *rc__table_new(struct rc_heap *heap, const struct rc_element *key, const struct rc_element *value) {
    assert(rc__is_mine(heap));
    struct rc__table *t = rc__memory(heap, sizeof *t);
    if (!t) {
        errno = ENOMEM;
        return NULL;
    }
    *t = (struct rc__table){0};
    rc__table_init(t, key, value, "rc__table_new");
    return t;
}

void rc__table_delete(struct rc_heap *heap, struct rc__table *t) {
    if (!t)
        return;
    rc__table_free(heap, t);
    rc__memory_free(heap, t, sizeof *t);
}

void rc__table_like(struct rc__table *t, const struct rc__table *like) {
    assert(like->key && like->stride);
    *t = (struct rc__table){.key = like->key,
                            .value = like->value,
                            .free = RC__NO_ENTRY,
                            .value_at = like->value_at,
                            .stride = like->stride,
                            .key_kind = like->key_kind,
                            .value_kind = like->value_kind,
                            .sort = like->sort,
                            .words = like->words,
                            .texts = like->texts};
    no_buckets(t);
    assert(rc__table_is_sound(t));
}

// ---- hashes

static uint64_t load_small(const void *key, size_t size) {
    assert(size < 8);
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
    assert(key != NULL);
    switch ((enum rc__key_sort)t->sort) {
    case RC__KEY_WORD:
        return rc__table_mix(rc__load_word(key));
    case RC__KEY_SMALL:
        return rc__table_mix(load_small(key, t->key->size));
    case RC__KEY_STRING:
        return RC__LIVE | rc_string_hash(load_string(key)); // of NULL, which is asked for and is no key, it is 0
    default:
        return rc__table_mix(rc__element_hash(t->key, key));
    }
}

// ---- search

static uint32_t find_bytes(const struct rc__table *t, uint32_t hash, const void *key) {
    assert(key != NULL);
    RC__SEARCH(t, hash, memcmp(rc__table_key(t, e), key, t->key->size) == 0);
}

static uint32_t find_string(const struct rc__table *t, uint32_t hash, const struct rc_string *key) {
    assert(t->sort == RC__KEY_STRING);
    RC__SEARCH(t, hash, rc_string_equal(load_string(rc__table_key(t, e)), key));
}

// A callback may hold on to nothing here, so a table that it could change would be one that changes under the search:
// that is what `busy` is for.
static uint32_t find_user(const struct rc__table *t, uint32_t hash, const void *key) {
    assert(t->busy > 0); // E2
    RC__SEARCH(t, hash, rc__element_equal(t->key, rc__table_key(t, e), key));
}

uint32_t rc__table_find_text(const struct rc__table *t, uint32_t hash, const char *text, size_t length) {
    assert(t->sort == RC__KEY_STRING);
    if (t->texts) {
        RC__SEARCH(t, hash, rc__text_is(rc__table_text(t, e)->key, text, length));
    }
    RC__SEARCH(t, hash, rc__text_is(load_string(rc__table_key(t, e)), text, length));
}

uint32_t *rc__table_place_of_text(const struct rc__table *t, uint32_t hash, const char *text, size_t length) {
    assert(t->sort == RC__KEY_STRING);
    if (t->texts) {
        RC__SEARCH_PLACE(t, hash, rc__text_is(rc__table_text(t, e)->key, text, length));
    }
    RC__SEARCH_PLACE(t, hash, rc__text_is(load_string(rc__table_key(t, e)), text, length));
}

uint32_t rc__table_find(const struct rc__table *t, uint32_t hash, const void *key) {
    assert(hash & RC__LIVE); // T4
    assert(rc__table_is_sound(t));
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

// ---- memory: one block, the buckets first

static size_t buckets_for(size_t capacity) {
    assert(capacity <= CAPACITY_MAX);
    size_t buckets = 1;
    if (capacity > RC__BUCKET)
        while (buckets * LOAD < capacity)
            buckets *= 2;
    return buckets;
}

// The capacity that a table gets if it is to have room for [n].
static size_t capacity_for(size_t n) {
    assert(n <= CAPACITY_MAX);
    return n <= FIRST ? FIRST : n <= RC__BUCKET ? RC__BUCKET : buckets_for(n) * LOAD;
}

// Where there are many buckets, each is to be one line: with room to move them to where a line begins.
static size_t block_size(size_t buckets, size_t capacity, size_t stride) {
    assert(buckets > 0 && (buckets & (buckets - 1)) == 0);
    assert(capacity > 0 && stride > 0);
    size_t room = buckets == 1 ? 0 : LINE - 16;
    return room + buckets * sizeof(struct rc__bucket) + round_up(capacity * stride, 4) + capacity * sizeof(uint32_t);
}

// The number of places of [b] that are taken.
static unsigned taken(const struct rc__bucket *b) {
    return (unsigned)__builtin_ctz(rc__bucket_find(b, 0) | 1u << RC__BUCKET);
}

static void enter(struct rc__bucket *b, uint8_t tag, uint32_t e) {
    assert(tag != 0 && !rc__bucket_is_full(b));
    unsigned place = taken(b);
    b->tag[place] = tag;
    b->entry[place] = e;
}

static void place_it(struct rc__table *t, uint32_t hash, uint32_t e) {
    assert(hash & RC__LIVE); // T4
    assert(t->memory != NULL);
    uint32_t i = rc__table_home(t, hash);
    while (rc__bucket_is_full(&t->bucket[i]))
        i = (i + 1) & t->mask;
    enter(&t->bucket[i], rc__tag(hash), e);
}

// The live entries of [from], which has at most [t]'s capacity, get places in [t]; and new numbers.
static void close_up(struct rc__table *t, const struct rc__table *from) {
    assert(from->count <= t->capacity);
    t->used = 0;
    t->free = RC__NO_ENTRY;
    for (uint32_t e = 0; e < from->used; e++)
        if (from->state[e] & RC__LIVE) {
            memcpy(rc__table_key(t, t->used), rc__table_key(from, e), t->stride);
            t->state[t->used] = from->state[e];
            place_it(t, from->state[e], t->used++);
        }
}

// All entries of [from] get places in [t], and keep their numbers. In the order of these, so that one place is not taken
// right after another in the same bucket: reading its tags would have to wait for the one just written.
static void spread(struct rc__table *t, const struct rc__table *from) {
    assert(from->used <= t->capacity);
    assert(t->mask >= from->mask);
    memcpy(t->entry, from->entry, (size_t)from->used * t->stride);
    memcpy(t->state, from->state, (size_t)from->used * sizeof *t->state);
    for (uint32_t e = 0; e < from->used; e++)
        if (from->state[e] & RC__LIVE)
            place_it(t, from->state[e], e);
}

// Gives [t] new memory, for [capacity] entries. Live entries keep their numbers, or close up if [fit].
static bool move_to(struct rc_heap *heap, struct rc__table *t, size_t capacity, bool fit) {
    assert(capacity >= t->count && (fit || capacity >= t->used));
    assert(rc__table_is_sound(t));
    if (capacity > CAPACITY_MAX)
        return rc__fails(ENOMEM);
    size_t buckets = buckets_for(capacity);
    void *memory = rc__memory(heap, block_size(buckets, capacity, t->stride));
    if (!memory)
        return rc__fails(ENOMEM);
    struct rc__table old = *t;
    t->memory = memory;
    t->bucket = buckets == 1 ? memory : (void *)round_up((uintptr_t)memory, LINE);
    memset(t->bucket, 0, buckets * sizeof *t->bucket);
    t->entry = (char *)(t->bucket + buckets);
    t->state = (uint32_t *)(void *)(t->entry + round_up(capacity * t->stride, 4));
    t->mask = (uint32_t)(buckets - 1);
    t->shift = (uint8_t)(31 - __builtin_ctzl(buckets));
    t->capacity = (uint32_t)capacity;
    assert(t->shift <= 31 && ((uint64_t)t->mask + 1) << t->shift == UINT64_C(1) << 31);
    if (fit)
        close_up(t, &old);
    else if (old.memory)
        spread(t, &old);
    rc__table_free(heap, &old);
    return true;
}

void rc__table_free(struct rc_heap *heap, struct rc__table *t) {
    assert(!t->busy);
    assert(rc__table_is_sound(t));
    if (t->memory)
        rc__memory_later(heap, t->memory, block_size((size_t)t->mask + 1, t->capacity, t->stride));
    no_buckets(t);
    t->memory = NULL;
    t->entry = NULL;
    t->state = NULL;
    t->count = t->used = t->capacity = 0;
    t->free = RC__NO_ENTRY;
}

bool rc__table_grow(struct rc_heap *heap, struct rc__table *t) {
    assert(rc__table_is_sound(t));
    assert(t->count == t->capacity);
    return rc__table_reserve(heap, t, t->capacity ? 2 * (size_t)t->capacity : 1);
}

bool rc__table_reserve(struct rc_heap *heap, struct rc__table *t, size_t n) {
    assert(rc__table_is_sound(t));
    return n <= t->capacity || move_to(heap, t, n <= CAPACITY_MAX ? capacity_for(n) : n, false);
}

bool rc__table_fit(struct rc_heap *heap, struct rc__table *t) {
    assert(rc__table_is_sound(t));
    assert(!t->busy);
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

static void zero_entry(struct rc__table *t, uint32_t e) {
    assert(e < t->used);
    if (t->stride == sizeof(struct rc__word_entry))
        memset(rc__table_key(t, e), 0, sizeof(struct rc__word_entry));
    else
        memset(rc__table_key(t, e), 0, t->stride);
}

uint32_t rc__table_add(struct rc__table *t, uint32_t hash) {
    assert(hash & RC__LIVE); // T4
    assert(rc__table_is_sound(t));
    assert(t->count < t->capacity);
    uint32_t e = t->free;
    if (e != RC__NO_ENTRY) {
        t->free = t->state[e];
        assert(t->free == RC__NO_ENTRY || (t->free < t->used && !(t->state[t->free] & RC__LIVE))); // T3
    } else {
        e = t->used++;
        zero_entry(t, e);
    }
    t->state[e] = hash;
    place_it(t, hash, e);
    t->count++;
    return e;
}

// Place [place] of [b] is taken no more; the last one that is closes the gap. Returns whether the bucket was full.
static bool leave(struct rc__bucket *b, unsigned place) {
    assert(place < RC__BUCKET && b->tag[place] != 0);
    unsigned last = taken(b) - 1;
    b->tag[place] = b->tag[last];
    b->entry[place] = b->entry[last];
    b->tag[last] = 0;
    return last == RC__BUCKET - 1;
}

// A place of bucket [k] whose entry belongs to bucket [i] or one before it, or RC__BUCKET.
static unsigned stray(const struct rc__table *t, uint32_t k, uint32_t i) {
    assert(k <= t->mask && i <= t->mask);
    const struct rc__bucket *b = &t->bucket[k];
    for (unsigned place = 0, n = taken(b); place < n; place++) {
        uint32_t home = rc__table_home(t, t->state[b->entry[place]]);
        if (((k - home) & t->mask) >= ((k - i) & t->mask))
            return place;
    }
    return RC__BUCKET;
}

// T1, where bucket [i] is full no more: fills it from those behind it (as in Knuth, vol. 3, 6.4, algorithm R).
static __attribute__((noinline)) void refill(struct rc__table *t, uint32_t i) {
    assert(i <= t->mask && !rc__bucket_is_full(&t->bucket[i]));
    bool was_full = true;
    for (uint32_t k = (i + 1) & t->mask; was_full && k != i; k = (k + 1) & t->mask) {
        struct rc__bucket *from = &t->bucket[k];
        unsigned place = stray(t, k, i);
        was_full = rc__bucket_is_full(from);
        if (place == RC__BUCKET)
            continue;
        enter(&t->bucket[i], from->tag[place], from->entry[place]);
        leave(from, place);
        i = k;
    }
}

uint32_t *rc__table_place(const struct rc__table *t, uint32_t sought) {
    assert(rc__table_lives(t, sought));
    uint32_t hash = t->state[sought];
    RC__SEARCH_PLACE(t, hash, e == sought); // T1: it is there
}

void rc__table_remove_at(struct rc__table *t, uint32_t *place) {
    uint32_t e = *place;
    size_t i = (size_t)((char *)place - (char *)t->bucket) / sizeof *t->bucket;
    struct rc__bucket *b = &t->bucket[i];
    assert(rc__table_lives(t, e) && rc__table_is_sound(t));
    assert(b->tag[place - b->entry] == rc__tag(t->state[e])); // T1
    bool was_full = leave(b, (unsigned)(place - b->entry));
    zero_entry(t, e);
    t->state[e] = t->free;
    t->free = e;
    t->count--;
    assert(t->free < t->used); // T3
    if (was_full)
        refill(t, (uint32_t)i);
}

void rc__table_remove(struct rc__table *t, uint32_t e) {
    rc__table_remove_at(t, rc__table_place(t, e));
}

// ---- as part of an object

bool rc__table_has_links(const struct rc__table *t) {
    return (t->key_kind | t->value_kind) & RC__E_LINKS;
}

void rc__table_trace(void *obj, struct rc_visitor *visitor) {
    assert(rc__table_is_sound(obj));
    struct rc__table *t = obj;
    if (!t->used) // nor is there an entry to count from
        return;
    if (t->key_kind & RC__E_LINK && t->value_kind & RC__E_LINK) {
        rc_visit_slots(visitor, t->entry, 2 * (size_t)t->used);
        return;
    }
    rc__element_visit(t->key, t->key_kind, visitor, t->entry, t->used, t->stride);
    if (t->value)
        rc__element_visit(t->value, t->value_kind, visitor, t->entry + t->value_at, t->used, t->stride);
}

bool rc__table_destroy_some(void *obj, size_t from, size_t to) {
    assert(from <= to);
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
    assert(rc__is_object(RC__HEADER(obj)));
    rc__table_free(rc__home(obj), obj);
}

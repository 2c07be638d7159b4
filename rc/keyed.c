// SPDX-License-Identifier: MIT
// What maps and sets have in common: their calls, on a table that is an object.
//
// All of them do things in the same order: first what can fail or call the user (copies, hash, search, room), then the change,
// which calls nobody, then the releases.
#include "table.h"

#include <stdio.h>

// What has to be given is the address of a key. C accepts a text, or a string itself, as well; but their bytes are no pointer
// to a string.
__attribute__((noinline)) static bool no_string(const struct rc__table *t, const char *call) {
    assert(t->sort == RC__KEY_STRING && call);
    static const char *const with_text[] = {"rc_map_get", "rc_map_set", "rc_map_has", "rc_map_remove"};
    char why[192];
    int n = snprintf(why, sizeof why, "has strings as keys, and what was given is not where a pointer to one stands: "
                                      "give the address of the key");
    for (size_t i = 0; i < sizeof with_text / sizeof *with_text; i++)
        if (strcmp(call, with_text[i]) == 0)
            snprintf(why + n, sizeof why - (size_t)n, ", or use %s_text", call);
    rc__fault(RC_FAULT_TYPE, call, RC__HEADER((void *)(uintptr_t)t), why);
    return rc__fails(EINVAL);
}

__attribute__((noinline)) static bool extends_string(const void *obj) {
    return rc__is_of(obj, &rc_string_type);
}

// Whether [p] is NULL, or a string, whose text can be read. Checked builds know what is no object at all. In others it helps
// that few texts are aligned as objects are, and that the length of a string, with which it begins, is below the address of any
// object.
static inline bool is_string(void *p) {
    enum { ALIGNED = 16, LOWEST = 4096 };
    if (!p)
        return true;
    return (uintptr_t)p % ALIGNED == 0 && (uintptr_t)p >= LOWEST && rc__is_known(p) &&
           (rc__class(RC__HEADER(p))->type == &rc__string_type || extends_string(p));
}

// [key] may lead to NULL, which is no key but can be asked for.
static inline __attribute__((always_inline)) bool may_be_key(const struct rc__table *t, const void *key, const char *call) {
    assert(rc__table_is_sound(t));
    return RC__GIVEN(key, call) && (t->sort != RC__KEY_STRING || is_string(rc__load(key)) || no_string(t, call));
}

static bool is_key(const struct rc__table *t, const void *key, const char *call) {
    if (!may_be_key(t, key, call))
        return false;
    if (!(t->key_kind & RC__E_LINK))
        return true;
    if (rc__load(key))
        return rc__linkable(rc__load(key), call);
    rc__fault(RC_FAULT_NULL, call, NULL, "the key is NULL");
    return rc__fails(EINVAL);
}

// The hash of [key], and its entry, or RC__NO_ENTRY.
static uint32_t search(const struct rc__table *table, const void *key, uint32_t *hash) {
    assert(rc__table_is_sound(table));
    assert(hash != NULL);
    struct rc__table *t = rc__table_begin(table);
    *hash = rc__table_hash(t, key);
    uint32_t e = rc__table_find(t, *hash, key);
    assert(t->busy > 0);
    assert(e == RC__NO_ENTRY || rc__table_lives(t, e));
    t->busy--;
    return e;
}

uint32_t rc__keyed_find(const struct rc__table *t, const void *key, const char *call) {
    assert(call != NULL);
    uint32_t hash;
    if (!rc__usable(t, call) || !may_be_key(t, key, call))
        return RC__NO_ENTRY;
    return search(t, key, &hash);
}

// Where keys and values are both read by the collector, in two rows, those of the second row get other numbers when the
// table becomes longer (table.h).
uint32_t rc__keyed_add(struct rc__table *t, uint32_t hash) {
    assert(hash & RC__LIVE);
    assert(rc__table_is_sound(t));
    assert(!t->busy && t->count < t->capacity);
    if (t->key_kind & RC__E_LINKS && t->value_kind & RC__E_LINKS && t->free == RC__NO_ENTRY)
        rc__moving(t);
    return rc__table_add(t, hash);
}

// The value of entry [e] becomes what is in [made], which is in no container.
static void replace(struct rc__table *t, uint32_t e, const void *made) {
    assert(made != NULL);
    assert(rc__table_lives(t, e) && t->value && !t->busy);
    _Alignas(16) char old[RC_ELEMENT_MAX];
    memcpy(old, rc__table_value(t, e), t->value->size);
    memcpy(rc__table_value(t, e), made, t->value->size);
    rc__element_drop(t->value, t->value_kind, old);
}

static void drop(const struct rc__table *t, void *key, void *value) {
    assert(key && (value || !t->value));
    rc__element_drop(t->key, t->key_kind, key);
    if (t->value)
        rc__element_drop(t->value, t->value_kind, value);
}

// The value of entry [e] becomes a copy of [value].
static bool replace_by_copy(struct rc__table *t, uint32_t e, const void *value) {
    assert(rc__table_lives(t, e) && t->value);
    if (t->value_kind & RC__E_LINK) {
        rc_set_slot(rc__table_value(t, e), rc__load(value));
        return true;
    }
    _Alignas(16) char made[RC_ELEMENT_MAX];
    if (!rc__element_copy_for(&t->busy, t->value, t->value_kind, made, value))
        return false;
    replace(t, e, made);
    return true;
}

// A new entry of copies that are made before the table gets room for it: they may fail or call anything; or [key] or [value]
// lies in the table's memory, which moves. (Others are made in their place.)
static bool add_copies(struct rc__table *t, uint32_t hash, const void *key, const void *value) {
    assert(!t->busy);
    _Alignas(16) char made_key[RC_ELEMENT_MAX], made_value[RC_ELEMENT_MAX];
    if (!rc__element_copy_for(&t->busy, t->key, t->key_kind, made_key, key))
        return false;
    if (t->value && !rc__element_copy_for(&t->busy, t->value, t->value_kind, made_value, value))
        return rc__element_discard(t->key, t->key_kind, made_key);
    if (!rc__table_room(rc__here, t)) {
        drop(t, made_key, made_value);
        return rc__fails(ENOMEM);
    }
    uint32_t e = rc__keyed_add(t, hash);
    memcpy(rc__table_key(t, e), made_key, t->key->size);
    if (t->value)
        memcpy(rc__table_value(t, e), made_value, t->value->size);
    return true;
}

bool rc__keyed_put(struct rc__table *t, const void *key, const void *value, const char *call) {
    assert(call != NULL);
    if (!RC__MAY_CHANGE(t, call) || !is_key(t, key, call) || (t->value && !RC__GIVEN(value, call)) ||
        !rc__element_copies(t->key, t->key_kind, call) ||
        (t->value && !rc__element_copies(t->value, t->value_kind, call)) ||
        (t->value_kind & RC__E_LINK && !rc__linkable(rc__load(value), call)))
        return false;
    uint32_t hash, e = search(t, key, &hash);
    if (e != RC__NO_ENTRY)
        return !t->value || replace_by_copy(t, e, value);
    if ((t->key_kind | t->value_kind) & RC__E_UNSURE || t->count == t->capacity)
        return add_copies(t, hash, key, value);
    e = rc__keyed_add(t, hash);
    rc__element_copy(t->key, t->key_kind, rc__table_key(t, e), key);
    if (t->value)
        rc__element_copy(t->value, t->value_kind, rc__table_value(t, e), value);
    return true;
}

uint32_t rc__keyed_ensure(struct rc__table *t, const void *key, const char *call) {
    _Alignas(16) char made[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(t, call) || !is_key(t, key, call) || !rc__element_copies(t->key, t->key_kind, call))
        return RC__NO_ENTRY;
    if (t->value_kind & RC__E_DESTROY) {
        errno = EINVAL;
        return RC__NO_ENTRY;
    }
    uint32_t hash, e = search(t, key, &hash);
    if (e != RC__NO_ENTRY || !rc__element_copy_for(&t->busy, t->key, t->key_kind, made, key))
        return e;
    if (!rc__table_room(rc__here, t)) {
        rc__element_discard(t->key, t->key_kind, made);
        return RC__NO_ENTRY;
    }
    e = rc__keyed_add(t, hash);
    memcpy(rc__table_key(t, e), made, t->key->size);
    return e;
}

bool rc__keyed_add_word(struct rc__table *t, uint64_t word, void *obj, const char *call) {
    assert(t->words && !t->busy); // of what rc__keyed_put looks at, nothing else can be wrong
    assert(rc__table_is_sound(t));
    if (t->key_kind)
        return rc__keyed_put(t, &word, &obj, call);
    if (!rc__table_room(rc__here, t))
        return false;
    struct rc__word_entry *entry = rc__table_word(t, rc__table_add(t, rc__table_mix(word)));
    entry->key = word;
    if (rc__add_link(obj))
        entry->value = obj;
    else
        rc_set_slot(&entry->value, obj);
    return true;
}

bool rc__keyed_add_text(struct rc__table *t, uint32_t hash, struct rc_string *string, void *obj) {
    assert(t->texts && !t->busy);
    assert(string != NULL && hash & RC__LIVE);
    if (!rc__table_room(rc__here, t))
        return false;
    struct rc__text_entry *entry = rc__table_text(t, rc__keyed_add(t, hash));
    void *key = string;
    rc_give_slot(&entry->key, key);
    rc_set_slot(&entry->value, obj);
    return true;
}

bool rc__keyed_put_give(struct rc__table *t, void *key, void *value, const char *call) {
    assert(call != NULL);
    _Alignas(16) char made_key[RC_ELEMENT_MAX], made_value[RC_ELEMENT_MAX];
    if (!RC__MAY_CHANGE(t, call) || !is_key(t, key, call) || (t->value && !RC__GIVEN(value, call)))
        return false;
    uint32_t hash, e = search(t, key, &hash);
    if (e == RC__NO_ENTRY) {
        if (!rc__table_room(rc__here, t))
            return false;
        e = rc__keyed_add(t, hash);
        rc__element_give(t->key, t->key_kind, rc__table_key(t, e), key);
        if (t->value)
            rc__element_give(t->value, t->value_kind, rc__table_value(t, e), value);
        return true;
    }
    rc__element_give(t->key, t->key_kind, made_key, key);
    if (t->value) {
        rc__element_give(t->value, t->value_kind, made_value, value);
        replace(t, e, made_value);
    }
    rc__element_drop(t->key, t->key_kind, made_key);
    return true;
}

// Whether there is nothing to release of an element but, at most, one link.
static bool is_simple(unsigned kind) {
    return !kind || kind & RC__E_LINK;
}
static void *link_at(void *element, unsigned kind) {
    assert(element != NULL);
    return kind & RC__E_LINK ? rc__load(element) : NULL;
}

static bool are_simple(const struct rc__table *t) {
    assert(rc__table_is_sound(t));
    return is_simple(t->key_kind) && is_simple(t->value_kind);
}

static void remove_simple(struct rc__table *t, uint32_t *place) {
    assert(are_simple(t) && rc__table_lives(t, *place));
    assert(!t->busy);
    void *key = link_at(rc__table_key(t, *place), t->key_kind);
    void *value = link_at(rc__table_value(t, *place), t->value_kind);
    __builtin_prefetch((const void *)((uintptr_t)value - sizeof(struct rc__header)), 1);
    rc__table_remove_at(t, place);
    rc__drop_link(key);
    rc__drop_link(value);
}

bool rc__keyed_remove_at(struct rc__table *t, uint32_t *place) {
    if (!place)
        return false;
    if (are_simple(t))
        remove_simple(t, place);
    else
        rc__keyed_remove(t, *place, NULL, NULL);
    return true;
}

void rc__keyed_remove(struct rc__table *t, uint32_t e, void *key, void *value) {
    assert(rc__table_lives(t, e) && !t->busy);
    assert(!value || t->value);
    if (!key && !value && are_simple(t)) {
        remove_simple(t, rc__table_place(t, e));
        return;
    }
    _Alignas(16) char old_key[RC_ELEMENT_MAX], old_value[RC_ELEMENT_MAX];
    const struct rc_element *key_of = t->key, *value_of = t->value;
    uint8_t key_kind = t->key_kind, value_kind = t->value_kind;
    memcpy(old_key, rc__table_key(t, e), key_of->size);
    if (value_of)
        memcpy(old_value, rc__table_value(t, e), value_of->size);
    rc__table_remove(t, e);
    if (key)
        rc__element_take(key_of, key_kind, key, old_key);
    if (value)
        rc__element_take(value_of, value_kind, value, old_value);
    if (!key)
        rc__element_drop(key_of, key_kind, old_key);
    if (!value && value_of)
        rc__element_drop(value_of, value_kind, old_value);
}

bool rc__keyed_reserve(struct rc__table *t, size_t n, const char *call) {
    assert(call != NULL);
    return RC__MAY_CHANGE(t, call) && rc__table_reserve(rc__here, t, n);
}

bool rc__keyed_shrink(struct rc__table *t, const char *call) {
    assert(call != NULL);
    if (!RC__MAY_CHANGE(t, call))
        return false;
    rc__moving(t);
    return rc__table_fit(rc__here, t);
}

enum rc_iter rc__keyed_next(const struct rc__table *t, uint32_t version, uint32_t *next) {
    assert(next != NULL);
    if (t->version != version)
        return RC_ITER_CHANGED;
    uint32_t e = *next;
    while (e < t->used && !(t->state[e] & RC__LIVE))
        e++;
    if (e >= t->used)
        return RC_ITER_END;
    *next = e + 1;
    return RC_ITER_ITEM;
}

bool rc__keyed_iter_remove(struct rc__table *t, uint32_t version, uint32_t e, uint32_t hash, const char *call) {
    assert(call != NULL);
    if (!RC__MAY_CHANGE(t, call))
        return false;
    if (t->version != version)
        return rc__fails(ESTALE);
    if (!rc__table_lives(t, e) || t->state[e] != hash)
        return rc__fails(ERANGE);
    rc__keyed_remove(t, e, NULL, NULL);
    return true;
}

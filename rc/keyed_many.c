// SPDX-License-Identifier: MIT
// Maps and sets, many entries at once: copies, what one takes in from another, rows of what they hold, clear and remove_if.
#include "table.h"

#include <refcyc/array.h>

static bool copy_entry(struct rc__table *to, const struct rc__table *from, uint32_t e) {
    assert(rc__table_lives(from, e) && to != from);
    assert(to->count < to->capacity && from->busy > 0);
    _Alignas(16) char key[RC_ELEMENT_MAX], value[RC_ELEMENT_MAX];
    if (!rc__element_copy(from->key, from->key_kind, key, rc__table_key(from, e)))
        return false;
    if (from->value && !rc__element_copy(from->value, from->value_kind, value, rc__table_value(from, e)))
        return rc__element_discard(from->key, from->key_kind, key);
    uint32_t copy = rc__table_add(to, from->state[e]);
    memcpy(rc__table_key(to, copy), key, to->key->size);
    if (to->value)
        memcpy(rc__table_value(to, copy), value, to->value->size);
    return true;
}

// [to] is empty, and nobody else's yet.
bool rc__keyed_copy(struct rc__table *to, const struct rc__table *from, const char *call) {
    assert(to != from && !to->busy);
    assert(to->count == 0 && to->key == from->key && to->value == from->value);
    if (!rc__element_copies(from->key, from->key_kind, call) ||
        (from->value && !rc__element_copies(from->value, from->value_kind, call)) ||
        !rc__table_reserve(rc__here, to, from->count))
        return false;
    struct rc__table *t = rc__table_begin(from);
    bool ok = true;
    for (uint32_t e = 0; ok && e < t->used; e++)
        if (rc__table_lives(t, e))
            ok = copy_entry(to, t, e);
    t->busy--;
    return ok;
}

// References move both ways without a mark: into the table as in rc_array_insert_range, to what is left of [fresh] as into
// the remains of an array.
void rc__keyed_absorb(struct rc__table *t, struct rc__table *fresh) {
    assert(t->count + (size_t)fresh->count <= t->capacity && t->value);
    char held[RC_ELEMENT_MAX];
    for (uint32_t f = 0; f < fresh->used; f++) {
        assert(rc__table_lives(fresh, f)); // as it was made
        char *key = rc__table_key(fresh, f), *value = rc__table_value(fresh, f);
        rc__table_begin(t);
        uint32_t e = rc__table_find(t, fresh->state[f], key);
        t->busy--;
        bool is_new = e == RC__NO_ENTRY;
        if (is_new) {
            e = rc__keyed_add(t, fresh->state[f]);
            memcpy(rc__table_key(t, e), key, t->key->size);
        }
        memcpy(held, rc__table_value(t, e), t->value->size);
        memcpy(rc__table_value(t, e), value, t->value->size);
        memcpy(value, held, t->value->size);
        if (is_new)
            rc__table_remove(fresh, f);
    }
}

struct rc_array *rc__keyed_row(const struct rc__table *table, bool values, const char *call) {
    if (!rc__usable(table, call) || !rc__element_copies(values ? table->value : table->key,
                                                        values ? table->value_kind : table->key_kind, call))
        return NULL;
    struct rc_array *row = rc_array_new(values ? table->value : table->key);
    struct rc__table *t = rc__table_begin(table);
    bool ok = row && rc_array_reserve(row, t->count);
    for (uint32_t e = 0; ok && e < t->used; e++)
        if (rc__table_lives(t, e))
            ok = rc_array_push_value(row, values ? rc__table_value(t, e) : rc__table_key(t, e));
    t->busy--;
    return ok ? row : rc__discard(row);
}

// As in array_range.c: the entries go with an object that nobody can reach.
void rc__keyed_clear(struct rc__table *t, struct rc__table *remains) {
    assert(!remains || (remains->key == t->key && remains->value == t->value && !remains->count));
    assert(rc__table_is_sound(t));
    assert(!t->busy);
    rc__moving(t);
    t->version++;
    if (remains) {
        *remains = *t;
        rc__table_like(t, remains);
        t->version = remains->version;
        return;
    }
    void *held = rc_retain(t);
    for (uint32_t e = 0; e < t->used; e++) // no memory: one by one
        if (rc__table_lives(t, e))
            rc__keyed_remove(t, e, NULL, NULL);
    if (!t->count)
        rc__table_free(rc__here, t);
    rc_release(held);
}

// The number behind [e], of an entry that a destructor may have been called for; 0 if that has had the table shrink since
// *version, so that all have other numbers.
static uint32_t behind(const struct rc__table *t, uint32_t e, uint32_t *version) {
    if (t->version == *version)
        return e + 1;
    *version = t->version;
    return 0;
}

bool rc__keyed_remove_if(struct rc__table *t, bool (*test)(const void *, const void *, void *), void *arg, size_t *removed,
                         const char *call) {
    if (!RC__MAY_CHANGE(t, call) || !RC__GIVEN(test, call))
        return false;
    void *held = rc_retain(t);
    size_t n = 0;
    uint32_t version = t->version;
    for (uint32_t e = 0; e < t->used; e = behind(t, e, &version)) {
        if (!rc__table_lives(t, e))
            continue;
        rc__table_begin(t);
        bool goes = test(rc__table_key(t, e), rc__table_value(t, e), arg);
        t->busy--;
        if (goes) {
            rc__keyed_remove(t, e, NULL, NULL);
            n++;
        }
    }
    rc_release(held);
    if (removed)
        *removed = n;
    return true;
}

// SPDX-License-Identifier: MIT
// rc_set: a table (table.h) that is an object, with keys only.
#include "table.h"

#include <refcyc/set.h>

struct rc_set {
    struct rc__table table;
};

const struct rc_type rc_set_type = {.name = "rc_set",
                                    .size = sizeof(struct rc_set),
                                    .trace = rc__table_trace,
                                    .free_slots = rc__table_free_slots,
                                    .destroy_some = rc__table_destroy_some};
// What sets are really of (object.h): the first type if the members have links, the second, acyclic one if not.
const struct rc_type rc__set_type = {.name = "rc_set", .size = sizeof(struct rc_set), .base = &rc_set_type};
const struct rc_type rc__leaf_set_type = {
    .name = "rc_set", .size = sizeof(struct rc_set), .base = &rc_set_type, .acyclic = true};

// [set] may be NULL.
static struct rc__table *table_of(const struct rc_set *set) {
    return (struct rc__table *)(uintptr_t)set;
}

static struct rc_set *set_new(const struct rc__table *like) {
    assert(!like->value);
    struct rc_set *set = rc_new(rc__table_has_links(like) ? &rc__set_type : &rc__leaf_set_type);
    if (set)
        rc__table_like(&set->table, like);
    return set;
}

struct rc_set *rc_set_new(const struct rc_element *element) {
    struct rc__table like = {0};
    return rc__table_init(&like, element, NULL, "rc_set_new") ? set_new(&like) : NULL;
}

struct rc_set *rc_set_copy(const struct rc_set *set) {
    if (!rc__usable(set, "rc_set_copy"))
        return NULL;
    struct rc_set *copy = set_new(&set->table);
    return copy && !rc__keyed_copy(&copy->table, &set->table, "rc_set_copy") ? rc__discard(copy) : copy;
}

size_t rc_set_size(const struct rc_set *set) {
    return set && RC__FITS(set, "rc_set_size") ? set->table.count : 0;
}

const void *rc_set_find(const struct rc_set *set, const void *value) {
    uint32_t e = rc__keyed_find(table_of(set), value, "rc_set_find");
    return e == RC__NO_ENTRY ? NULL : rc__table_key(&set->table, e);
}

bool rc_set_has(const struct rc_set *set, const void *value) {
    return rc__keyed_find(table_of(set), value, "rc_set_has") != RC__NO_ENTRY;
}

bool rc_set_add(struct rc_set *set, const void *value) {
    return rc__keyed_put(table_of(set), value, NULL, "rc_set_add");
}

bool rc_set_add_give(struct rc_set *set, void *value) {
    return rc__keyed_put_give(table_of(set), value, NULL, "rc_set_add_give");
}

static bool remove_member(struct rc_set *set, const void *value, void *taken, const char *call) {
    assert(call != NULL);
    if (!RC__MAY_CHANGE(table_of(set), call))
        return false;
    uint32_t e = rc__keyed_find(&set->table, value, call);
    if (e == RC__NO_ENTRY)
        return false;
    rc__keyed_remove(&set->table, e, taken, NULL);
    return true;
}

bool rc_set_remove(struct rc_set *set, const void *value) {
    return remove_member(set, value, NULL, "rc_set_remove");
}

bool rc_set_take(struct rc_set *set, const void *value, void *taken) {
    return rc__usable(set, "rc_set_take") && RC__GIVEN(taken, "rc_set_take") &&
           remove_member(set, value, taken, "rc_set_take");
}

// ---- with another set

static bool are_alike(const struct rc_set *set, const struct rc_set *other, const char *call) {
    assert(call != NULL);
    if (!rc__usable(set, call) || !rc__usable(other, call))
        return false;
    if (set->table.key == other->table.key)
        return true;
    rc__fault(RC_FAULT_TYPE, call, NULL, "the sets are of different elements");
    return rc__fails(EINVAL);
}

// Puts copies of the members of [from] that are not in [without] into [to], which is new. Neither changes meanwhile.
static bool add_missing(struct rc_set *to, const struct rc_set *from, const struct rc_set *without) {
    assert(to != from && to != without);
    assert(to->table.key == from->table.key);
    struct rc__table *t = rc__table_begin(&from->table), *w = rc__table_begin(&without->table);
    bool ok = true;
    for (uint32_t e = 0; ok && e < t->used; e++)
        if (rc__table_lives(t, e) && !rc_set_has(without, rc__table_key(t, e)))
            ok = rc_set_add(to, rc__table_key(t, e));
    t->busy--;
    w->busy--;
    return ok;
}

// The members of [from], a set of nobody else's, move to [set], which has none that is equal. Calls nobody.
static void absorb(struct rc_set *set, struct rc_set *from) {
    assert(set != from && !set->table.busy);
    assert(set->table.capacity - set->table.count >= from->table.count);
    struct rc__table *t = &from->table;
    assert(t->count == t->used);
    for (uint32_t e = 0; e < t->used; e++) {
        void *key = rc__table_key(t, e);
        memcpy(rc__table_key(&set->table, rc__table_add(&set->table, t->state[e])), key, t->key->size);
        rc__table_remove(t, e);
    }
}

// The copies are a set of their own first, so that a failure has changed nothing. They move without a mark: see
// rc_array_insert_range.
bool rc_set_add_all(struct rc_set *set, const struct rc_set *other) {
    if (!RC__MAY_CHANGE(table_of(set), "rc_set_add_all") || !are_alike(set, other, "rc_set_add_all"))
        return false;
    struct rc_set *fresh = set_new(&set->table);
    bool ok = fresh && add_missing(fresh, other, set) &&
              rc__table_reserve(rc__here, &set->table, (size_t)set->table.count + fresh->table.count);
    int error = errno;
    if (ok)
        absorb(set, fresh);
    rc_release(fresh);
    return ok || rc__fails(error);
}

struct sieve {
    const struct rc_set *other;
    bool in;
};

static bool falls_through(const void *member, const void *none, void *arg) {
    (void)none;
    const struct sieve *sieve = arg;
    return rc_set_has(sieve->other, member) == sieve->in;
}

// Removes the members that are in [other], or, if not [in], those that are not.
static bool sift(struct rc_set *set, const struct rc_set *other, bool in, const char *call) {
    if (!are_alike(set, other, call))
        return false;
    struct rc_set *held = rc_retain((void *)(uintptr_t)other);
    struct sieve sieve = {held, in};
    bool ok = rc__keyed_remove_if(&set->table, falls_through, &sieve, NULL, call);
    rc_release(held);
    return ok;
}

bool rc_set_remove_all(struct rc_set *set, const struct rc_set *other) {
    return sift(set, other, true, "rc_set_remove_all");
}

bool rc_set_keep_all(struct rc_set *set, const struct rc_set *other) {
    return sift(set, other, false, "rc_set_keep_all");
}

bool rc_set_is_within(const struct rc_set *set, const struct rc_set *other) {
    if (!are_alike(set, other, "rc_set_is_within"))
        return false;
    struct rc__table *t = rc__table_begin(&set->table);
    bool within = true;
    for (uint32_t e = 0; within && e < t->used; e++)
        within = !rc__table_lives(t, e) || rc_set_has(other, rc__table_key(t, e));
    t->busy--;
    return within;
}

// ---- the whole

struct rc_array *rc_set_members(const struct rc_set *set) {
    return rc__keyed_row(table_of(set), false, "rc_set_members");
}

bool rc_set_reserve(struct rc_set *set, size_t n) {
    return rc__keyed_reserve(table_of(set), n, "rc_set_reserve");
}

bool rc_set_shrink(struct rc_set *set) {
    return rc__keyed_shrink(table_of(set), "rc_set_shrink");
}

void rc_set_clear(struct rc_set *set) {
    if (!RC__MAY_CHANGE(table_of(set), "rc_set_clear") || !set->table.memory)
        return;
    struct rc_set *remains = set_new(&set->table);
    rc__keyed_clear(&set->table, table_of(remains));
    rc_release(remains);
}

struct question {
    bool (*test)(const void *member, void *arg);
    void *arg;
};

static bool ask(const void *member, const void *none, void *arg) {
    (void)none;
    const struct question *question = arg;
    return question->test(member, question->arg);
}

bool rc_set_remove_if(struct rc_set *set, bool (*test)(const void *, void *), void *arg, size_t *removed) {
    struct question question = {test, arg};
    return rc__keyed_remove_if(table_of(set), test ? ask : NULL, &question, removed, "rc_set_remove_if");
}

// ---- iteration

struct rc_set_iter rc_set_iter(struct rc_set *set) {
    bool fits = set && RC__FITS(set, "rc_set_iter");
    return (struct rc_set_iter){.set = fits ? set : NULL, .version = fits ? set->table.version : 0};
}

enum rc_iter rc_set_next(struct rc_set_iter *it) {
    if (!it->set || !RC__FITS(it->set, "rc_set_next"))
        return RC_ITER_END;
    const struct rc__table *t = &it->set->table;
    enum rc_iter is = rc__keyed_next(t, it->version, &it->next);
    bool item = is == RC_ITER_ITEM;
    it->member = item ? rc__table_key(t, it->next - 1) : NULL;
    it->hash = item ? t->state[it->next - 1] : 0;
    return is;
}

bool rc_set_iter_remove(struct rc_set_iter *it) {
    uint32_t hash = it->hash;
    it->hash = 0;
    it->member = NULL;
    return rc__keyed_iter_remove(table_of(it->set), it->version, it->next - 1, hash, "rc_set_iter_remove");
}

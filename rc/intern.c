// SPDX-License-Identifier: MIT
// Interned strings: each heap has a table of them, by their texts. The table keeps none alive: a string that dies leaves it in
// its destructor.
//
// Between the moment at which a string is counted dead and its destructor there may be a slice. Whoever asks for its text then
// gets a new string, which takes its place; the old one finds another string there and leaves it alone. Strings link to
// nothing, so no collection ever has one in its graph, and being found in the table is no way around a verdict.
#include "table.h"

#include <refcyc/string.h>

// The table compares as a map with string keys does, but its keys are not links.
static struct rc__table *interns_of(struct rc_heap *heap) {
    if (!heap->interns && (heap->interns = rc__table_new(heap, &rc_pointer_element, NULL)))
        heap->interns->sort = RC__KEY_STRING;
    return heap->interns;
}

void rc__interns_free(struct rc_heap *heap) {
    rc__table_delete(heap, heap->interns);
    heap->interns = NULL;
}

// The living string with this text, or NULL; *e is the entry of that text, or RC__NO_ENTRY.
static struct rc_string *find(const struct rc__table *t, uint32_t hash, const char *text, size_t length, uint32_t *e) {
    assert(t->sort == RC__KEY_STRING);
    assert(text || !length);
    *e = rc__table_find_text(t, hash, text, length);
    if (*e == RC__NO_ENTRY)
        return NULL;
    struct rc_string *s = rc__load(rc__table_key(t, *e));
    return rc__is_dead(RC__HEADER(s)) ? NULL : s;
}

// [s] becomes the interned string of its text, in entry [e] or in a new one, for which there is room.
static void adopt(struct rc__table *t, uint32_t e, uint32_t hash, struct rc_string *s) {
    assert(e == RC__NO_ENTRY || rc__table_lives(t, e));
    if (e == RC__NO_ENTRY)
        e = rc__table_add(t, hash);
    rc__store(rc__table_key(t, e), s);
    s->interned = true;
    if (rc_type_of(s) == &rc_string_type)
        RC__HEADER(s)->word |= RC__INTERNED;
}

bool rc__interns_reserve(struct rc_heap *into, const struct rc_heap *from) {
    assert(into != from);
    if (!from->interns || !from->interns->count)
        return true;
    struct rc__table *t = interns_of(into);
    return t && rc__table_reserve(into, t, (size_t)t->count + from->interns->count);
}

// Of two living strings with one text, that of [into] stays the interned one.
void rc__interns_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(into != from);
    assert(!from->interns || !from->interns->count || into->interns);
    struct rc__table *t = from->interns;
    for (uint32_t e = 0; t && e < t->used; e++) {
        if (!rc__table_lives(t, e))
            continue;
        struct rc_string *s = rc__load(rc__table_key(t, e));
        uint32_t there, hash = t->state[e];
        if (find(into->interns, hash, rc_string_text(s), s->length, &there))
            s->interned = false;
        else
            adopt(into->interns, there, hash, s);
    }
    rc__interns_free(from);
}

static struct rc_string *intern(const char *text, size_t length) {
    assert(text != NULL);
    struct rc_heap *heap = rc__enter_default("rc_string_intern");
    struct rc__table *t = heap ? interns_of(heap) : NULL;
    if (!t)
        return NULL;
    uint32_t e, hash = rc__text_hash(text, length);
    struct rc_string *s = find(t, hash, text, length, &e);
    if (s)
        return rc_retain(s);
    if (!rc__table_room(heap, t))
        return NULL;
    s = rc_string_new_bytes(text, length);
    if (s)
        adopt(t, e, hash, s);
    return s;
}

struct rc_string *rc_string_intern_bytes(const void *bytes, size_t length) {
    if (!bytes && length) {
        rc__fault(RC_FAULT_NULL, "rc_string_intern_bytes", NULL, "the text is NULL");
        errno = EINVAL;
        return NULL;
    }
    if (length > RC__TEXT_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    return intern(bytes ? bytes : "", length);
}

struct rc_string *rc_string_intern(const char *text) {
    return rc_string_intern_bytes(text, text ? strlen(text) : 1);
}

struct rc_string *rc_string_interned(struct rc_string *string) {
    if (!rc__usable(string, "rc_string_interned"))
        return NULL;
    if (string->interned)
        return rc_retain(string);
    struct rc__table *t = interns_of(rc__here);
    if (!t)
        return NULL;
    uint32_t e, hash = rc__text_hash(rc_string_text(string), string->length);
    struct rc_string *s = find(t, hash, rc_string_text(string), string->length, &e);
    if (!s) {
        if (!rc__table_room(rc__here, t))
            return NULL;
        adopt(t, e, hash, s = string);
    }
    return rc_retain(s);
}

void rc__uninterned(struct rc_heap *heap, struct rc_string *s) {
    assert(rc__is_mine(heap));
    assert(rc__is_dead(RC__HEADER(s)));
    assert(s->interned && heap->interns);
    struct rc__table *t = heap->interns;
    const char *text = rc_string_text(s);
    uint32_t *place = rc__table_place_of_text(t, rc__text_hash(text, s->length), text, s->length);
    if (place && rc__load(rc__table_key(t, *place)) == s)
        rc__table_remove_at(t, place);
}

// SPDX-License-Identifier: MIT
// rc_string: bytes that never change, in the object itself. Interned ones are in intern.c.
//
// Only an interned string has something to do when it dies, and it bears a mark (RC__INTERNED). So all others are bare
// (death.c): they go at once, without a call of their destructor. Objects of a type that extends this one have neither the mark
// nor such a death.
#include "element.h"
#include "text.h"

#include <stdio.h>

static void string_destroy(void *obj) {
    assert(rc__is_dead(RC__HEADER(obj)));
    struct rc_string *s = obj;
    if (s->interned)
        rc__uninterned(rc__home(s), s);
}

const struct rc_type rc_string_type = {
    .name = "rc_string", .size = sizeof(struct rc_string), .destroy = string_destroy, .acyclic = true};

// What strings are really of (object.h).
const struct rc_type rc__string_type = {
    .name = "rc_string", .size = sizeof(struct rc_string), .base = &rc_string_type, .acyclic = true};

static struct rc_string *invalid(const char *call) {
    rc__fault(RC_FAULT_NULL, call, NULL, "the text is NULL");
    errno = EINVAL;
    return NULL;
}

// [length] bytes, to be filled in; then a NUL.
static struct rc_string *string_new(size_t length) {
    if (length > RC__TEXT_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    struct rc_string *s = rc_new_sized(&rc__string_type, length + 1);
    if (s)
        s->length = length;
    return s;
}

static struct rc_string *string_of(const void *bytes, size_t length) {
    assert(bytes || !length);
    struct rc_string *s = string_new(length);
    if (s && length)
        memcpy(s + 1, bytes, length);
    return s;
}

struct rc_string *rc_string_new(const char *text) {
    return text ? string_of(text, strlen(text)) : invalid("rc_string_new");
}

struct rc_string *rc_string_new_bytes(const void *bytes, size_t length) {
    return bytes || !length ? string_of(bytes, length) : invalid("rc_string_new_bytes");
}

struct rc_string *rc_string_vformat(const char *format, va_list arguments) {
    if (!format)
        return invalid("rc_string_format");
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    struct rc_string *s = length < 0 ? NULL : string_new((size_t)length);
    if (s)
        vsnprintf((char *)(s + 1), (size_t)length + 1, format, again);
    va_end(again);
    return s;
}

struct rc_string *rc_string_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    struct rc_string *s = rc_string_vformat(format, arguments);
    va_end(arguments);
    return s;
}

struct rc_string *rc_string_join(const struct rc_string *a, const struct rc_string *b) {
    if (!RC__FITS(a, "rc_string_join") || !RC__FITS(b, "rc_string_join"))
        return NULL;
    size_t first = rc_string_length(a), second = rc_string_length(b);
    struct rc_string *s = string_new(first + second);
    if (s) {
        memcpy(s + 1, rc_string_text(a), first);
        memcpy((char *)(s + 1) + first, rc_string_text(b), second);
    }
    return s;
}

struct rc_string *rc_string_slice(const struct rc_string *s, size_t from, size_t length) {
    if (!RC__FITS(s, "rc_string_slice"))
        return NULL;
    size_t size = rc_string_length(s);
    if (from > size || (length != SIZE_MAX && length > size - from)) {
        errno = ERANGE;
        return NULL;
    }
    return string_of(rc_string_text(s) + from, length == SIZE_MAX ? size - from : length);
}

// ---- comparing

// Computed by whoever asks first; threads that ask at once compute the same.
uint32_t rc_string_hash(const struct rc_string *s) {
    if (!s || !RC__FITS(s, "rc_string_hash"))
        return 0;
    uint32_t hash = RC__LOAD(s->hash);
    if (!hash) {
        hash = rc__text_hash(rc_string_text(s), s->length);
        RC__STORE(((struct rc_string *)(uintptr_t)s)->hash, hash);
    }
    return hash;
}

bool rc_string_equal(const struct rc_string *a, const struct rc_string *b) {
    if (!RC__FITS(a, "rc_string_equal") || !RC__FITS(b, "rc_string_equal"))
        return false;
    return a == b || (a && b && rc__text_is(a, rc_string_text(b), b->length));
}

int rc_string_compare(const struct rc_string *a, const struct rc_string *b) {
    if (!RC__FITS(a, "rc_string_compare") || !RC__FITS(b, "rc_string_compare") || !a || !b)
        return (a != NULL) - (b != NULL);
    int order = memcmp(rc_string_text(a), rc_string_text(b), a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

size_t rc_string_find(const struct rc_string *s, size_t from, const struct rc_string *part) {
    if (!RC__FITS(s, "rc_string_find") || !RC__FITS(part, "rc_string_find"))
        return RC_NOT_FOUND;
    size_t size = rc_string_length(s), length = rc_string_length(part);
    const char *text = rc_string_text(s), *wanted = rc_string_text(part);
    if (!length)
        return from <= size ? from : RC_NOT_FOUND;
    for (size_t at = from; at <= size && length <= size - at; at++) {
        const char *first = memchr(text + at, wanted[0], size - length - at + 1);
        if (!first)
            break;
        at = (size_t)(first - text);
        if (memcmp(first, wanted, length) == 0)
            return at;
    }
    return RC_NOT_FOUND;
}

static uint64_t hash_element(const void *element) {
    assert(element != NULL);
    return rc_string_hash(rc__load(element));
}
static bool equal_elements(const void *a, const void *b) {
    assert(a && b);
    return rc_string_equal(rc__load(a), rc__load(b));
}
static int compare_elements(const void *a, const void *b) {
    assert(a && b);
    return rc_string_compare(rc__load(a), rc__load(b));
}

struct string_slot {
    struct rc_string *string;
};
const struct rc_element rc_string_element = {
    .name = "string",
    .size = sizeof(struct string_slot),
    .slots = RC_SLOTS({RC_SLOT_LINK, offsetof(struct string_slot, string), 1, "string", &rc_string_type}),
    .hash = hash_element,
    .equal = equal_elements,
    .compare = compare_elements};

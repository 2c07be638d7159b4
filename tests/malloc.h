// SPDX-License-Identifier: MIT
// The C library's memory, refused: for the part of the library that asks there and not a heap's allocator. The Makefile links
// the suites that include this with --wrap. While [scarce], allocation number [fails_at] from when [asked] was set to 0 fails.
#ifndef TESTS_MALLOC_H
#define TESTS_MALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool scarce;
static size_t asked, fails_at, refusals;

static bool is_refused(void) {
    if (!scarce || ++asked != fails_at)
        return false;
    refusals++;
    return true;
}

void *__wrap_malloc(size_t size) {
    return is_refused() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t n, size_t size) {
    return is_refused() ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *memory, size_t size) {
    return is_refused() ? NULL : __real_realloc(memory, size);
}

#endif

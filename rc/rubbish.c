// SPDX-License-Identifier: MIT
// Large blocks of memory that nobody needs any more.
//
// Such a block goes back to the system page by page, at a quarter of a microsecond each, and that of a container with ten
// million elements has 60,000 of them. So it waits, as rubbish, on a list threaded through the blocks, and loses a piece
// at a time, from its end, before what is left of it is freed. rc__reap does that, when nobody is left to be destroyed.
//
// Not where somebody else looks at memory: under valgrind, a sanitizer, or with an allocator of the user's.
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // madvise
#endif
#include "object.h"

#include <sys/mman.h>

enum { LARGE = 4 << 20, PIECE = 256 << 10, PAGE = 64 << 10 }; // PAGE: the largest of any system

struct rc__rubbish {
    struct rc__rubbish *next;
    size_t size; // of what has not gone back yet
};

void rc__memory_later(struct rc_heap *heap, void *memory, size_t size) {
    assert(memory != NULL && size > 0);
    assert(rc__is_mine(heap));
    if (size < LARGE || !heap->blocks.paged) {
        rc__memory_free(heap, memory, size);
        return;
    }
    struct rc__rubbish *rubbish = memory;
    *rubbish = (struct rc__rubbish){heap->rubbish, size};
    heap->rubbish = rubbish;
}

static void free_first(struct rc_heap *heap) {
    assert(heap->rubbish != NULL);
    assert(heap->rubbish->size >= sizeof *heap->rubbish);
    struct rc__rubbish *rubbish = heap->rubbish;
    heap->rubbish = rubbish->next;
    rc__memory_free(heap, rubbish, rubbish->size);
}

bool rc__rubbish_some(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    struct rc__rubbish *rubbish = heap->rubbish;
    if (!rubbish)
        return false;
    if (rubbish->size < 2 * PIECE) {
        free_first(heap);
        return true;
    }
    uintptr_t end = ((uintptr_t)rubbish + rubbish->size) / PAGE * PAGE;
    madvise((void *)(end - PIECE), PIECE, MADV_DONTNEED);
    size_t size = end - PIECE - (uintptr_t)rubbish;
    heap->memory -= rubbish->size - size;
    rubbish->size = size;
    assert(rubbish->size >= sizeof *rubbish); // its head stays
    assert(rubbish->size % PAGE == (-(uintptr_t)rubbish) % PAGE);
    return true;
}

void rc__rubbish_free(struct rc_heap *heap) {
    while (heap->rubbish)
        free_first(heap);
}

void rc__rubbish_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(into != from);
    assert(rc__is_mine(into) && rc__is_mine(from));
    struct rc__rubbish **last = &into->rubbish;
    while (*last)
        last = &(*last)->next;
    *last = from->rubbish;
    from->rubbish = NULL;
}

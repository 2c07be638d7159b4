// SPDX-License-Identifier: MIT
// The short ways through block.c: a free cell is at hand; a cell goes back to a page that has others in use and free.
#ifndef RC_BLOCK_H
#define RC_BLOCK_H

#include "object.h"

#define RC__PAGE ((size_t)1 << 16) // bytes of a page, and its alignment
#define RC__PAGE_HEAD 64           // of these, before the first cell: an object of 64 bytes lies in one cache line

struct rc__page {
    struct rc__page *next, *prev; // with room for the same size, or empty
    struct rc__header *free;
    struct rc__region *region;
    uint32_t cell;                // bytes of a cell; 0: the page is empty
    uint32_t used;                // cells in use; 1 instead if all are and that is known (not has_room): look at the next to go
    uint32_t fresh;               // offset of the first cell that was never used; 0: the page is bare
    bool has_room;                // is on the list of those
};

struct rc__header *rc__block_new_slow(struct rc_heap *heap, size_t size);
size_t rc__big_free(struct rc_heap *heap, struct rc__header *h);
void rc__page_freed(struct rc_heap *heap, struct rc__page *page);

static inline struct rc__page *rc__page_of(const struct rc__header *h) {
    return (struct rc__page *)((uintptr_t)h & ~(uintptr_t)(RC__PAGE - 1));
}

// The first free cell of [page], which has one. Of the header, only the word is set.
static inline struct rc__header *rc__page_take(struct rc__page *page) {
    struct rc__header *h = page->free;
    assert(rc__page_of(h) == page && page->cell && page->has_room && rc__cls(h) == 0);
    page->free = (struct rc__header *)(uintptr_t)h->word;
    page->used++;
    h->word = 0;
    return h;
}

// Memory for a header and an object of together [size] bytes, a multiple of 16 in a heap with pages. Of the header, only
// the word is set.
static inline struct rc__header *rc__block_new(struct rc_heap *heap, size_t size) {
    struct rc__page *page = size <= RC__CELL_MAX && heap->blocks.paged ? heap->blocks.room[size / 16] : NULL;
    if (!page || !page->free)
        return rc__block_new_slow(heap, size);
    return rc__page_take(page);
}

// [h], which is a cell, goes back to its page. Returns the bytes that were freed.
static inline uint32_t rc__cell_free(struct rc_heap *heap, struct rc__header *h) {
    struct rc__page *page = rc__page_of(h);
    uint32_t size = page->cell;
    assert(size && page->used > 0 && (char *)h < (char *)page + page->fresh);
    rc__set_both(h, 0, 0);
    h->word = (uintptr_t)page->free;
    page->free = h;
    if (--page->used == 0 && (page->next || page->prev || !page->has_room))
        rc__page_freed(heap, page);
    return size;
}

// The same of any block.
static inline size_t rc__block_free(struct rc_heap *heap, struct rc__header *h) {
    return h->word & RC__BIG ? rc__big_free(heap, h) : rc__cell_free(heap, h);
}

#endif

// SPDX-License-Identifier: MIT
// Where objects lie: in cells of pages, or in blocks of their own.
//
// A page is 64 KiB, aligned to that, and cut into cells of one size. So the page of a cell is found by masking its
// address, and all objects of a heap can be enumerated, which rc_heap_free needs. Pages come in regions, which a heap keeps.
// But a merge brings regions, and so gives back idle ones (without a page in use), up to twice as many pages as it brought:
// a program that makes a heap for each request, and merges it, does not grow. rc_trim gives back all idle regions, and of
// empty pages in others all but the head: such a page is bare, like one that was never used.
//
// A block of its own is what an object gets that is larger than 512 bytes with its header, and every object of a heap with
// an allocator of its own, in a checked build, under a sanitizer or valgrind, or with REFCYC_MALLOC=1 in the environment:
// then those tools see each object. With REFCYC_MALLOC=0 valgrind sees what runs without it.
//
//     page:  | struct rc__page | cell | cell | ...          a free cell has class 0, and the next free one in `word`
//     block: | struct rc__big | header | object
#include "block.h"

#include <stdlib.h>

_Static_assert(sizeof(struct rc__page) <= RC__PAGE_HEAD, "a page's head has room before its cells");

struct rc__region {
    struct rc__region *next, *prev;
    char *memory;
    size_t pages, used; // used: those that have a size
};

// Weak symbols: these functions are there only where AddressSanitizer, or ThreadSanitizer, is linked in.
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

#ifndef RC_CHECK
// Valgrind has a part of its own loaded into the program. (Its header could tell, too, but need not be where this is built.)
static bool is_under_valgrind(void) {
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "/vgpreload_");
}
#endif

void rc__blocks_init(struct rc_heap *heap) {
    struct rc__blocks *b = &heap->blocks;
    b->big.not_next = b->big.not_prev = ~(uintptr_t)&b->big;
#ifndef RC_CHECK
    const char *force = getenv("REFCYC_MALLOC");
    bool seen = __asan_init || __tsan_init; // LCOV_EXCL_BR_LINE: other builds are tested so
    b->paged = !seen && (force ? *force != '1' : !is_under_valgrind());
#endif
}

static struct rc__big *big_next(const struct rc__big *big) {
    return (struct rc__big *)~big->not_next;
}
static struct rc__big *big_prev(const struct rc__big *big) {
    return (struct rc__big *)~big->not_prev;
}
static struct rc__big *big_of(const struct rc__header *h) {
    return (struct rc__big *)(uintptr_t)h - 1;
}

static struct rc__header *big_new(struct rc_heap *heap, size_t size) {
    struct rc__big *big = NULL;
    if (size < SIZE_MAX - sizeof *big)
        big = rc__memory(heap, sizeof *big + size);
    if (!big)
        return NULL;
    struct rc__big *head = &heap->blocks.big;
    big->size = sizeof *big + size;
    big->not_next = head->not_next;
    big->not_prev = ~(uintptr_t)head;
    big_next(head)->not_prev = ~(uintptr_t)big;
    head->not_next = ~(uintptr_t)big;
    struct rc__header *h = (struct rc__header *)(big + 1);
    h->word = RC__BIG;
    rc__place_add(h, size);
    return h;
}

size_t rc__big_free(struct rc_heap *heap, struct rc__header *h) {
    assert(h->word & RC__BIG);
    assert(big_next(big_prev(big_of(h))) == big_of(h) && big_prev(big_next(big_of(h))) == big_of(h));
    struct rc__big *big = big_of(h);
    size_t size = big->size - sizeof *big;
    rc__place_remove(h, size);
    big_prev(big)->not_next = big->not_next;
    big_next(big)->not_prev = big->not_prev;
    rc__set_both(h, 0, 0);
    rc__memory_free(heap, big, big->size);
    return size;
}

static void list_add(struct rc__page **list, struct rc__page *page) {
    assert(*list != page);
    page->prev = NULL;
    page->next = *list;
    if (*list)
        (*list)->prev = page;
    *list = page;
}

static void list_remove(struct rc__page **list, struct rc__page *page) {
    assert(page->prev ? page->prev->next == page : *list == page);
    assert(!page->next || page->next->prev == page);
    if (page->prev)
        page->prev->next = page->next;
    else
        *list = page->next;
    if (page->next)
        page->next->prev = page->prev;
}

static void region_add(struct rc__region **list, struct rc__region *region) {
    region->prev = NULL;
    region->next = *list;
    if (*list)
        (*list)->prev = region;
    *list = region;
}

static void region_remove(struct rc__region **list, struct rc__region *region) {
    assert(region->prev ? region->prev->next == region : *list == region);
    if (region->prev)
        region->prev->next = region->next;
    else
        *list = region->next;
    if (region->next)
        region->next->prev = region->prev;
}

static struct rc__page *page_at(const struct rc__region *region, size_t i) {
    assert(i < region->pages);
    return (struct rc__page *)(void *)(region->memory + i * RC__PAGE);
}

// The first region of a heap is one page, since many heaps stay small; the next ones are larger. Where a heap has some MB, the
// next 2 MB are no great matter: then a region is a large block, which the system may back by one page of its own (large.c).
enum { MIDDLE = 16, LARGE = RC__LARGE / RC__PAGE, LARGE_FROM = 2 * LARGE, LARGE_TO = 32 * LARGE };
enum { FRESH = 4096 }; // about so many bytes of fresh cells become free ones at a time

static bool region_new(struct rc_heap *heap) {
    struct rc__region *region = rc__uncounted(heap, sizeof *region);
    if (!region)
        return false;
    size_t pages = heap->blocks.pages;
    region->pages = pages >= LARGE_FROM ? LARGE : pages ? MIDDLE : 1;
    region->memory = region->pages == LARGE
                         ? rc__large_new(pages < LARGE_TO)
                         : heap->allocator.alloc(region->pages * RC__PAGE, RC__PAGE, heap->allocator.arg);
    if (!region->memory) {
        rc__uncounted_free(heap, region, sizeof *region);
        return false;
    }
    heap->blocks.pages += region->pages;
    region->used = 0;
    region_add(&heap->blocks.idle, region);
    for (size_t i = region->pages; i-- > 0;) {
        struct rc__page *page = page_at(region, i);
        page->cell = page->fresh = 0;
        page->region = region;
        list_add(&heap->blocks.bare, page);
    }
    return true;
}

static void region_free(struct rc_heap *heap, struct rc__region *region) {
    assert(region->used == 0 || heap->ending || !heap->objects);
    heap->blocks.pages -= region->pages;
    heap->memory -= region->used * RC__PAGE;
    if (region->pages == LARGE)
        rc__large_free(region->memory, RC__LARGE);
    else
        heap->allocator.free(region->memory, region->pages * RC__PAGE, heap->allocator.arg);
    rc__uncounted_free(heap, region, sizeof *region);
}

// An empty page gets a size, and counts from now on (M1). [another]: a page of that size is full already.
static struct rc__page *page_new(struct rc_heap *heap, size_t cell, bool another) {
    assert(cell % 16 == 0 && cell >= sizeof(struct rc__header) && cell <= RC__CELL_MAX);
    struct rc__blocks *b = &heap->blocks;
    if (!rc__memory_fits(heap, RC__PAGE) || (!b->empty && !b->bare && !region_new(heap)))
        return NULL;
    heap->memory += RC__PAGE;
    struct rc__page **list = b->empty ? &b->empty : &b->bare, *page = *list;
    assert(page->cell == 0 && page->region->used < page->region->pages);
    list_remove(list, page);
    if (page->region->used++ == 0) {
        region_remove(&b->idle, page->region);
        region_add(&b->regions, page->region);
    }
    if (another && list == &b->bare) // all of it will be used soon
        rc__large_touch((char *)page, (char *)page + RC__PAGE);
    page->cell = (uint32_t)cell;
    page->used = 0;
    page->fresh = RC__PAGE_HEAD;
    page->free = NULL;
    page->has_room = true;
    list_add(&b->room[cell / 16], page);
    return page;
}

static uint32_t cells_of(const struct rc__page *page) {
    return (uint32_t)(RC__PAGE - RC__PAGE_HEAD) / page->cell;
}

static void page_full(struct rc_heap *heap, struct rc__page *page) {
    assert(page->has_room && !page->free && page->used == cells_of(page));
    list_remove(&heap->blocks.room[page->cell / 16], page);
    page->has_room = false;
    page->used = 1;
}

// Some fresh cells of [page], which has some, become free ones.
static void freshen(struct rc__page *page) {
    assert(!page->free && page->has_room);
    uint32_t end = page->fresh + (FRESH / page->cell + 1) * page->cell;
    if (end > RC__PAGE)
        end = page->fresh + (RC__PAGE - page->fresh) / page->cell * page->cell;
    for (uint32_t at = end; at > page->fresh;) {
        at -= page->cell;
        struct rc__header *h = (struct rc__header *)(void *)((char *)page + at);
        rc__set_both(h, 0, 0);
        h->word = (uintptr_t)page->free;
        page->free = h;
    }
    page->fresh = end;
}

// A page with a free cell of this size, the first one with room; or NULL.
static struct rc__page *page_with_free(struct rc_heap *heap, size_t cell) {
    struct rc__page **room = &heap->blocks.room[cell / 16], *page;
    bool another = false;
    for (; (page = *room) && !page->free && page->fresh + cell > RC__PAGE; another = true)
        page_full(heap, page);
    if (!page)
        page = page_new(heap, cell, another);
    if (page && !page->free)
        freshen(page);
    return page;
}

// [page] has no object and is on no list.
static void page_empty(struct rc_heap *heap, struct rc__page *page) {
    assert(page->used == 0 && page->cell && page->region->used > 0);
    struct rc__blocks *b = &heap->blocks;
    heap->memory -= RC__PAGE;
    page->cell = 0;
    list_add(&b->empty, page);
    if (--page->region->used == 0) {
        region_remove(&b->regions, page->region);
        region_add(&b->idle, page->region);
    }
}

// [page] was full and no longer is, or no longer has a cell in use. The last page of a size keeps its size: no coming and
// going.
void rc__page_freed(struct rc_heap *heap, struct rc__page *page) {
    assert(page->cell && rc__page_of((struct rc__header *)page) == page);
    struct rc__page **room = &heap->blocks.room[page->cell / 16];
    if (!page->has_room) {
        page->has_room = true;
        page->used = cells_of(page) - 1;
        list_add(room, page);
    }
    if (!page->used && (page->next || page->prev)) {
        list_remove(room, page);
        page_empty(heap, page);
    }
}

// Where memory is short, or is to go back, the pages that kept their size without an object lose it, too.
void rc__pages_unkeep(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    for (size_t size = 0; size < RC__CELL_SIZES; size++)
        for (struct rc__page **room = &heap->blocks.room[size], *page = *room, *next; page; page = next) {
            next = page->next;
            if (page->used)
                continue;
            list_remove(room, page);
            page_empty(heap, page);
        }
}

struct rc__header *rc__block_new_slow(struct rc_heap *heap, size_t size) {
    assert(size >= sizeof(struct rc__header));
    if (!heap->blocks.paged || size > RC__CELL_MAX)
        return big_new(heap, size);
    struct rc__page *page = page_with_free(heap, size);
    return page ? rc__page_take(page) : NULL;
}

size_t rc__block_size(const struct rc__header *h) {
    return h->word & RC__BIG ? big_of(h)->size - sizeof(struct rc__big) : rc__page_of(h)->cell;
}

void rc__each_object(struct rc_heap *heap, void (*each)(struct rc__header *h, void *arg), void *arg) {
    struct rc__blocks *b = &heap->blocks;
    for (struct rc__big *big = big_next(&b->big), *next; big != &b->big; big = next) {
        next = big_next(big);
        each((struct rc__header *)(big + 1), arg);
    }
    for (struct rc__region *r = b->regions; r; r = r->next)
        for (size_t i = 0; i < r->pages; i++) {
            struct rc__page *page = page_at(r, i);
            if (!page->cell)
                continue;
            for (uint32_t at = RC__PAGE_HEAD; at < page->fresh; at += page->cell) {
                struct rc__header *h = (struct rc__header *)(void *)((char *)page + at);
                if (rc__cls(h))
                    each(h, arg);
            }
        }
}

void rc__blocks_free(struct rc_heap *heap) {
    struct rc__blocks *b = &heap->blocks;
    while (big_next(&b->big) != &b->big)
        rc__big_free(heap, (struct rc__header *)(big_next(&b->big) + 1));
    struct rc__region *lists[2] = {b->regions, b->idle};
    for (int i = 0; i < 2; i++)
        for (struct rc__region *r = lists[i], *next; r; r = next) {
            next = r->next;
            region_free(heap, r);
        }
}

static void big_merge(struct rc__big *into, struct rc__big *from) {
    if (big_next(from) == from)
        return;
    struct rc__big *first = big_next(from), *last = big_prev(from), *behind = big_next(into);
    into->not_next = ~(uintptr_t)first;
    first->not_prev = ~(uintptr_t)into;
    last->not_next = ~(uintptr_t)behind;
    behind->not_prev = ~(uintptr_t)last;
    from->not_next = from->not_prev = ~(uintptr_t)from;
}

// No page of [from] is kept without an object: merge.c sees to that.
static void pages_merge(struct rc__page **into, struct rc__page **from) {
    for (struct rc__page *page; (page = *from);) {
        list_remove(from, page);
        list_add(into, page);
    }
}

static size_t regions_merge(struct rc__region **into, struct rc__region **from) {
    size_t pages = 0;
    for (struct rc__region *r; (r = *from);) {
        region_remove(from, r);
        region_add(into, r);
        pages += r->pages;
    }
    return pages;
}

// Gives back [region], which is idle. Returns the bytes of those of its pages that are not bare.
static size_t idle_free(struct rc_heap *heap, struct rc__region *region) {
    assert(region->used == 0);
    struct rc__blocks *b = &heap->blocks;
    size_t bytes = 0;
    for (size_t i = 0; i < region->pages; i++) {
        struct rc__page *page = page_at(region, i);
        bytes += page->fresh ? RC__PAGE : 0;
        list_remove(page->fresh ? &b->empty : &b->bare, page);
    }
    region_remove(&b->idle, region);
    region_free(heap, region);
    return bytes;
}

// [page] is empty, and is bare then.
static size_t page_strip(struct rc__blocks *b, struct rc__page *page) {
    assert(!page->cell && page->fresh);
    list_remove(&b->empty, page);
    page->fresh = 0;
    list_add(&b->bare, page);
    if (page->region->pages == LARGE)
        rc__large_split(page->region->memory);
    return rc__large_strip((char *)page, (char *)page + RC__PAGE);
}

static size_t shed(struct rc_heap *heap, size_t most) {
    struct rc__blocks *b = &heap->blocks;
    size_t bytes = 0;
    while (b->idle && bytes < most)
        bytes += idle_free(heap, b->idle);
    while (b->empty && bytes < most)
        bytes += page_strip(b, b->empty);
    return bytes;
}

// Cost: what is given back, and once that is less than [most], the pages that have room.
size_t rc__blocks_trim(struct rc_heap *heap, size_t most) {
    assert(rc__is_mine(heap));
    heap->newest_size = 0; // its page may go
    size_t bytes = shed(heap, most);
    if (bytes < most) {
        rc__pages_unkeep(heap);
        bytes += shed(heap, most - bytes);
    }
    return bytes;
}

// Gives back idle regions of about [pages] pages, but for one of full size.
static void give_back(struct rc_heap *heap, size_t pages) {
    struct rc__blocks *b = &heap->blocks;
    bool kept = false;
    for (struct rc__region *r = b->idle, *next; r && pages; r = next) {
        next = r->next;
        if (r->pages > 1 && !kept) {
            kept = true;
            continue;
        }
        pages -= r->pages < pages ? r->pages : pages;
        idle_free(heap, r);
    }
}

// Moves all blocks of [from] to [into]. Both have the same allocator; but one may have pages and the other none, if the
// environment was changed in between: each object says for itself where it lies. Cost: the pages of [from] that have room,
// its regions, and what is given back.
void rc__blocks_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(into != from);
    into->newest_size = from->newest_size = 0;
    struct rc__blocks *to = &into->blocks, *old = &from->blocks;
    big_merge(&to->big, &old->big);
    for (size_t size = 0; size < RC__CELL_SIZES; size++)
        pages_merge(&to->room[size], &old->room[size]);
    pages_merge(&to->empty, &old->empty);
    pages_merge(&to->bare, &old->bare);
    size_t pages = regions_merge(&to->regions, &old->regions) + regions_merge(&to->idle, &old->idle);
    to->pages += pages;
    old->pages = 0;
    give_back(into, 2 * pages);
}

// SPDX-License-Identifier: MIT
// Where a heap's memory comes from, what of it counts for the heap's limit, and what can go back.
//
//   M1  heap->memory is the sum of what counts: the pages that have a size (block.c), blocks, and what containers and types
//       have. When a heap has ended it is 0.
//   M2  What counts is asked for by calls that can fail. Such a call is refused where it would take the heap beyond its limit,
//       and only then: a heap may have more than a limit that was lowered, and giving memory back is never refused.
//   M3  What the collector needs does not count: the graph, the suspect buffer, the inbox. A collection is what makes room.
//   M4  Weak references do not come from the heap, since they may outlive it, and other threads make them, too. They have a
//       sum of their own, which is added to the other where the thread inside makes one.
//
// When two heaps are merged their sums are added. What one has allocated the other may free before that: meanwhile the sums are
// right only modulo the range.
#include "object.h"

#include <stdlib.h>

static void *plain_malloc(size_t size, size_t align, void *arg) {
    (void)arg;
    void *memory;
    if (align <= 16)
        return malloc(size);
    return posix_memalign(&memory, align, size) ? NULL : memory;
}

static void plain_free(void *memory, size_t size, void *arg) {
    (void)size;
    (void)arg;
    free(memory);
}

const struct rc_allocator rc__plain_allocator = {plain_malloc, plain_free, NULL};

void *rc__uncounted(struct rc_heap *heap, size_t size) {
    assert(heap->allocator.alloc);
    assert(size > 0);
    return heap->allocator.alloc(size, 16, heap->allocator.arg);
}

void rc__uncounted_free(struct rc_heap *heap, void *memory, size_t size) {
    assert(!memory || size > 0);
    if (memory)
        heap->allocator.free(memory, size, heap->allocator.arg);
}

// M4
size_t rc__memory_of(const struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    return heap->memory + rc__word_load(&heap->weak_memory);
}

static bool fits(const struct rc_heap *heap, size_t size) {
    size_t limit = rc__word_load(&heap->limit);
    return size <= limit && rc__memory_of(heap) <= limit - size;
}

// M2: whether the heap may have [size] bytes more. Pages without objects give way.
bool rc__memory_fits(struct rc_heap *heap, size_t size) {
    assert(rc__is_mine(heap));
    if (fits(heap, size))
        return true;
    rc__pages_unkeep(heap);
    return fits(heap, size);
}

void *rc__memory(struct rc_heap *heap, size_t size) {
    void *memory = rc__memory_fits(heap, size) ? rc__uncounted(heap, size) : NULL;
    if (memory)
        heap->memory += size;
    return memory;
}

void rc__memory_free(struct rc_heap *heap, void *memory, size_t size) {
    rc__uncounted_free(heap, memory, size);
    if (memory)
        heap->memory -= size;
}

// What malloc gave realloc can enlarge, which moves pages, not bytes, where there are many.
static void *moved(struct rc_heap *heap, void *memory, size_t size, size_t used, size_t bigger) {
    assert(used <= size && used <= bigger);
    assert(!used || memory);
    if (heap->allocator.alloc == plain_malloc)
        return realloc(memory, bigger);
    void *to = rc__uncounted(heap, bigger);
    if (to && used)
        memcpy(to, memory, used);
    if (to)
        rc__uncounted_free(heap, memory, size);
    return to;
}

// M2: only what it grows by is asked for.
void *rc__memory_grow(struct rc_heap *heap, void *memory, size_t size, size_t used, size_t bigger) {
    if (bigger > size && !rc__memory_fits(heap, bigger - size))
        return NULL;
    void *to = moved(heap, memory, size, used, bigger);
    if (to)
        heap->memory += bigger - size; // or less, modulo the range
    return to;
}

void rc_heap_set_limit(struct rc_heap *heap, size_t limit) {
    assert(!heap || heap->door);
    if (!heap)
        rc__fault(RC_FAULT_NULL, "rc_heap_set_limit", NULL, "the heap is NULL");
    else
        rc__word_store(&heap->limit, limit ? limit : SIZE_MAX);
}

size_t rc_trim(size_t most) {
    struct rc_heap *heap = rc__enter_default("rc_trim");
    if (!heap || !cc_is_free(heap))
        return 0;
    size_t bytes = rc__blocks_trim(heap, most);
    if (bytes < most)
        bytes += cc_trim(heap, most - bytes);
    if (bytes < most)
        bytes += rc__reserve_trim(heap, most - bytes);
    return bytes;
}

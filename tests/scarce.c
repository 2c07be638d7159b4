// SPDX-License-Identifier: MIT
// See scarce.h. Each block has its size in front, to be compared when it goes.
#include "tests/scarce.h"
#include "tests/harness.h"

static size_t calls, fails_at, refusals, blocks;
static bool for_ever;

static void *scarce_alloc(size_t size, size_t align, void *arg) {
    (void)arg;
    calls++;
    if (fails_at && (for_ever ? calls >= fails_at : calls == fails_at)) {
        refusals++;
        return NULL;
    }
    REQUIRE(align <= 16);
    size_t *memory = malloc(size + 16);
    REQUIRE(memory);
    memory[0] = size;
    blocks++;
    return memory + 2;
}

static void scarce_free(void *memory, size_t size, void *arg) {
    (void)arg;
    size_t *block = (size_t *)memory - 2;
    EXPECT_EQ(block[0], size);
    blocks--;
    memset(memory, 0xA5, size); // for who still reads it
    free(block);
}

struct rc_heap *scarce_enter(void) {
    fail_allocation(0, false);
    struct rc_heap *heap =
        rc_heap_new(&(struct rc_heap_options){.allocator = &(struct rc_allocator){scarce_alloc, scarce_free, NULL}});
    REQUIRE(heap);
    rc_heap_enter(heap);
    return heap;
}

void scarce_leave(struct rc_heap *heap) {
    fail_allocation(0, false);
    rc_heap_leave(heap);
    free_heap(heap);
    EXPECT_EQ(0, blocks);
}

void fail_allocation(size_t n, bool for_good) {
    calls = refusals = 0;
    fails_at = n;
    for_ever = for_good;
}

size_t refused(void) {
    size_t n = refusals;
    fails_at = 0;
    return n;
}

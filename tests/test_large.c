// SPDX-License-Identifier: MIT
// The memory of large heaps and of large graphs comes in blocks of 2 MiB (rc/large.c): it goes back, and may be refused. (In
// small: test_memory.c.)
#define _DEFAULT_SOURCE // mincore, madvise
#include "rc/block.h"
#include "tests/harness.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

struct pair {
    struct pair *a, *b;
};
RC_TYPE(pair, struct pair, .slots = RC_SLOTS(RC_LINK(struct pair, a), RC_LINK(struct pair, b)));

//   first --> ... --> last --> first, n of them, dropped
static void drop_ring(size_t n) {
    struct pair *first = rc_new(&pair_type), *last = first;
    for (size_t i = 1; i < n; i++) {
        struct pair *p = rc_new(&pair_type);
        rc_give(&last->a, p);
        last = p;
    }
    rc_give(&last->a, first);
}

static size_t address_space(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    REQUIRE(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

// Not under valgrind, a sanitizer or in a checked build, where memory goes back late, too.
static bool has_blocks(void) {
    return rc_heap_default()->blocks.paged;
}

enum { N = 300000, GRAPH = N * 20 }; // objects, and bytes for their graph

TEST(memory_of_a_large_graph_goes_back) {
    if (!has_blocks())
        SKIP("there are no blocks here, and what is freed goes back late");
    drop_ring(N); // from here on there is room for the objects
    EXPECT_EQ(N, rc_collect());
    drop_ring(N);
    EXPECT_EQ(N, rc_collect());
    size_t before = address_space();
    for (int i = 0; i < 10; i++) {
        drop_ring(N);
        EXPECT_EQ(N, rc_collect());
    }
    // In slices; and the next graph grows before all of this one has gone back.
    for (int i = 0; i < 10; i++) {
        drop_ring(N);
        while (stats().objects)
            rc_collect_step(200000);
        for (int k = 0; k < 5 * i; k++)
            EXPECT_EQ(RC_STEP_MORE, rc_collect_step(0));
    }
    while (rc_collect_step(200000) == RC_STEP_MORE) {
    }
    EXPECT(stats().graph_bytes_max >= GRAPH);
    EXPECT_AT_MOST(before + GRAPH, address_space());
}

//   a heap like that, and one that is handed over to another, which is freed
TEST(memory_of_a_large_heap_goes_back) {
    if (!has_blocks())
        SKIP("there are no blocks here, and what is freed goes back late");
    size_t before = 0;
    for (int i = 0; i < 8; i++) {
        struct rc_heap *one = rc_heap_new(NULL), *other = rc_heap_new(NULL);
        rc_heap_enter(other);
        drop_ring(N);
        rc_heap_leave(other);
        rc_heap_enter(one);
        drop_ring(N);
        EXPECT(rc_heap_merge(one, other));
        EXPECT_EQ(2 * N, rc_collect());
        drop_ring(N);
        rc_heap_leave(one);
        EXPECT_EQ(0, rc_heap_free(one));
        if (i == 1)
            before = address_space();
    }
    EXPECT_AT_MOST(before + GRAPH, address_space());
}

// More than 4 MiB, of which the heap keeps a table; it would wait to go back in pieces, but the heap ends.
TEST(large_table_of_texts_goes_back_with_its_heap) {
    if (!has_blocks())
        SKIP("there are no blocks here, and what is freed goes back late");
    size_t before = 0;
    for (int i = 0; i < 6; i++) {
        struct rc_heap *heap = rc_heap_new(NULL);
        rc_heap_enter(heap);
        for (int n = 0; n < N; n++) {
            char text[32];
            snprintf(text, sizeof text, "%d", n);
            REQUIRE(rc_string_intern(text)); // the handle is lost
        }
        EXPECT_EQ(N, rc_heap_free(heap));
        if (i == 1)
            before = address_space();
    }
    EXPECT_AT_MOST(before + (16 << 20), address_space());
}

#ifdef MADV_POPULATE_WRITE
static bool is_present(const char *at) {
    unsigned char present = 0;
    REQUIRE(mincore((void *)((uintptr_t)at & ~(uintptr_t)4095), 4096, &present) == 0);
    return present & 1;
}

// The first object in a page of cells that has none yet, other than that of [p].
static struct pair *fill_page_of(struct pair *p) {
    struct pair *next = p;
    while (rc__page_of(RC__HEADER(next)) == rc__page_of(RC__HEADER(p)))
        next = rc_new(&pair_type);
    return next;
}
#endif

TEST(where_one_page_of_cells_is_full_the_next_is_made_present_at_once, .counts = true) {
#ifndef MADV_POPULATE_WRITE
    SKIP("the system does not know how");
#else
    static char at_hand[8192];
    char *page = (char *)(((uintptr_t)at_hand + 4095) & ~(uintptr_t)4095);
    if (!has_blocks() || madvise(page, 4096, MADV_POPULATE_WRITE) || !is_present(page))
        SKIP("there are no pages here, or the system does not know how");
    struct pair *next = fill_page_of(rc_new(&pair_type));
    EXPECT(is_present((char *)rc__page_of(RC__HEADER(next)) + RC__PAGE - 1));
    EXPECT(rc_heap_free(rc_heap_default()) > 0);
#endif
}

static void limit_address_space(size_t bytes, struct rlimit *before) {
    REQUIRE(getrlimit(RLIMIT_AS, before) == 0);
    struct rlimit limit = {bytes, before->rlim_max};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
}

TEST(object_without_address_space_is_refused) {
    if (!has_blocks())
        SKIP("there are no blocks here");
    drop_ring(N);
    struct rlimit before;
    limit_address_space(address_space(), &before);
    size_t more = 0;
    errno = 0;
    while (more < 2 * N && rc_new(&pair_type)) // their handles are lost: they are for rc_heap_free
        more++;
    EXPECT_EQ(ENOMEM, errno);
    REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
    EXPECT_EQ(more, rc_heap_free(rc_heap_default()));
}

TEST(collection_without_address_space_is_called_off_and_works_again) {
    if (!has_blocks())
        SKIP("there are no blocks here");
    drop_ring(N);
    struct rlimit before;
    limit_address_space(address_space() + (1 << 20), &before);
    errno = 0;
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(ENOMEM, errno);
    REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
    EXPECT_EQ(N, rc_collect());
}

// SPDX-License-Identifier: MIT
// The memory of large graphs: it comes in blocks of 2 MiB (cc/memory.c), goes back when the collection is over, and may be
// refused. (In small: test_memory.c.)
#include "tests/harness.h"

#include <errno.h>
#include <stdio.h>
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

enum { N = 300000, GRAPH = N * 20 }; // objects, and bytes for their graph

TEST(memory_of_a_large_graph_goes_back) {
    if (is_slow_build())
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
    drop_ring(N);
    while (rc_collect_step(200000) == RC_STEP_MORE) {
    }
    struct rc_stats s;
    rc_stats(&s);
    EXPECT_EQ(0, s.objects);
    EXPECT(s.graph_bytes_max >= GRAPH);
    EXPECT_AT_MOST(before + GRAPH, address_space());
}

static void limit_address_space(size_t bytes, struct rlimit *before) {
    REQUIRE(getrlimit(RLIMIT_AS, before) == 0);
    struct rlimit limit = {bytes, before->rlim_max};
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
}

TEST(collection_without_address_space_is_called_off_and_works_again) {
    if (is_slow_build())
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

// SPDX-License-Identifier: MIT
// Memory runs out at every allocation in turn, once and from then on: the call says so (ENOMEM), nothing is lost, and it
// works when memory is back. A leak checker and the counts of the hook see to the rest.
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/steps.h"
#include "tests/vector.h"

#include <sys/resource.h>

// ---- an allocator that fails

static size_t calls, fail_at, blocks, bytes; // the first call is number 1; fail_at 0: none fails
static bool for_good;
static size_t refused;

static void *failing_alloc(size_t size, size_t align, void *arg) {
    (void)arg;
    calls++;
    if (fail_at && (for_good ? calls >= fail_at : calls == fail_at)) {
        refused++;
        return NULL;
    }
    void *memory = aligned_alloc(align < 16 ? 16 : align, (size + 15) & ~(size_t)15);
    REQUIRE(memory);
    blocks++;
    bytes += size;
    return memory;
}

static void failing_free(void *memory, size_t size, void *arg) {
    (void)arg;
    blocks--;
    bytes -= size;
    free(memory);
}

static const struct rc_heap_options failing = {.allocator = &(const struct rc_allocator){failing_alloc, failing_free, NULL}};

// Runs [body] in a heap of its own with the Nth allocation failing, N = 1, 2 ... until none is refused any more.
static void with_each_allocation_failing(void (*body)(void)) {
    for (int good = 0; good < 2; good++) {
        for_good = good;
        size_t n = 0;
        do {
            test_note("allocation %zu fails%s", ++n, for_good ? " and all after it" : "");
            REQUIRE(n < 10000);
            forget();
            calls = refused = 0;
            fail_at = n;
            errno = 0;
            struct rc_heap *h = rc_heap_new(&failing);
            if (!h) {
                EXPECT_EQ(ENOMEM, errno);
                EXPECT(refused > 0);
                EXPECT_EQ(0, blocks);
                fail_at = 0;
                REQUIRE((h = rc_heap_new(&failing))); // the same call again
                rc_heap_free(h);
                continue;
            }
            rc_heap_enter(h);
            body();
            fail_at = 0;
            rc_heap_leave(h);
            free_heap(h);
            EXPECT_EQ(0, blocks);
            EXPECT_EQ(0, bytes);
            REQUIRE(test_failures() == 0);
        } while (refused > 0);
        EXPECT(n > 3);
    }
}

// rc_new, with what must hold if it fails; then again with memory back.
static struct node *new_or_again(size_t extra) {
    struct rc_stats before = stats();
    errno = 0;
    struct node *node = rc_new_sized(&node_type, extra);
    if (!node) {
        EXPECT_EQ(ENOMEM, errno);
        EXPECT(refused > 0);
        EXPECT_EQ(before.objects, stats().objects);
        EXPECT_EQ(before.bytes, stats().bytes);
        EXPECT_EQ(before.allocated, stats().allocated);
        size_t at = fail_at;
        fail_at = 0;
        node = rc_new_sized(&node_type, extra);
        fail_at = for_good ? at : 0;
        REQUIRE(node);
    }
    node->name = 'n';
    return node;
}

static void make_and_drop(void) {
    struct node *head = NULL;
    for (size_t i = 0; i < 20; i++) {
        struct node *node = new_or_again(i * 40);
        rc_give(&node->x, head);
        head = node;
    }
    rc_release(head);
    EXPECT_EQ(20, strlen(gone()));
}

TEST(new_without_memory_changes_nothing_and_works_again) {
    with_each_allocation_failing(make_and_drop);
}

// A collection that finds no memory is called off; nothing reachable goes, and the next one finds everything.
static void make_and_collect(void) {
    struct node *kept = new_or_again(0), *a = new_or_again(0), *b = new_or_again(0);
    rc_set(&a->x, b);
    rc_set(&b->x, a);
    rc_set(&kept->x, kept);
    rc_release(a);
    rc_release(b);
    size_t before = refused;
    errno = 0;
    size_t n = rc_collect();
    if (refused > before) {
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(0, n);
        EXPECT(stats().suspects > 0);
        EXPECT(stats().called_off > 0);
    }
    fail_at = 0;
    EXPECT_EQ(2 - n, rc_collect());
    EXPECT_EQ(1, stats().objects);
    rc_release(kept);
    EXPECT_EQ(1, rc_collect());
}

TEST(collection_without_memory_is_called_off_and_works_again) {
    with_each_allocation_failing(make_and_collect);
}

// No collection follows that has memory: what the first one got goes with the heap.
TEST(collection_without_memory_leaves_none_behind) {
    size_t n = 0;
    for_good = false;
    do {
        struct rc_heap *h = rc_heap_new(&failing);
        rc_heap_enter(h);
        struct node *a = rc_new(&node_type), *b = rc_new(&node_type);
        rc_set(&a->x, b);
        rc_set(&b->x, a);
        rc_release(a);
        rc_release(b);
        calls = refused = 0;
        fail_at = ++n;
        rc_collect();
        fail_at = 0;
        rc_heap_leave(h);
        EXPECT_EQ(0, rc_heap_free(h));
        EXPECT_EQ(0, blocks);
    } while (refused > 0);
    EXPECT(n > 2);
}

// The same in slices, with a graph of several chunks.
static void make_and_collect_much(void) {
    enum { N = 10000 };
    static struct node *nodes[N];
    size_t at = fail_at;
    fail_at = 0; // the collector's own allocations are what is under test
    for (int i = 0; i < N; i++)
        nodes[i] = new_or_again(0);
    for (int i = 0; i < N; i++) {
        rc_set(&nodes[i]->x, nodes[(i + 1) % N]);
        rc_set(&nodes[i]->y, nodes[(i * 7) % N]);
    }
    for (int i = 0; i < N; i++)
        rc_release(nodes[i]);
    calls = 0;
    fail_at = at;
    enum rc_step step;
    int steps = 0;
    while ((step = rc_collect_step(20000)) != RC_STEP_IDLE && ++steps < 100000)
        if (step == RC_STEP_OUT_OF_MEMORY) {
            EXPECT(refused > 0);
            EXPECT_EQ(N, stats().objects);
            fail_at = 0;
        }
    EXPECT_EQ(0, stats().objects);
}

TEST(slices_without_memory_are_called_off_and_work_again) {
    with_each_allocation_failing(make_and_collect_much);
}

// Finalizers, weak references, traced rows: whatever allocates on the way.
static void make_everything(void) {
    struct node *a = new_or_again(0);
    struct rc_weak *weak = rc_weak_new(a);
    if (!weak) {
        EXPECT_EQ(ENOMEM, errno);
        fail_at = 0;
        weak = rc_weak_new(a);
    }
    REQUIRE(weak);
    struct node *f = rc_new(&finalized_type);
    if (!f) {
        EXPECT_EQ(ENOMEM, errno);
        fail_at = 0;
        f = rc_new(&finalized_type);
    }
    REQUIRE(f);
    f->name = 'F';
    rc_set(&f->x, a);
    rc_set(&a->x, f);
    rc_release(f);
    rc_release(a);
    rc_collect();
    fail_at = 0;
    rc_collect();
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
    EXPECT_STR("Fn", gone_sorted());
    EXPECT_STR("F", finalized());
}

TEST(weak_references_and_finalizers_without_memory_lose_nothing) {
    with_each_allocation_failing(make_everything);
}

// A heap made while memory is out, freed while it is out.
static void leave_all_to_the_heap(void) {
    struct node *a = new_or_again(0), *b = new_or_again(600);
    rc_set(&a->x, b);
    rc_give(&b->x, a);
    rc_release(b);
    rc_collect_step(0);
    rc_collect_step(0);
    fail_at = 1;
    for_good = true;
}

TEST(freeing_a_heap_needs_no_memory) {
    for (unsigned units = 0; units < 30; units++) {
        struct rc_heap *h = rc_heap_new(&failing);
        rc_heap_enter(h);
        forget();
        calls = 0;
        leave_all_to_the_heap();
        for (unsigned i = 0; i < units; i++)
            rc_collect_step(0);
        rc_heap_leave(h);
        EXPECT_EQ(0, rc_heap_free(h));
        EXPECT_EQ(2, strlen(gone()));
        EXPECT_EQ(0, blocks);
        fail_at = 0;
        for_good = false;
    }
}

// Death needs none either: a list, a ring that was collected, from the first release on.
TEST(destruction_needs_no_memory) {
    struct rc_heap *h = rc_heap_new(&failing);
    rc_heap_enter(h);
    graph("ab bc cd Ee");
    drop("bcde");
    fail_at = 1;
    for_good = true;
    calls = 0;
    drop("aE");
    EXPECT_STR("Eabcde", gone_sorted());
    EXPECT_EQ(0, calls);
    fail_at = 0;
    for_good = false;
    rc_heap_leave(h);
    free_heap(h);
}

// Objects with owners are proved alive side by side; here no owner is held: some have none, the others each other.
struct owned {
    struct owned *owner, *next;
};
RC_TYPE(owned, struct owned, .slots = RC_SLOTS(RC_OWNER(struct owned, owner), RC_LINK(struct owned, next)));

static void make_and_collect_owned(void) {
    enum { N = 40 };
    static struct owned *nodes[N];
    for (int i = 0; i < N; i++)
        if (!(nodes[i] = rc_new(&owned_type))) {
            fail_at = 0;
            nodes[i] = rc_new(&owned_type);
        }
    for (int i = 0; i < N; i++) {
        rc_set(&nodes[i]->next, nodes[(i + 1) % N]);
        if (i % 2)
            rc_set(&nodes[i]->owner, nodes[i < N - 2 ? i + 2 : 1]);
    }
    for (int i = 0; i < N; i++)
        rc_release(nodes[i]);
    rc_collect();
    fail_at = 0;
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

TEST(owners_are_climbed_without_memory_and_nothing_is_lost) {
    with_each_allocation_failing(make_and_collect_owned);
}

// Without an allocator of its own, a heap has its objects in pages of some dozen: here there is no room for more.
TEST(pages_without_memory_are_refused_and_made_again) {
    const char *under = getenv("UNDER");
    if ((is_slow_build() && !getenv("TEST_SLOW")) || (under && *under))
        SKIP("sanitizers and valgrind need all the address space that there is");
    enum { N = 100000 };
    static struct node *nodes[N];
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    struct node *first = rc_new(&node_type);
    struct rlimit before, none = {1 << 20, 0};
    REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
    none.rlim_max = before.rlim_max;
    REQUIRE(setrlimit(RLIMIT_AS, &none) == 0);
    size_t n = 0;
    errno = 0;
    while (n < N && (nodes[n] = rc_new(&node_type)))
        n++;
    int error = errno;
    REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
    EXPECT(n < N);
    EXPECT_EQ(ENOMEM, error);
    EXPECT_EQ(n + 1, stats().objects);
    struct node *again = rc_new(&node_type);
    EXPECT(again != NULL);
    rc_release(again);
    rc_release(first);
    while (n > 0)
        rc_release(nodes[--n]);
    rc_heap_leave(h);
    free_heap(h);
}

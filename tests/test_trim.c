// SPDX-License-Identifier: MIT
// rc_trim: what no object uses goes back to the system, whatever else is under way, and comes again when it is needed.
#define _DEFAULT_SOURCE // mincore
#include "rc/block.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/steps.h"

#include <sys/mman.h>
#include <unistd.h>

enum { N = 300000, MIB = 1 << 20 };

struct pair {
    struct pair *a, *b;
    size_t number; // 0 in a new one
};
RC_TYPE(pair, struct pair, .slots = RC_SLOTS(RC_LINK(struct pair, a), RC_LINK(struct pair, b)));

static struct rc__blocks *blocks(void) {
    return &rc_heap_default()->blocks;
}

static void need_pages(void) {
    if (!blocks()->paged)
        SKIP("there are no pages here");
}

// As the kernel counts, which is some hundred KB out at times: each processor keeps a few pages to itself.
static size_t resident(void) {
    unsigned long all = 0, here = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    REQUIRE(f && fscanf(f, "%lu %lu", &all, &here) == 2);
    fclose(f);
    return here * (size_t)sysconf(_SC_PAGESIZE);
}

// Of [bytes] from [at] on, whether any is in memory.
static bool is_present(const char *at, size_t bytes) {
    unsigned char present[16] = {0};
    REQUIRE(bytes / 4096 <= sizeof present && mincore((void *)(uintptr_t)at, bytes, present) == 0);
    for (size_t i = 0; i < bytes / 4096; i++)
        if (present[i] & 1)
            return true;
    return false;
}

static struct pair *new_pair(size_t number) {
    struct pair *p = rc_new(&pair_type);
    REQUIRE(p);
    EXPECT(!p->a && !p->b && !p->number);
    p->number = number + 1;
    return p;
}

//   list --> pair --> ... --> pair     n of them
static struct pair *new_list(size_t n) {
    struct pair *list = NULL;
    for (size_t i = 0; i < n; i++) {
        struct pair *p = new_pair(i);
        rc_give(&p->a, list);
        list = p;
    }
    return list;
}

TEST(memory_of_what_is_gone_goes_back_and_comes_again) {
    need_pages();
    for (int i = 0; i < 3; i++) {
        struct pair *list = new_list(N);
        size_t full = resident(), had = stats().bytes;
        rc_release(list);
        EXPECT(resident() > full - MIB);
        EXPECT(rc_trim(SIZE_MAX) >= had);
        EXPECT_AT_MOST(full - had + MIB, resident());
        EXPECT_EQ(0, blocks()->pages);
        EXPECT_EQ(0, stats().memory / RC__PAGE);
        EXPECT_EQ(0, rc_heap_default()->newest_size); // which would be an address of nothing
        EXPECT_EQ(0, rc_trim(SIZE_MAX));
    }
}

//   every third page has an object that is held; the pages between have no object any more
TEST(pages_between_others_go_back_but_for_their_heads, .counts = true) {
    need_pages();
    if (sysconf(_SC_PAGESIZE) != 4096)
        SKIP("pages of the system are larger");
    enum { PAGES = 300 };
    struct pair *list = NULL, *held[PAGES], *first[PAGES];
    size_t n = 0, pages = 0, stripped = 0;
    for (struct rc__page *last = NULL; pages < PAGES; n++) {
        struct pair *p = new_pair(n);
        struct rc__page *page = rc__page_of(RC__HEADER(p));
        bool is_first = page != last, keep = is_first && pages % 3 == 0;
        if (is_first) {
            held[pages] = keep ? p : NULL;
            first[pages++] = p;
            last = page;
        }
        if (!keep) {
            rc_give(&p->a, list);
            list = p;
        }
    }
    rc_release(list);
    size_t before = stats().memory, bytes = rc_trim(SIZE_MAX);
    EXPECT(bytes >= PAGES / 2 * (RC__PAGE - 4096));
    EXPECT(before - stats().memory <= RC__PAGE); // pages without objects did not count, but for one that was kept
    for (size_t i = 0; i < pages; i++) {
        char *page = (char *)rc__page_of(RC__HEADER(first[i]));
        if (held[i])
            EXPECT(held[i]->number > 0 && is_present(page, 4096));
        else if (rc__page_of(RC__HEADER(held[i - i % 3]))->region == ((struct rc__page *)(void *)page)->region)
            stripped += !is_present(page + 4096, RC__PAGE - 4096) && is_present(page, 4096);
    }
    EXPECT(stripped >= PAGES / 3);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    list = new_list(n); // in these pages again
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(list);
    for (size_t i = 0; i < pages; i++)
        rc_release(held[i]);
    rc_trim(SIZE_MAX);
    EXPECT_EQ(0, blocks()->pages);
}

TEST(memory_goes_back_in_pieces, .counts = true) {
    need_pages();
    struct pair *list = new_list(N), *held = list, *rest;
    for (int i = 0; i < 1000 && held; i++) // so that not all goes as regions
        held = held->a;
    held = rc_retain(held);
    rest = rc_take(&held->a);
    rc_release(list);
    rc_release(rest);
    size_t sum = 0, calls = 0;
    EXPECT_EQ(0, rc_trim(0));
    for (size_t bytes; (bytes = rc_trim(MIB)); sum += bytes, calls++)
        EXPECT_AT_MOST(3 * MIB, bytes);
    EXPECT(sum > N * sizeof(struct pair) && calls > sum / (3 * MIB));
    EXPECT_AT_MOST(2 * MIB / RC__PAGE, blocks()->pages);
    rc_release(held);
}

TEST(locked_memory_stays, .counts = true) {
    need_pages();
    struct pair *list = new_list(N / 10), *held = new_pair(0), *p = list;
    for (int i = 0; i < 2000; i++) // a page or two
        p = p->a;
    char *page = (char *)rc__page_of(RC__HEADER(p));
    REQUIRE(rc__page_of(RC__HEADER(p))->region == rc__page_of(RC__HEADER(held))->region);
    rc_release(list);
    if (mlock(page, RC__PAGE)) {
        rc_release(held);
        SKIP("memory cannot be locked here");
    }
    EXPECT(rc_trim(SIZE_MAX) > 0);
    EXPECT(is_present(page, RC__PAGE));
    EXPECT_EQ(0, rc_trim(SIZE_MAX));
    list = new_list(N / 10);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(list);
    rc_release(held);
    munlock(page, RC__PAGE);
}

// Pages of which one is kept of each size.
TEST(pages_that_are_kept_of_each_size_go_back, .counts = true) {
    need_pages();
    for (size_t extra = 0; extra < 400; extra += 16)
        rc_release(rc_new_sized(&pair_type, extra));
    EXPECT(stats().memory > 20 * RC__PAGE);
    EXPECT(rc_trim(SIZE_MAX) >= 20 * RC__PAGE);
    EXPECT_AT_MOST(RC__PAGE, stats().memory);
    EXPECT_EQ(0, blocks()->pages);
}

// ---- whatever is under way

//   a <--> b <-- g, c <--> d
static void trim_while_collected(void) {
    graph("ab ba gb cd dc");
    drop("abcd");
    some_work();
    rc_trim(SIZE_MAX);
    rc_clear(&at('g')->x);
    some_work();
    rc_trim(SIZE_MAX);
    graph("e");
    drop("e");
    finish_sound();
    EXPECT_EQ(1, stats().objects);
    drop("g");
    rc_trim(SIZE_MAX);
}

TEST(trim_in_the_middle_of_a_collection) {
    EXPECT_PHASES(sweep(trim_while_collected), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(DESTROY) | PHASE(FREE));
}

static size_t trimmed;
static void trim(struct node *node) {
    (void)node;
    trimmed += rc_trim(SIZE_MAX);
}

TEST(trim_in_a_callback_does_nothing) {
    rc_release(new_list(10000));
    trimmed = 0;
    on_destroy = on_finalize = trim;
    graph("AB BA c");
    drop("ABc");
    EXPECT_EQ(2, rc_collect());
    graph("D");
    hold("D");
    EXPECT_EQ(1, rc_heap_free(rc_heap_default()));
    on_destroy = on_finalize = NULL;
    EXPECT_EQ(0, trimmed);
}

//   0 <--> 1 <--> 2 ...      all suspects at once, twice
TEST(room_for_suspects_goes_back_and_comes_again) {
    struct rc_heap *heap = rc_heap_default();
    rc_heap_enter(heap);
    for (int round = 0; round < 3; round++) {
        struct pair *list = new_list(N / 2), *p = list;
        for (; p->a; p = p->a)
            rc_set(&p->a->b, p);
        for (p = list; p->a; p = p->a)
            touch_object(p->a);
        EXPECT(stats().suspects >= N / 2 - 1);
        rc_trim(SIZE_MAX);
        EXPECT(heap->reserved >= N / 2);
        EXPECT_EQ(0, rc_verify(NULL, NULL));
        rc_release(list);
        EXPECT_EQ(N / 2, rc_collect());
        EXPECT(rc_trim(SIZE_MAX) > 0);
        EXPECT_EQ(0, heap->reserved);
        EXPECT_EQ(0, heap->suspects.chunks);
        EXPECT_EQ(0, heap->cc.nodes.chunks + heap->cc.edges.chunks);
    }
    rc_heap_leave(heap);
}

//   0 --> 1 --> 2 ...      in a graph, when all of them die: their memory waits until they leave it
TEST(room_for_what_waits_to_leave_a_graph_stays) {
    struct rc_heap *heap = rc_heap_default();
    rc_heap_enter(heap);
    struct pair *list = new_list(10000), *p = list;
    rc_set(&list->b, list);
    (void)rc_retain(list);
    rc_release(list);
    for (; p->a; p = p->a) {
        rc_set(&p->a->b, p);
        rc_retain(p->a);
        rc_release(p->a);
    }
    rc_release(list);
    stop_in(RC_PHASE_SCAN);
    for (p = rc_retain(list); p->a; rc_clear(&p->b), p = p->a)
        continue;
    rc_clear(&p->b);
    rc_release(list);
    EXPECT(heap->husks > RC__CHUNK_POINTERS);
    rc_trim(SIZE_MAX);
    EXPECT(heap->reserved >= heap->objects + heap->husks);
    rc_release(new_list(3));
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_collect();
    rc_heap_leave(heap);
}

// ---- with an allocator of the heap's own

static size_t taken;

static void *counted_alloc(size_t size, size_t align, void *arg) {
    (void)arg;
    void *memory = aligned_alloc(align < 16 ? 16 : align, (size + 15) & ~(size_t)15);
    taken += memory ? size : 0;
    return memory;
}

static void counted_free(void *memory, size_t size, void *arg) {
    (void)arg;
    taken -= size;
    free(memory);
}

TEST(allocator_gets_back_what_the_collector_keeps, .counts = true) {
    static const struct rc_allocator counted = {counted_alloc, counted_free, NULL};
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.allocator = &counted});
    rc_heap_enter(heap);
    struct pair *list = new_list(20000), *held = new_pair(0);
    rc_set(&list->b, list);
    rc_release(list);
    EXPECT_EQ(20000, rc_collect());
    size_t before = taken, bytes = rc_trim(SIZE_MAX), tables = 2 * 8 * sizeof(void *);
    EXPECT(bytes > 8 * RC__CHUNK_POINTERS * sizeof(void *));
    EXPECT(before - taken >= bytes);
    EXPECT_AT_MOST(bytes + tables, before - taken);
    EXPECT_EQ(1, held->number);
    EXPECT_EQ(RC__CHUNK_POINTERS, heap->reserved);
    rc_release(new_list(20000));
    rc_release(held);
    rc_heap_leave(heap);
    free_heap(heap);
    EXPECT_EQ(0, taken);
}

// ---- and with merges and limits

//   (into) held, and pages without objects      (from) the same
TEST(trimmed_heaps_are_merged_and_trimmed_again, .counts = true) {
    need_pages();
    struct rc_heap *heaps[2] = {rc_heap_new(NULL), rc_heap_new(NULL)};
    struct pair *held[2];
    for (int i = 0; i < 2; i++) {
        rc_heap_enter(heaps[i]);
        struct pair *list = new_list(N / 10);
        held[i] = new_pair(0);
        rc_release(list);
        EXPECT(rc_trim(SIZE_MAX) > 0);
        rc_heap_leave(heaps[i]);
    }
    EXPECT(rc_heap_merge(heaps[0], heaps[1]));
    rc_heap_enter(heaps[0]);
    EXPECT_EQ(2, stats().objects);
    EXPECT_EQ(0, rc_trim(SIZE_MAX) / RC__PAGE / 2);
    struct pair *list = new_list(N / 5);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(list);
    rc_release(held[0]);
    rc_release(held[1]);
    rc_trim(SIZE_MAX);
    EXPECT_EQ(0, heaps[0]->blocks.pages);
    rc_heap_leave(heaps[0]);
    free_heap(heaps[0]);
}

TEST(limit_is_the_same_after_a_trim, .counts = true) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.limit = MIB});
    rc_heap_enter(heap);
    size_t first = 0;
    for (int i = 0; i < 3; i++) {
        struct pair *list = NULL;
        size_t n = 0;
        for (struct pair *p; (p = rc_new(&pair_type)); list = p, n++)
            rc_give(&p->a, list);
        EXPECT(n > 10000);
        EXPECT_EQ(i ? first : n, n);
        first = n;
        EXPECT_AT_MOST(MIB, stats().memory);
        rc_release(list);
        rc_trim(i == 1 ? MIB / 2 : SIZE_MAX);
        EXPECT_AT_MOST(RC__PAGE + 1024, stats().memory);
    }
    rc_heap_leave(heap);
    free_heap(heap);
}

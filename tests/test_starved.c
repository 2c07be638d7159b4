// SPDX-License-Identifier: MIT
// No memory where the library does not ask the heap's allocator for it: the C library's, for weak references and pages, and
// blocks of the system's, for large graphs. (What the allocator refuses: test_memory.c.)
#define _GNU_SOURCE
#include "rc/object.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/malloc.h"
#include "tests/vector.h"

#include <refcyc/array.h>
#include <sys/mman.h>

// The call with the C library's first allocation refused, then the second ...; the last time none is.
#define EACH_REFUSAL(ok, call)                                                                                         \
    bool ok;                                                                                                           \
    for (fails_at = 1; asked = refusals = 0, errno = 0, scarce = true, ok = (call), scarce = false, refusals > 0; fails_at++)

static size_t blocks_refused, blocks; // of the system's: refused from number so many on (0: none), asked for
static bool askew;                    // those that are given begin at odd places

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    if (size != 2 * RC__LARGE)
        return __real_mmap(at, size, protection, flags, fd, offset);
    if (++blocks >= blocks_refused && blocks_refused)
        return MAP_FAILED;
    if (!askew)
        return __real_mmap(at, size, protection, flags, fd, offset);
    enum { SHIFT = 1 << 16 };
    char *memory = __real_mmap(at, size + RC__LARGE, protection, flags, fd, offset);
    if (memory == MAP_FAILED)
        return memory;
    size_t before = -(uintptr_t)memory % RC__LARGE + SHIFT;
    munmap(memory, before);
    munmap(memory + before + size, RC__LARGE - before);
    return memory + before;
}

static size_t pieces, crooked; // that went back to the system, and those of them that do not begin at a page's start everywhere

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice) {
    pieces += advice == MADV_DONTNEED;
    crooked += advice == MADV_DONTNEED && ((uintptr_t)at | size) % (64 << 10) != 0;
    return __real_madvise(at, size, advice);
}

// ---- weak references

static struct node *some[40];

static void make_some(void) {
    for (int i = 0; i < 40; i++) {
        some[i] = rc_new(&node_type);
        some[i]->name = 'n';
    }
}

static void release_some(void) {
    for (int i = 0; i < 40; i++)
        rc_release(some[i]);
}

TEST(weak_references_that_there_is_no_memory_for_are_not_made) {
    static struct rc_weak *weak[40], *slot, *made;
    make_some();
    for (int i = 0; i < 40; i++) { // through several sizes of the table
        EACH_REFUSAL(ok, (made = rc_weak_new(some[i])) != NULL)
            EXPECT(!ok && errno == ENOMEM);
        EXPECT(ok);
        weak[i] = made;
        EACH_REFUSAL(again, (made = rc_weak_new(some[i])) != NULL)
            EXPECT(false); // there is one already
        EXPECT(again);
        EXPECT_PTR(weak[i], made);
        rc_weak_release(made);
        EXPECT_EQ(0, rc_verify(NULL, NULL));
    }
    struct node *other = rc_new(&node_type);
    EXPECT(rc_weak_set(&slot, some[0]));
    EACH_REFUSAL(set, rc_weak_set(&slot, other)) {
        EXPECT(!set && errno == ENOMEM);
        EXPECT_PTR(weak[0], slot); // as it was
    }
    struct node *got = rc_weak_get(slot);
    EXPECT_PTR(other, got);
    rc_release(got);
    rc_release(other);
    EXPECT(rc_weak_set(&slot, NULL));
    release_some();
    for (int i = 0; i < 40; i++) {
        EXPECT_PTR(NULL, rc_weak_get(weak[i]));
        rc_weak_release(weak[i]);
    }
}

static unsigned notices;
static void notice(void *arg) { (void)arg, notices++; }

TEST(notice_that_there_is_no_memory_for_is_not_given) {
    graph("a");
    struct rc_weak *weak = rc_weak_new(at('a'));
    EACH_REFUSAL(ok, rc_weak_notify(weak, notice, NULL))
        EXPECT(!ok && errno == ENOMEM);
    EXPECT(ok);
    drop("a");
    EXPECT_EQ(1, notices);
    EACH_REFUSAL(at_once, rc_weak_notify(weak, notice, NULL))
        EXPECT(false);
    EXPECT(at_once);
    EXPECT_EQ(2, notices);
    rc_weak_release(weak);
}

TEST(merge_without_memory_for_weak_references_changes_nothing) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    static struct rc_weak *weak[40];
    rc_heap_enter(k);
    make_some();
    for (int i = 0; i < 40; i++)
        weak[i] = rc_weak_new(some[i]);
    rc_heap_leave(k);
    EACH_REFUSAL(ok, rc_heap_merge(h, k)) {
        EXPECT(!ok && errno == ENOMEM);
        EXPECT_EQ(40, stats_in(k).objects);
        EXPECT_PTR(k, rc_heap_of(some[0]));
        REQUIRE(test_failures() == 0);
    }
    EXPECT(ok);
    rc_heap_enter(h);
    for (int i = 0; i < 40; i++) {
        struct node *n = rc_weak_get(weak[i]);
        EXPECT_PTR(some[i], n);
        rc_release(n);
        rc_weak_release(weak[i]);
    }
    release_some();
    rc_heap_leave(h);
    free_heap(h);
}

// ---- pages

TEST(first_object_of_a_heap_without_memory_is_refused) {
    for (fails_at = 1, refusals = 1; refusals; fails_at++) {
        asked = refusals = 0;
        scarce = true;
        struct rc_heap *h = rc_heap_new(NULL);
        struct node *n = NULL;
        if (h)
            rc_heap_enter(h), n = rc_new(&node_type);
        scarce = false;
        EXPECT(n || errno == ENOMEM);
        if (!h)
            continue;
        EXPECT_EQ(n != NULL, stats().objects);
        struct node *again = rc_new(&node_type);
        EXPECT(again);
        rc_release(again);
        rc_release(n);
        rc_heap_leave(h);
        free_heap(h);
    }
    EXPECT(fails_at > 2);
}

// ---- blocks

// The heap has blocks (else the test would find nothing there).
static bool has_blocks(void) {
    return rc_heap_default()->blocks.paged;
}

//   first --> ... --> last --> first: garbage whose graph needs some blocks
enum { RING = 200000 };
static void make_ring(void) {
    struct node *first = rc_new(&node_type), *last = first;
    for (size_t i = 1; i < RING; i++) {
        struct node *n = rc_new(&node_type);
        rc_give(&last->x, n);
        last = n;
    }
    rc_give(&last->x, first);
}

TEST(collection_without_blocks_is_called_off_and_works_again) {
    if (!has_blocks())
        SKIP("there are no blocks here");
    make_ring();
    bool done = false;
    for (size_t n = 1; !done; n++) {
        blocks = 0;
        blocks_refused = n;
        errno = 0;
        size_t freed = rc_collect();
        done = freed != 0;
        EXPECT(done ? freed == RING : errno == ENOMEM);
        EXPECT(n < 100);
    }
    blocks_refused = 0;
    EXPECT_EQ(0, stats().objects);
}

TEST(objects_without_blocks_are_refused_and_made_again) {
    if (!has_blocks())
        SKIP("there are no blocks here");
    enum { N = 150000 };
    static struct node *made[N];
    for (size_t n = 1, count = 0; count < N; n += n / 4 + 1) {
        struct rc_heap *h = new_heap();
        rc_heap_enter(h);
        blocks = 0;
        blocks_refused = n;
        errno = 0;
        for (count = 0; count < N && (made[count] = rc_new(&node_type)); count++)
            made[count]->name = 'n';
        EXPECT(count == N || errno == ENOMEM);
        EXPECT_EQ(count, stats().objects);
        blocks_refused = 0;
        struct node *again = rc_new(&node_type);
        EXPECT(again);
        rc_release(again);
        while (count > 0 && count < N)
            rc_release(made[--count]);
        for (size_t i = 0; i < N && count == N; i++)
            rc_release(made[i]);
        forget();
        rc_heap_leave(h);
        free_heap(h);
    }
}

TEST(blocks_that_begin_anywhere_are_cut_to_size) {
    if (!has_blocks())
        SKIP("there are no blocks here");
    askew = true;
    make_ring();
    EXPECT_EQ(RING, rc_collect());
    EXPECT(blocks > 0);
    make_ring(); // and in slices, which give it back chunk by chunk
    while (stats().objects > 0)
        rc_collect_step(100000);
    while (rc_collect_pending() > 0)
        rc_collect_step(100000);
}

//   the room of an array of so many numbers is rubbish when it dies, and goes piece by piece
TEST(rubbish_goes_with_its_heap) {
    enum { N = 2 << 20 };
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.release_limit = 1}), *k = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    for (struct rc_heap **heap = (struct rc_heap *[]){h, k, h, NULL}; *heap; heap++) {
        rc_heap_enter(*heap);
        struct rc_array *a = rc_array_new(&rc_int_element);
        EXPECT(rc_array_reserve(a, N));
        rc_release(a);
        EXPECT_EQ(0, stats().objects);
        if (has_blocks())
            EXPECT(rc_collect_pending() > 0);
        rc_heap_leave(*heap);
    }
    EXPECT(rc_heap_merge(h, k));
    rc_heap_enter(h);
    struct rc_array *held = rc_array_new(&rc_int_element);
    EXPECT(rc_array_reserve(held, N));
    if (has_blocks())
        EXPECT(rc_collect_pending() > 0);
    rc_heap_leave(h);
    EXPECT_EQ(1, rc_heap_free(h)); // with an array that is held: its memory goes with the rest
}

// The kernel may have been built with pages of 4, 16 or 64 KiB, and takes no part of one.
TEST(pieces_of_rubbish_are_whole_pages_whatever_their_size) {
    if (!has_blocks())
        SKIP("there is no rubbish here");
    enum { N = 2 << 20 };
    for (size_t n = N; n < 2 * N; n += N / 8) {
        struct rc_array *a = rc_array_new(&rc_int_element);
        EXPECT(rc_array_reserve(a, n));
        rc_release(a);
    }
    while (rc_collect_pending() > 0)
        rc_collect_step(100000);
    EXPECT(pieces > 0);
    EXPECT_EQ(0, crooked);
}

// SPDX-License-Identifier: MIT
// A heap with a limit: a call that would go beyond it changes nothing, whatever releases and collects is not stopped by it, and
// what is freed is to be had again. Each test in a heap of the default's kind (with pages, unless the build or REFCYC_MALLOC
// says otherwise) and in one with an allocator of its own.
#include "rc/object.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/steps.h"
#include <refcyc/string.h>

#include <stdint.h>
#include <stdio.h>

enum { KIB = 1024, PAGE = 64 * KIB, LIMIT = 1024 * KIB };

// ---- heaps with a limit

static size_t taken; // from the allocator

static void *counted_alloc(size_t size, size_t align, void *arg) {
    (void)arg;
    void *memory = aligned_alloc(align < 16 ? 16 : align, (size + 15) & ~(size_t)15);
    if (memory)
        taken += size;
    return memory;
}

static void counted_free(void *memory, size_t size, void *arg) {
    (void)arg;
    taken -= size;
    free(memory);
}

static const struct rc_allocator counted = {counted_alloc, counted_free, NULL};

static struct rc_heap *limited(size_t limit, bool own) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.limit = limit, .allocator = own ? &counted : NULL});
    REQUIRE(heap);
    return heap;
}

// Runs [body] in each kind of heap with that limit.
static void with_limit(size_t limit, void (*body)(void)) {
    for (int own = 0; own < 2; own++) {
        test_note(own ? "with an allocator" : "without an allocator");
        struct rc_heap *heap = limited(limit, own);
        rc_heap_enter(heap);
        body();
        rc_heap_leave(heap);
        free_heap(heap);
        EXPECT_EQ(0, taken);
    }
    test_note("%s", "");
}

#define EXPECT_REFUSED(call) (errno = 0, EXPECT(!(call)), EXPECT_EQ(ENOMEM, errno))

// ---- objects

struct link {
    struct link *next, *other;
};
RC_TYPE(link, struct link, .slots = RC_SLOTS(RC_LINK(struct link, next), RC_LINK(struct link, other)));

// Puts objects of that size in front of [list] until there is no memory. Returns how many.
static size_t fill(struct link **list, size_t extra) {
    size_t n = 0;
    for (struct link *one; (errno = 0, one = rc_new_sized(&link_type, extra)); *list = one, n++)
        rc_give(&one->next, *list);
    EXPECT_EQ(ENOMEM, errno);
    EXPECT_AT_MOST(LIMIT, stats().memory);
    return n;
}

static void empty(struct link **list) {
    rc_release(*list);
    *list = NULL;
    EXPECT_EQ(0, stats().objects);
}

//   list --> link --> ... --> link     as many as there is room for
static void fill_and_be_refused(void) {
    struct link *list = NULL;
    size_t n = fill(&list, 0);
    EXPECT(n > LIMIT / 2 / (sizeof(struct link) + 16 + 32));
    EXPECT_AT_MOST(LIMIT / (sizeof(struct link) + 16), n);
    struct rc_stats before = stats();
    EXPECT_EQ(n, before.objects);
    for (int i = 0; i < 100; i++)
        EXPECT_REFUSED(rc_new(&link_type));
    EXPECT_EQ(before.objects, stats().objects);
    EXPECT_EQ(before.allocated, stats().allocated);
    EXPECT_EQ(before.bytes, stats().bytes);
    EXPECT_AT_MOST(before.memory, stats().memory);
    struct link *rest = rc_take(&list->next);
    rc_release(list); // one goes, one comes
    list = rc_new(&link_type);
    REQUIRE(list);
    rc_give(&list->next, rest);
    EXPECT_REFUSED(rc_new(&link_type));
    empty(&list);
}

TEST(new_beyond_the_limit_is_refused_and_changes_nothing, .counts = true) {
    with_limit(LIMIT, fill_and_be_refused);
}

// Objects of one size use memory up that objects of another had, down to the page that a heap keeps of each size.
static void fill_with_each_size(void) {
    static const size_t extra[] = {0, 32, 480, 481, 5000, 100000, 16, 481};
    size_t first[8];
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 8; i++) {
            struct link *list = NULL;
            size_t n = fill(&list, extra[i]), least = LIMIT / 2 / (sizeof(struct link) + extra[i] + 96);
            EXPECT(n >= least);
            if (round)
                EXPECT_EQ(first[i], n);
            first[i] = n;
            empty(&list);
        }
}

TEST(objects_of_one_size_get_the_memory_that_another_had, .counts = true) {
    with_limit(LIMIT, fill_with_each_size);
}

// Of one page at a time.
static void fill_one_page(void) {
    for (size_t extra = 0; extra < 400; extra += 16) {
        struct link *one = rc_new_sized(&link_type, extra);
        REQUIRE(one);
        EXPECT_AT_MOST(PAGE + KIB, stats().memory);
        rc_release(one);
    }
    char *large = rc_new_sized(&link_type, PAGE);
    REQUIRE(large);
    EXPECT_REFUSED(rc_new_sized(&link_type, PAGE));
    EXPECT_REFUSED(rc_new_sized(&link_type, SIZE_MAX / 4));
    rc_release(large);
}

TEST(one_page_does_for_each_size_in_turn, .counts = true) {
    with_limit(PAGE + KIB, fill_one_page);
}

//   a <--> b, a <--> b, ...      dropped
static size_t make_garbage(void) {
    for (size_t n = 0;; n++) {
        RC_AUTO struct link *a = rc_new(&link_type);
        RC_AUTO struct link *b = rc_new(&link_type);
        if (!a || !b)
            return n;
        rc_set(&a->next, b);
        rc_set(&b->next, a);
    }
}

static void collect_at_once(void) {
    for (int i = 0; i < 3; i++) {
        size_t n = make_garbage();
        EXPECT(n > 1000);
        errno = 0;
        EXPECT_EQ(2 * n, rc_collect());
        EXPECT_EQ(0, errno);
    }
    EXPECT_EQ(0, stats().called_off);
}

TEST(garbage_at_the_limit_is_collected, .counts = true) {
    with_limit(LIMIT, collect_at_once);
}

static void collect_in_slices(void) {
    for (int i = 0; i < 3; i++) {
        size_t n = make_garbage();
        struct link *one = NULL;
        while (!one) { // what has been freed so far is to be had before the collection ends
            EXPECT_EQ(RC_STEP_MORE, rc_collect_step(0));
            one = rc_new(&link_type);
        }
        EXPECT_AT_MOST(LIMIT, stats().memory);
        while (rc_collect_step(100000) == RC_STEP_MORE)
            EXPECT_AT_MOST(LIMIT, stats().memory);
        EXPECT_EQ(1, stats().objects);
        EXPECT(stats().reclaimed_collect >= 2 * n);
        rc_release(one);
    }
    EXPECT_EQ(0, stats().called_off);
}

TEST(garbage_at_the_limit_is_collected_in_slices, .counts = true) {
    with_limit(LIMIT, collect_in_slices);
}

// ---- containers

static struct rc_array *array;
static struct rc_list *list;
static struct rc_map *map;
static struct rc_set *set;
static struct rc_weak_map *weak_map;
static struct link *chain; // objects that are linked to by others, or not

static bool array_grows(size_t i) {
    (void)i;
    return rc_array_push(array, chain);
}
static bool list_grows(size_t i) {
    (void)i;
    return rc_list_push_back(list, chain).cell;
}
static bool map_grows(size_t i) {
    int64_t key = (int64_t)i;
    return rc_map_put(map, &key, &chain);
}
static bool set_grows(size_t i) {
    int64_t key = (int64_t)i;
    return rc_set_add(set, &key);
}
static bool chain_grows(struct link *one) {
    if (one)
        rc_give(&one->next, chain);
    chain = one ? one : chain;
    return one;
}
static bool weak_map_grows(size_t i) {
    (void)i;
    struct link *key = rc_new(&link_type);
    bool ok = key && rc_weak_map_put(weak_map, key, chain);
    if (!ok)
        rc_release(key);
    return ok && chain_grows(key);
}
static bool strings_grow(size_t i) {
    char text[32];
    snprintf(text, sizeof text, "%zu", i);
    struct rc_string *s = rc_string_intern(text);
    bool ok = s && rc_array_push(array, s);
    rc_release(s);
    return ok;
}
static bool boxes_grow(size_t i) {
    int64_t value = (int64_t)i;
    struct rc_box *box = rc_box_new(&rc_int64_element, &value);
    bool ok = box && rc_array_push(array, box);
    rc_release(box);
    return ok;
}

static size_t array_size(void) { return rc_array_size(array); }
static size_t list_size(void) { return rc_list_size(list); }
static size_t map_size(void) { return rc_map_size(map); }
static size_t set_size(void) { return rc_set_size(set); }
static size_t weak_map_size(void) { return rc_weak_map_size(weak_map); }

static const struct {
    const char *name;
    bool (*grows)(size_t i);
    size_t (*size)(void);
} kinds[] = {{"array", array_grows, array_size},       {"list", list_grows, list_size},
             {"map", map_grows, map_size},             {"set", set_grows, set_size},
             {"weak map", weak_map_grows, weak_map_size}, {"strings", strings_grow, array_size},
             {"boxes", boxes_grow, array_size}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void make_containers(void) {
    array = rc_array_new(&rc_link_element);
    list = rc_list_new(&rc_link_element);
    map = rc_map_new(&rc_int64_element, &rc_link_element);
    set = rc_set_new(&rc_int64_element);
    weak_map = rc_weak_map_new();
    chain = NULL;
    REQUIRE(array && list && map && set && weak_map);
}

static void release_containers(void) {
    rc_release(array);
    rc_release(list);
    rc_release(map);
    rc_release(set);
    rc_release(weak_map);
    rc_release(chain);
}

static void grow_and_be_refused(void) {
    for (int k = 0; k < KINDS; k++) {
        test_note("%s", kinds[k].name);
        make_containers();
        size_t n = 0;
        while (errno = 0, kinds[k].grows(n))
            n++;
        EXPECT_EQ(ENOMEM, errno);
        EXPECT(n > 1000);
        EXPECT_EQ(n, kinds[k].size());
        size_t objects = stats().objects;
        for (int i = 0; i < 10; i++)
            EXPECT_REFUSED(kinds[k].grows(n));
        EXPECT_EQ(n, kinds[k].size());
        EXPECT_EQ(objects, stats().objects);
        EXPECT_AT_MOST(LIMIT, stats().memory);
        EXPECT_EQ(0, rc_verify(NULL, NULL));
        release_containers();
        rc_collect();
        EXPECT_EQ(0, stats().objects);
    }
}

TEST(container_that_cannot_grow_stays_as_it_is, .counts = true) {
    with_limit(LIMIT, grow_and_be_refused);
}

// What an allocator has given, and what counts, differ by what the collector has: of few objects, always the same.
TEST(all_that_objects_and_containers_have_counts_and_nothing_else, .counts = true) {
    struct rc_heap *heap = limited(0, true);
    rc_heap_enter(heap);
    make_containers();
    EXPECT(rc_pauses_record(true));
    size_t beside = taken - stats().memory;
    EXPECT_EQ(0, stats().limit);
    for (int k = 0; k < KINDS; k++) {
        test_note("%s", kinds[k].name);
        for (size_t i = 0; i < 500; i++) {
            EXPECT(kinds[k].grows(i));
            EXPECT_EQ(beside, taken - stats().memory);
        }
        while (rc_array_size(array)) {
            rc_array_remove(array, rc_array_size(array) - 1);
            EXPECT(rc_array_shrink(array));
            EXPECT_EQ(beside, taken - stats().memory);
        }
        EXPECT(rc_list_sort(list, NULL) && rc_map_shrink(map) && rc_set_shrink(set));
        EXPECT_EQ(beside, taken - stats().memory);
    }
    release_containers();
    rc_collect();
    size_t with_graph = taken - stats().memory;
    EXPECT(with_graph >= beside);
    rc_heap_leave(heap);
    free_heap(heap);
    EXPECT_EQ(0, taken);
}

// ---- the limit changes

static void lower_and_raise(void) {
    struct link *list = NULL, *rest;
    size_t n = fill(&list, 0);
    make_garbage(); // none: there is no room
    struct rc_array *a;
    rc_heap_set_limit(rc_heap_current(), 2 * LIMIT);
    EXPECT_EQ(2 * LIMIT, stats().limit);
    a = rc_array_new(&rc_link_element);
    REQUIRE(a && rc_array_reserve(a, 1000) && rc_array_push(a, list));
    rc_heap_set_limit(rc_heap_current(), 1);
    EXPECT_EQ(1, stats().limit);
    EXPECT(stats().memory > LIMIT / 2);
    EXPECT_REFUSED(rc_array_reserve(a, 1001));
    EXPECT_REFUSED(rc_new_sized(&link_type, 1000));
    EXPECT(rc_array_reserve(a, 900)); // which it has
    EXPECT(rc_array_shrink(a));       // and what takes less is not refused
    rc_set(&list->other, list);
    EXPECT_EQ(0, rc_collect());
    rest = rc_take(&list->next);
    rc_release(list);
    rc_array_clear(a);
    EXPECT_EQ(1, rc_collect());
    rc_release(a);
    EXPECT_EQ(n - 1, stats().objects);
    rc_release(rest);
    EXPECT_REFUSED(rc_new_sized(&link_type, 1000));
    rc_heap_set_limit(rc_heap_current(), 0);
    EXPECT_EQ(0, stats().limit);
    void *large = rc_new_sized(&link_type, 2 * LIMIT);
    EXPECT(large);
    rc_release(large);
}

TEST(limit_is_lowered_below_what_there_is_and_raised, .counts = true) {
    with_limit(LIMIT, lower_and_raise);
}

static void *lower(void *heap) {
    rc_heap_set_limit(heap, LIMIT);
    return NULL;
}

TEST(another_thread_sets_the_limit, .counts = true) {
    struct rc_heap *heap = limited(0, false);
    rc_heap_enter(heap);
    elsewhere(lower, heap);
    EXPECT_EQ(LIMIT, stats().limit);
    EXPECT_REFUSED(rc_new_sized(&link_type, LIMIT));
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(limit_of_no_heap_is_a_fault) {
    faults_begin();
    rc_heap_set_limit(NULL, LIMIT);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_heap_set_limit");
}

// ---- merging

//   (into) big      (from) list --> link --> ...
static void merge_within_limit(size_t over, bool own) {
    struct rc_heap *into = limited(0, own), *from = limited(0, own);
    struct link *list = NULL;
    rc_heap_enter(from);
    for (int i = 0; i < 3000; i++)
        REQUIRE(chain_grows(rc_new(&link_type)));
    list = chain;
    chain = NULL;
    rc_release(rc_new_sized(&link_type, 100)); // its page is kept, and does not count for the merge
    struct rc_stats stats_from = stats();
    rc_heap_leave(from);
    rc_heap_enter(into);
    struct link *big = rc_new_sized(&link_type, PAGE), *small = rc_new(&link_type);
    struct rc_stats before = stats();
    size_t kept = into->blocks.paged ? PAGE : 0;
    rc_heap_set_limit(into, before.memory + stats_from.memory - kept - over);
    if (over) {
        EXPECT_REFUSED(rc_heap_merge(into, from));
        EXPECT_EQ(before.memory, stats().memory);
        EXPECT_EQ(3000, stats_in(from).objects);
        EXPECT_EQ(stats_from.memory - kept, stats_in(from).memory);
        rc_release(big);
        big = NULL;
    }
    EXPECT(rc_heap_merge(into, from));
    EXPECT_EQ(3001 + (big != NULL), stats().objects);
    EXPECT_AT_MOST(stats().limit, stats().memory);
    if (big)
        EXPECT(stats().limit - stats().memory < KIB); // both had the type
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(big);
    rc_release(small);
    rc_release(list);
    EXPECT_EQ(0, stats().objects);
    EXPECT_AT_MOST(PAGE + KIB, stats().memory);
    rc_heap_leave(into);
    free_heap(into);
    EXPECT_EQ(0, taken);
}

TEST(merge_beyond_the_limit_is_refused_and_changes_nothing, .counts = true) {
    for (int own = 0; own < 2; own++)
        for (size_t over = 0; over < 2; over++)
            merge_within_limit(over, own);
}

// The table of [into] would take a part of the room, and keep it.
TEST(merge_of_strings_beyond_the_limit_makes_no_table_larger) {
    enum { TEXTS = 1000 };
    static struct rc_string *texts[TEXTS];
    struct rc_heap *into = limited(0, true), *from = limited(0, true);
    rc_heap_enter(from);
    for (int i = 0; i < TEXTS; i++) {
        char text[24];
        snprintf(text, sizeof text, "text %d", i);
        REQUIRE(texts[i] = rc_string_intern(text));
    }
    size_t more = stats().memory;
    rc_heap_leave(from);
    rc_heap_enter(into);
    struct rc_string *other = rc_string_intern("other");
    size_t before = stats().memory;
    rc_heap_set_limit(into, before + more - 1);
    EXPECT_REFUSED(rc_heap_merge(into, from));
    EXPECT_EQ(before, stats().memory);
    rc_heap_set_limit(into, before + more); // but for the table
    EXPECT_REFUSED(rc_heap_merge(into, from));
    rc_heap_set_limit(into, 0);
    EXPECT(rc_heap_merge(into, from));
    for (int i = 0; i < TEXTS; i++)
        rc_release(texts[i]);
    rc_release(other);
    rc_heap_leave(into);
    free_heap(into);
    EXPECT_EQ(0, taken);
}

// ---- weak references

enum { WEAKS = 100 };
static struct link *named[WEAKS];
static struct rc_weak *weaks[WEAKS];

static void name_all(void) {
    for (int i = 0; i < WEAKS; i++)
        REQUIRE(named[i] = rc_new(&link_type));
    for (int i = 0; i < WEAKS; i++)
        REQUIRE(weaks[i] = rc_weak_new(named[i]));
}

static void release_weaks(void) {
    for (int i = 0; i < WEAKS; i++)
        rc_weak_release(weaks[i]);
}

static void weak_references_count(void) {
    for (int i = 0; i < WEAKS; i++)
        REQUIRE(named[i] = rc_new(&link_type));
    size_t before = stats().memory, one = 0;
    for (int i = 0; i < WEAKS; i++) {
        size_t now = stats().memory;
        REQUIRE(weaks[i] = rc_weak_new(named[i]));
        one = stats().memory - now;
        EXPECT(one >= 40);
        rc_weak_release(rc_weak_new(named[i])); // that there is
        EXPECT_EQ(one, stats().memory - now);
    }
    size_t all = stats().memory;
    EXPECT_AT_MOST(before + WEAKS * 100, all);
    EXPECT_AT_MOST(all, before + WEAKS * (one + 16));
    for (int i = 0; i < WEAKS / 2; i++)
        rc_weak_release(weaks[i]);
    EXPECT_EQ(all, stats().memory); // the heap keeps them for whoever asks for one
    struct link *list = named[0]; // one dies by count, the others as garbage
    for (int i = 1; i < WEAKS; i++) {
        rc_set(&named[i]->next, named[i]);
        rc_release(named[i]);
    }
    rc_release(list);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    EXPECT_AT_MOST(all - WEAKS * one, stats().memory);
    for (int i = WEAKS / 2; i < WEAKS; i++)
        rc_weak_release(weaks[i]);
}

TEST(weak_references_count_as_long_as_their_objects_live, .counts = true) {
    with_limit(0, weak_references_count);
}

static void weak_references_within_limit(void) {
    struct link *a = rc_new(&link_type), *b = rc_new(&link_type);
    struct rc_weak *slot = NULL, *known = rc_weak_new(a);
    rc_heap_set_limit(rc_heap_current(), stats().memory);
    EXPECT_REFUSED(rc_weak_new(b));
    EXPECT_REFUSED(rc_weak_set(&slot, b));
    EXPECT_PTR(NULL, slot);
    EXPECT(rc_weak_set(&slot, a));
    EXPECT_EQ(stats().limit, stats().memory);
    rc_heap_set_limit(rc_heap_current(), 0);
    size_t before = stats().memory;
    EXPECT(rc_weak_set(&slot, b));
    size_t one = stats().memory - before, refused = 0;
    for (int i = 0; i < WEAKS; i++)
        REQUIRE(named[i] = rc_new(&link_type));
    for (int i = 0; i < WEAKS; i++) { // where it takes a larger table as well, there is no room for that
        rc_heap_set_limit(rc_heap_current(), stats().memory + one);
        weaks[i] = rc_weak_new(named[i]);
        EXPECT_AT_MOST(stats().limit, stats().memory);
        if (weaks[i])
            continue;
        refused++;
        rc_heap_set_limit(rc_heap_current(), 0);
        REQUIRE(weaks[i] = rc_weak_new(named[i]));
    }
    EXPECT_EQ(4, refused); // 16 places, and twice as many whenever half of them are taken
    for (int i = 0; i < WEAKS; i++)
        rc_release(named[i]);
    release_weaks();
    rc_weak_release(slot);
    rc_weak_release(known);
    rc_release(a);
    rc_release(b);
}

TEST(weak_reference_beyond_the_limit_is_refused, .counts = true) {
    with_limit(0, weak_references_within_limit);
}

static void *name_there(void *obj) { return rc_weak_new(obj); }

// It is the heap's thread that knows what there is.
TEST(weak_reference_made_by_another_thread_counts_and_is_not_refused, .counts = true) {
    struct rc_heap *heap = limited(0, true);
    rc_heap_enter(heap);
    struct link *a = rc_new(&link_type);
    size_t before = stats().memory;
    rc_heap_set_limit(heap, before);
    struct rc_weak *weak = elsewhere(name_there, a);
    EXPECT(weak);
    EXPECT(stats().memory > before);
    rc_weak_release(weak);
    rc_release(a);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(weak_references_count_for_the_heap_that_theirs_is_merged_into, .counts = true) {
    for (size_t over = 0; over < 2; over++) {
        struct rc_heap *into = limited(0, true), *from = limited(0, true);
        rc_heap_enter(into);
        rc_heap_enter(from);
        name_all();
        size_t more = stats().memory;
        rc_heap_leave(from);
        size_t before = stats().memory;
        rc_heap_set_limit(into, before + more - over);
        EXPECT_EQ(!over, rc_heap_merge(into, from));
        rc_heap_set_limit(into, 0);
        if (over)
            EXPECT(rc_heap_merge(into, from));
        EXPECT_EQ(before + more, stats().memory);
        for (int i = 0; i < WEAKS; i++)
            rc_release(named[i]);
        release_weaks();
        EXPECT_AT_MOST(before + more - WEAKS * 50, stats().memory);
        rc_heap_leave(into);
        free_heap(into);
    }
}

// ---- what goes bit by bit, and the end

TEST(memory_that_goes_back_in_pieces_counts_as_long_as_it_is_there, .counts = true) {
    struct rc_heap *heap = limited(0, false);
    if (!heap->blocks.paged) {
        rc_heap_free(heap);
        SKIP("memory goes back at once here");
    }
    rc_heap_enter(heap);
    struct rc_array *a = rc_array_new(&rc_link_element);
    REQUIRE(rc_array_reserve(a, 1 << 20));
    size_t before = stats().memory, steps = 0;
    heap->release_limit = 1;
    rc_release(a);
    while (rc_collect_step(0) == RC_STEP_MORE) {
        size_t now = stats().memory;
        EXPECT_AT_MOST(before, now);
        steps += now < before;
        before = now;
    }
    EXPECT(steps > 10);
    EXPECT_AT_MOST(PAGE + KIB, stats().memory);
    rc_heap_leave(heap);
    free_heap(heap);
}

static size_t refusals;
static void ask_for_more(void *obj) {
    (void)obj;
    void *more = rc_new_sized(&link_type, PAGE);
    refusals += !more;
    rc_release(more);
}
RC_TYPE(asker, struct link, .slots = RC_SLOTS(RC_LINK(struct link, next)), .destroy = ask_for_more,
        .finalize = ask_for_more);

TEST(heap_ends_at_its_limit, .counts = true) {
    for (int own = 0; own < 2; own++) {
        struct rc_heap *heap = limited(LIMIT, own);
        rc_heap_enter(heap);
        struct link *list = NULL, *asker = rc_new(&asker_type);
        fill(&list, 16);
        rc_set(&list->other, list); // and the asker is held
        rc_give(&asker->next, list);
        refusals = 0;
        EXPECT_EQ(1, rc_heap_free(heap));
        EXPECT_EQ(2, refusals);
        EXPECT_EQ(0, taken);
    }
}

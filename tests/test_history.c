// SPDX-License-Identifier: MIT
// The history of handles, in checked builds: that it adds up to the handles there are, whatever takes or gives one up; whose
// it is; and where it is shown.
#define _GNU_SOURCE
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/malloc.h"

#include <refcyc/inspect.h>
#include <unistd.h>

static char text[1 << 14];

static void add_line(const char *line, void *arg) {
    EXPECT(arg == text);
    REQUIRE(strlen(text) + strlen(line) + 2 < sizeof text);
    strcat(strcat(text, line), "\n");
}

// What is printed of [obj], or "".
static const char *history(const void *obj) {
    text[0] = 0;
    errno = 0;
    EXPECT(rc_history_print(obj, add_line, text) == (errno == 0));
    return text;
}

#ifdef RC_CHECK
// Taken less given up.
static size_t balance(const void *obj) {
    size_t taken = 0, given = 0;
    const char *counts = strchr(history(obj), ':');
    REQUIRE(counts && sscanf(counts, ": %zu", &taken) == 1);
    REQUIRE(sscanf(strstr(counts, " taken, "), " taken, %zu given up", &given) == 1);
    return taken - given;
}

#define EXPECT_SUM(obj) EXPECT_EQ(rc_handles(obj), balance(obj))

static void *retain_and_release(void *obj) {
    rc_release(rc_retain(obj));
    return rc_retain(obj);
}

TEST(history_adds_up_to_the_handles_whatever_takes_them) {
    EXPECT(rc_history_of(NULL));
    graph("a b");
    struct node *a = at('a');
    rc_retain(a);
    EXPECT_SUM(a);
    rc_give(&at('b')->x, a);
    EXPECT_SUM(a);
    rc_give(&at('b')->x, rc_take(&at('b')->x)); // which is the same
    EXPECT_SUM(a);
    rc_release(rc_take(&at('b')->x));
    EXPECT_SUM(a);
    rc_set(&at('b')->x, a); // not the usual give: over another link
    rc_give(&at('b')->x, rc_retain(a));
    EXPECT_SUM(a);
    struct node *c = rc_new(&node_type);
    rc_give(&at('b')->y, c); // the last one, into an empty slot
    EXPECT_SUM(c);
    struct rc_array *array = rc_array_new(&rc_link_element);
    REQUIRE(array && rc_array_push(array, a));
    struct node *popped = rc_array_pop(array);
    EXPECT_SUM(a);
    rc_release(popped);
    struct rc_weak *weak = rc_weak_new(a);
    struct node *got = rc_weak_get(weak);
    EXPECT_SUM(a);
    rc_release(got);
    rc_release(elsewhere(retain_and_release, a));
    EXPECT_SUM(a);
    EXPECT_EQ(1, balance(a));
    rc_weak_release(weak);
    rc_release(array);
    drop("ab");
}

//   a <-- b, of another heap: that is a handle of a, until the heaps are one
TEST(history_has_links_of_other_heaps_among_the_handles) {
    EXPECT(rc_history_of("node"));
    graph("a");
    struct node *a = at('a');
    struct rc_heap *here = rc_heap_current(), *other = new_heap();
    rc_heap_enter(other);
    struct node *b = rc_new(&node_type);
    rc_set(&b->x, a);
    rc_set(&b->y, a);
    rc_clear(&b->y);
    rc_heap_leave(other);
    EXPECT_EQ(2, rc_handles(a));
    EXPECT_SUM(a);
    EXPECT(rc_heap_merge(here, other));
    EXPECT_EQ(1, rc_handles(a));
    EXPECT_SUM(a);
    rc_release(b);
    EXPECT_SUM(a);
    drop("a");
}

static void keep(struct node *node) {
    EXPECT_EQ(1, balance(node));
    rc_set(&at('g')->x, node);
}

TEST(history_goes_on_where_a_finalizer_brings_its_object_back) {
    EXPECT(rc_history_of(NULL));
    on_finalize = keep;
    graph("A g");
    struct node *a = at('A');
    drop("A");
    EXPECT_STR("A", finalized());
    EXPECT_EQ(0, balance(a));
    rc_release(rc_retain(a));
    EXPECT_EQ(0, balance(a));
    on_finalize = NULL;
    drop("g");
    EXPECT_HAS("3 handles taken, 3 given up", history(a));
}

TEST(history_names_those_who_came_the_same_way_once) {
    EXPECT(rc_history_of("node"));
    graph("a");
    for (int i = 0; i < 5; i++)
        rc_retain(at('a'));
    for (int i = 0; i < 5; i++)
        rc_release(at('a'));
    EXPECT_HAS(": 6 handles taken, 5 given up\n  1 taken by\n    ", history(at('a')));
    EXPECT_HAS("\n  5 taken by\n    ", text);
    EXPECT_HAS("\n  5 given up by\n    ", text);
    drop("a");
}

static char place[1 << 12];
static bool is_taken;

static void *one_place(size_t size, size_t align, void *arg) {
    (void)arg;
    if (size > sizeof place || is_taken)
        return aligned_alloc(align, (size + align - 1) / align * align);
    is_taken = true;
    return place + (16 - (uintptr_t)place % 16) % 16;
}
static void back_to_it(void *memory, size_t size, void *arg) {
    (void)size, (void)arg;
    if ((char *)memory < place || (char *)memory >= place + sizeof place)
        free(memory);
    else
        is_taken = false;
}

TEST(history_is_there_after_death_until_another_object_is_born_in_its_place) {
    EXPECT(rc_history_of(NULL));
    static const struct rc_allocator allocator = {one_place, back_to_it, NULL};
    is_taken = true;
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.allocator = &allocator});
    REQUIRE(heap);
    rc_heap_enter(heap);
    rc_release(rc_new(&node_type)); // what the heap itself needs is somewhere else
    is_taken = false;
    struct node *first = rc_new(&node_type);
    rc_release(rc_retain(first));
    rc_release(first);
    EXPECT_HAS(": 2 handles taken, 2 given up\n", history(first));
    struct node *second = rc_new(&node_type);
    EXPECT_PTR(first, second);
    EXPECT_HAS(": 1 handle taken, 0 given up\n", history(second));
    rc_release(second);
    rc_heap_leave(heap);
    EXPECT_EQ(0, rc_heap_free(heap));
}

struct leaf {
    int value;
};
RC_TYPE(leaf, struct leaf, .acyclic = true);

TEST(history_is_kept_of_the_types_that_were_asked_for) {
    struct leaf *before = rc_new(&leaf_type);
    EXPECT(rc_history_of("node"));
    EXPECT(rc_history_of("leaf"));
    struct leaf *leaf = rc_new(&leaf_type);
    graph("a B");
    EXPECT_HAS("node 0x", history(at('a')));
    EXPECT_HAS("leaf 0x", history(leaf));
    EXPECT_STR("", history(before));
    EXPECT_STR("", history(at('B')));
    EXPECT_EQ(ENOENT, errno);
    EXPECT_STR("", history(NULL));
    EXPECT_EQ(ENOENT, errno);
    rc_release(before);
    rc_release(leaf);
    drop("aB");
}

//   a --> b
TEST(history_is_shown_with_what_is_held) {
    EXPECT(rc_history_of("node"));
    graph("ab");
    drop("b");
    text[0] = 0;
    EXPECT(rc_why_print(at('b'), add_line, text));
    EXPECT_HAS("\n  node 0x", text);
    EXPECT_HAS(": 1 handle taken, 0 given up\n    1 taken by\n      ", text);
    text[0] = 0;
    EXPECT(rc_report(add_line, text));
    EXPECT_HAS(": 1 handle taken, 0 given up\n      1 taken by\n        ", text);
    drop("a");
}

static void ask_about_it(const char *line, void *arg) {
    size_t *lines = arg;
    ++*lines;
    (void)line;
    EXPECT(balance(at('a')) == 1);
}

//   a
TEST(history_may_be_asked_for_by_who_prints_it) {
    EXPECT(rc_history_of("node"));
    graph("a");
    size_t lines = 0, more = 0, most = 0;
    EXPECT(rc_history_print(at('a'), ask_about_it, &lines));
    EXPECT(lines > 1);
    EXPECT(rc_why_print(at('a'), ask_about_it, &more));
    EXPECT(more > lines);
    EXPECT(rc_report(ask_about_it, &most));
    EXPECT(most > lines);
    drop("a");
}

static void add_to(const char *line, void *arg) {
    (void)line;
    ++*(size_t *)arg;
}

//   a
TEST(history_prints_nothing_of_what_it_has_no_memory_for) {
    EXPECT(rc_history_of("node"));
    graph("a");
    size_t lines = 0;
    for (fails_at = 1; fails_at <= 2; fails_at++) {
        asked = 0;
        scarce = true;
        bool ok = rc_history_print(at('a'), add_to, &lines);
        scarce = false;
        EXPECT(!ok);
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(0, lines);
    }
    drop("a");
}

// In all of a report, the history's own memory is what is asked for last.
TEST(history_without_memory_fails_a_report) {
    EXPECT(rc_history_of("node"));
    graph("a");
    size_t lines = 0;
    scarce = true;
    fails_at = asked = 0;
    EXPECT(rc_why_print(at('a'), add_to, &lines));
    size_t why = asked;
    asked = 0;
    EXPECT(rc_report(add_to, &lines));
    size_t report = asked;
    EXPECT(why > 1 && report > 1);
    fails_at = why;
    asked = 0;
    errno = 0;
    EXPECT(!rc_why_print(at('a'), add_to, &lines));
    EXPECT_EQ(ENOMEM, errno);
    fails_at = report;
    asked = 0;
    errno = 0;
    EXPECT(!rc_report(add_to, &lines));
    EXPECT_EQ(ENOMEM, errno);
    scarce = false;
    drop("a");
}

TEST(history_is_asked_for_in_the_environment) {
    setenv("REFCYC_HISTORY", "leaf,,node", 1); // before the first heap
    struct leaf *leaf = rc_new(&leaf_type);
    graph("a B");
    EXPECT_HAS("node 0x", history(at('a')));
    EXPECT_HAS("leaf 0x", history(leaf));
    EXPECT_STR("", history(at('B')));
    rc_release(leaf);
    drop("aB");
}

TEST(history_of_everything_is_asked_for_in_the_environment) {
    setenv("REFCYC_HISTORY", "*", 1);
    graph("B");
    EXPECT_HAS("0x", history(at('B')));
    drop("B");
}

TEST(history_without_memory_says_so) {
    scarce = true;
    fails_at = 1;
    EXPECT(!rc_history_of("node"));
    scarce = false;
    EXPECT_EQ(ENOMEM, errno);
    EXPECT(rc_history_of("node"));
    graph("a");
    scarce = true;
    asked = 0;
    rc_retain(at('a'));
    scarce = false;
    EXPECT_EQ(2, refusals);
    EXPECT_EQ(2, balance(at('a')));
    EXPECT_HAS("; there was no memory to note who, for some\n", text);
    rc_release(at('a'));
    drop("a");
}

static void ask(const struct rc_fault *fault) {
    history(fault->object);
}

TEST(history_says_who_gave_up_what_a_release_too_many_lacks) {
    EXPECT(rc_history_of("node"));
    graph("ab");
    rc_fault_fn *before = rc_set_fault_handler(ask);
    rc_release(at('b'));
    rc_release(at('b'));
    rc_set_fault_handler(before);
    EXPECT_HAS(": 1 handle taken, 2 given up\n", text);
    rc_clear(&at('a')->x);
    drop("a");
}
#else
TEST(history_is_kept_in_checked_builds_only) {
    EXPECT(!rc_history_of("node"));
    EXPECT_EQ(ENOTSUP, errno);
    graph("a");
    EXPECT_STR("", history(at('a')));
    EXPECT_EQ(ENOENT, errno);
    drop("a");
}

// What goes to the standard error output where a process makes its first heap, with [asked] in the environment.
static const char *said_at_the_first_heap(const char *asked) {
    static char said[256];
    FILE *file = tmpfile();
    REQUIRE(file);
    setenv("REFCYC_HISTORY", asked, 1);
    int before = dup(2);
    dup2(fileno(file), 2);
    struct rc_heap *heap = new_heap();
    fflush(stderr);
    dup2(before, 2);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    fclose(file);
    free_heap(heap);
    return said;
}

TEST(builds_without_a_history_say_so_where_it_is_asked_for) {
    EXPECT_HAS("REFCYC_HISTORY asks for a checked build", said_at_the_first_heap("node"));
}

TEST(builds_without_a_history_say_nothing_where_it_is_not) {
    EXPECT_STR("", said_at_the_first_heap(""));
}
#endif

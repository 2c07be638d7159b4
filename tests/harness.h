// SPDX-License-Identifier: MIT
// The thin layer between our tests and CUnit. A program tests/test_<suite>.c is one suite of them:
//
//     TEST(cycle_is_collected_once_nothing_outside_holds_it) { ... EXPECT_EQ(2, rc_collect()); }
//     TEST(release_too_many_is_reported, .aborts = "rc_release") { ... }       // must abort, with these words on stderr
//     TEST(long_list_dies, .limit = 120) { ... }                               // seconds; DEFAULT_LIMIT unless told
//
// Each test runs in a child of its own with a time limit, so that one that crashes or hangs fails alone. The program given
// the name of one test runs it in-process, for a debugger: build/release/tests/test_death NAME.
//
// After each body the harness proves that nothing is left: it collects the default heap, expects no object in it, frees it
// and expects that no handle had referred into it. A test with a heap of its own ends with free_heap(heap), which does the
// same there.
//
// EXPECT... notes a failure and goes on; REQUIRE ends the test. Both may be used from any thread of a test, REQUIRE from
// its first only.
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <errno.h>
#include <refcyc/refcyc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 20

struct test {
    const char *file, *name;
    void (*body)(void);
    const char *aborts; // words that stderr must have when the test aborts, as it must; NULL: it must not
    unsigned limit;     // seconds of processor time, 0: DEFAULT_LIMIT; ten times as many in slow builds
    bool counts;        // what is done, so that it is left out where stress/scarce makes calls again and again
    struct test *next;
};

#define TEST(...) TEST_(__VA_ARGS__, )
#define TEST_(fn, ...)                                                                                                 \
    static void fn(void);                                                                                              \
    __attribute__((constructor)) static void fn##_register(void) {                                                     \
        static struct test test = {.file = __FILE__, .name = #fn, .body = fn, __VA_ARGS__};                            \
        test_register(&test);                                                                                          \
    }                                                                                                                  \
    static void fn(void)

#define EXPECT(condition) test_expect((condition), #condition, __FILE__, __LINE__)
#define EXPECT_EQ(want, got) test_expect_eq((long long)(want), (long long)(got), #got, __FILE__, __LINE__)
#define EXPECT_AT_MOST(most, got) test_expect_at_most((long long)(most), (long long)(got), #got, __FILE__, __LINE__)
#define EXPECT_PTR(want, got) test_expect_ptr((want), (got), #got, __FILE__, __LINE__)
#define EXPECT_STR(want, got) test_expect_str((want), (got), #got, __FILE__, __LINE__)
#define EXPECT_HAS(words, text) test_expect_has((words), (text), #text, __FILE__, __LINE__)
#define REQUIRE(condition) (EXPECT(condition) ? (void)0 : test_stop())
// Ends the test as one that cannot be run here.
#define SKIP(why) test_skip(why)

void test_register(struct test *test);
bool test_expect(bool holds, const char *what, const char *file, int line);
bool test_expect_eq(long long want, long long got, const char *what, const char *file, int line);
bool test_expect_at_most(long long most, long long got, const char *what, const char *file, int line);
bool test_expect_ptr(const void *want, const void *got, const char *what, const char *file, int line);
bool test_expect_str(const char *want, const char *got, const char *what, const char *file, int line);
bool test_expect_has(const char *words, const char *text, const char *what, const char *file, int line);
void test_stop(void) __attribute__((noreturn));
void test_skip(const char *why) __attribute__((noreturn));
// Says with each failure from here on in which round of a loop it happened; "" ends that.
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t test_failures(void);

// [n], or a tenth of it (or the part that the environment's TEST_SLOW=part says) where a build is slow: sanitizers, valgrind.
size_t scaled(size_t n);
bool is_slow_build(void);

// Figures of the heap this thread is inside.
struct rc_stats stats(void);
// The last line of a test with a heap of its own, which this thread is not inside: collects, expects no object in it, and
// frees it.
void free_heap(struct rc_heap *heap);
// A link to [obj] comes and goes: so it is a suspect, if it has no handle, and if it has, its handles' end will ask whether it
// is to be one. (Handles that come and go leave nothing to ask: cc/suspect.c.)
void touch_object(void *obj);

#endif

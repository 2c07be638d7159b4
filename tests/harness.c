// SPDX-License-Identifier: MIT
// Runs the tests of one suite: see harness.h. The way of a test through here:
//
//     CUnit --> run_current_test --fork--> run_body: the body, then nothing_left
//                     |                         | each failure a line "F file:line: text", a skip a line "S why"
//                     +<-- notes, stderr -------+
//                     | every line becomes a failed assertion of CUnit
//
// Two of CUnit 2.1-3's own ways are not used: CU_basic_run_tests returns 0 after failures (the status comes from
// CU_get_number_of_failures here), and its JUnit file is not well-formed (junit.c writes one from CUnit's handlers).
#define _GNU_SOURCE
#include "tests/harness.h"
#include "tests/junit.h"
#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static struct test *tests, **tests_end = &tests;
static char suite[64];
static unsigned skipped;

// In the child, or where a test runs in-process:
static int notes = -1; // where lines go for the parent; -1: stderr
static atomic_size_t failures;
static char context[160];
static jmp_buf stopped;

void test_register(struct test *test) {
    *tests_end = test;
    tests_end = &test->next;
    const char *base = strstr(test->file, "test_") + strlen("test_");
    snprintf(suite, sizeof suite, "%.*s", (int)strcspn(base, "."), base);
}

// ---- what a body calls

static bool failed(const char *file, int line, const char *format, ...) {
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = ' ';
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    bool noted = context[0] != 0;
    dprintf(notes < 0 ? 2 : notes, "F %s:%d: %s%s%s%s\n", base, line, text, noted ? " [" : "", context, noted ? "]" : "");
    atomic_fetch_add(&failures, 1);
    return false;
}

bool test_expect(bool holds, const char *what, const char *file, int line) {
    return holds || failed(file, line, "expected: %s", what);
}

bool test_expect_eq(long long want, long long got, const char *what, const char *file, int line) {
    return want == got || failed(file, line, "expected %lld, got %lld: %s", want, got, what);
}

bool test_expect_at_most(long long most, long long got, const char *what, const char *file, int line) {
    return got <= most || failed(file, line, "expected at most %lld, got %lld: %s", most, got, what);
}

bool test_expect_ptr(const void *want, const void *got, const char *what, const char *file, int line) {
    return want == got || failed(file, line, "expected %p, got %p: %s", want, got, what);
}

bool test_expect_str(const char *want, const char *got, const char *what, const char *file, int line) {
    if (want == got || (want && got && strcmp(want, got) == 0))
        return true;
    return failed(file, line, "expected \"%s\", got \"%s\": %s", want ? want : "NULL", got ? got : "NULL", what);
}

bool test_expect_has(const char *words, const char *text, const char *what, const char *file, int line) {
    if (text && strstr(text, words))
        return true;
    return failed(file, line, "expected \"%s\" in \"%.900s\": %s", words, text ? text : "NULL", what);
}

void test_stop(void) {
    longjmp(stopped, 1);
}

void test_skip(const char *why) {
    dprintf(notes < 0 ? 2 : notes, "S %s\n", why);
    longjmp(stopped, 1);
}

void test_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
}

size_t test_failures(void) {
    return atomic_load(&failures);
}

static unsigned slowness(void) {
    const char *told = getenv("TEST_SLOW");
    unsigned n = told ? (unsigned)strtoul(told, NULL, 10) : 0;
    return n ? n : SANITIZED ? 10 : 1;
}

size_t scaled(size_t n) {
    return n / slowness();
}

bool is_slow_build(void) {
    return slowness() > 1;
}

struct rc_stats stats(void) {
    struct rc_stats s;
    rc_stats(&s);
    return s;
}

void touch_object(void *obj) {
    void *slot = NULL;
    rc_set(&slot, obj);
    rc_clear(&slot);
}

void free_heap(struct rc_heap *heap) {
    rc_heap_enter(heap);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().bytes);
    EXPECT_EQ(0, stats().suspects);
    EXPECT_EQ(0, stats().inbox);
    rc_heap_leave(heap);
    EXPECT_EQ(0, rc_heap_free(heap));
}

// ---- one test

static void nothing_left(void) {
    struct rc_heap *heap = rc_heap_default();
    EXPECT(rc_heap_current() == NULL || rc_heap_current() == heap);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().bytes);
    EXPECT_EQ(0, rc_heap_free(heap));
    EXPECT_EQ(0, rc_weak_left());
}

static void run_body(const struct test *test) {
    if (setjmp(stopped) == 0) {
        if (test->counts && getenv("SCARCE"))
            test_skip("counts calls, of which more are made here");
        test->body();
        test_note("after the test");
        nothing_left();
    }
}

static const struct test *find(const char *name) {
    for (const struct test *test = tests; test; test = test->next)
        if (strcmp(test->name, name) == 0)
            return test;
    return NULL;
}

#ifdef WRITE_PROFILE // make coverage: what has been counted is written although the child aborts
extern void WRITE_PROFILE(void);
static void write_profile(int signal) {
    (void)signal;
    WRITE_PROFILE();
}
#endif

// In processor time, so that no test fails because the machine is busy; and for those that wait for ever, of the clock.
static void set_limits(unsigned seconds) {
    struct rlimit limit;
    getrlimit(RLIMIT_CPU, &limit);
    limit.rlim_cur = seconds;
    setrlimit(RLIMIT_CPU, &limit);
    alarm(10 * seconds);
}

static void run_child(const struct test *test, int notes_fd, int output_fd) {
    notes = notes_fd;
    dup2(output_fd, 1);
    dup2(output_fd, 2);
#ifdef WRITE_PROFILE
    signal(SIGABRT, write_profile);
#endif
    set_limits((test->limit ? test->limit : DEFAULT_LIMIT) * slowness());
    run_body(test);
    exit(test_failures() > 0); // not _exit: LeakSanitizer looks when a program exits
}

static void assert_failed(const char *text) {
    CU_assertImplementation(CU_FALSE, 0, text, "", "", CU_FALSE);
}

// Turns the child's notes into failed assertions. Returns how many there were.
static unsigned read_notes(FILE *file) {
    char line[2048];
    unsigned n = 0;
    rewind(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 'S') {
            skipped++;
            junit_skip(line + 2);
            continue;
        }
        assert_failed(line + 2);
        n++;
    }
    return n;
}

static char *read_all(FILE *file) {
    static char text[16384];
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    return text;
}

// After this, each way in which the child can have ended wrongly has been said.
static void judge(const struct test *test, int status, unsigned failures_noted, const char *output) {
    char text[512] = "";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        snprintf(text, sizeof text, "took longer than its limit");
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(text, sizeof text, "took ten times its limit, and little of it in processor time: does it hang?");
    else if (test->aborts && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT))
        snprintf(text, sizeof text, "did not abort");
    else if (test->aborts && !strstr(output, test->aborts))
        snprintf(text, sizeof text, "aborted without saying \"%s\"", test->aborts);
    else if (!test->aborts && WIFSIGNALED(status))
        snprintf(text, sizeof text, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && failures_noted == 0)
        snprintf(text, sizeof text, "ended with status %d", WEXITSTATUS(status));
    if (text[0])
        assert_failed(text);
    if (text[0] || failures_noted)
        junit_output(output);
}

static void run_current_test(void) {
    const struct test *test = find(CU_get_current_test()->pName);
    if (getenv("TEST_STOP") && CU_get_number_of_failures() > 0) { // for tools/mutate: one failure says it all
        skipped++;
        junit_skip("a test before it failed");
        return;
    }
    FILE *notes_file = tmpfile(), *output = tmpfile();
    fflush(NULL);
    pid_t child = notes_file && output ? fork() : -1;
    if (child < 0) {
        perror(suite);
        exit(2);
    }
    if (child == 0)
        run_child(test, fileno(notes_file), fileno(output));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    judge(test, status, read_notes(notes_file), read_all(output));
    fclose(notes_file);
    fclose(output);
}

// ---- the program

static int run_in_process(const char *name) {
    const struct test *test = find(name);
    if (!test) {
        fprintf(stderr, "%s: no test is named %s (--list names them all)\n", suite, name);
        return 2;
    }
    run_body(test);
    printf("%s.%s: %s\n", suite, name, test_failures() ? "failed" : "passed");
    return test_failures() > 0;
}

static int run_suite(const char *match, const char *junit_path) {
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite cu_suite = CU_add_suite(suite, NULL, NULL);
    unsigned n = 0;
    for (struct test *test = tests; test; test = test->next)
        if (strstr(suite, match) || strstr(test->name, match)) {
            if (!CU_add_test(cu_suite, test->name, run_current_test))
                return 2;
            n++;
        }
    if (n > 0) {
        junit_begin(suite, junit_path);
        CU_run_all_tests();
    }
    unsigned bad = n > 0 ? CU_get_number_of_tests_failed() : 0;
    bool ok = n == 0 || CU_get_number_of_failures() == 0;
    CU_cleanup_registry();
    printf("%u passed, %u failed, %u skipped\n", n - bad - skipped, bad, skipped);
    return !ok;
}

int main(int argc, char **argv) {
    const char *match = "", *junit_path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            for (struct test *test = tests; test; test = test->next)
                printf("%s\n", test->name);
            return 0;
        } else if (strcmp(argv[i], "--match") == 0 && i + 1 < argc) {
            match = argv[++i];
        } else if (strcmp(argv[i], "--junit") == 0 && i + 1 < argc) {
            junit_path = argv[++i];
        } else if (argv[i][0] != '-') {
            return run_in_process(argv[i]);
        } else {
            fprintf(stderr, "usage: %s [--match WORD] [--junit FILE] | --list | NAME\n", argv[0]);
            return 2;
        }
    }
    return run_suite(match, junit_path);
}

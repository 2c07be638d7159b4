// SPDX-License-Identifier: MIT
// The adapters for event loops, those that were built: tests/loops/ checks them, the examples run, and one of those under
// strace shows that a loop with nothing to collect wakes up not once.
#define _POSIX_C_SOURCE 200809L
#include "tests/command.h"
#include "tests/harness.h"

#include <unistd.h>

// The path of a program of this build, or the end of the test if there is none.
static const char *program(const char *folder, const char *loop) {
    static char path[512];
    const char *build = getenv("PROGRAMS");
    if (!build)
        SKIP("PROGRAMS is not set: run by make check");
    snprintf(path, sizeof path, "%s/%s/%s", build, folder, loop);
    if (access(path, X_OK))
        SKIP("the loop's library is not installed");
    return path;
}

static void passes(const char *folder, const char *loop) {
    int status;
    const char *output = command(&status, "%s", program(folder, loop));
    test_note("it wrote: %s", output);
    EXPECT_EQ(0, status);
}

TEST(uv_does_what_an_adapter_does, .limit = 60) { passes("tests/loops", "uv"); }
TEST(glib_does_what_an_adapter_does, .limit = 60) { passes("tests/loops", "glib"); }
TEST(sdevent_does_what_an_adapter_does, .limit = 60) { passes("tests/loops", "sdevent"); }

TEST(example_of_poll_runs) { passes("examples", "poll"); }

// ---- the quiet second of the examples, in system calls

static size_t count(const char *text, const char *words) {
    size_t n = 0;
    for (; (text = strstr(text, words)); text++)
        n++;
    return n;
}

// Between its two marks the program goes to sleep once, for the timer that ends the quiet; once more where a millisecond was
// rounded away.
static void sleeps_through(const char *loop) {
    const char *path = program("examples/loops", loop);
    int status;
    if (is_slow_build())
        SKIP("a sanitizer's own system calls are in the trace");
    command(&status, "strace -o /dev/null true");
    if (status)
        SKIP("strace is not installed, or may not trace");
    const char *trace = command(&status,
                                "t=$(mktemp) && strace -f -o $t %s >/dev/null; s=$?; "
                                "sed -n '/\"quiet begins/,/\"quiet ends/p' $t; rm $t; exit $s",
                                path);
    test_note("the trace: %s", trace);
    EXPECT_EQ(0, status);
    EXPECT_EQ(1, count(trace, "quiet begins"));
    EXPECT_EQ(1, count(trace, "quiet ends"));
    size_t sleeps = count(trace, " epoll_wait(") + count(trace, " epoll_pwait") + count(trace, " poll(") +
                    count(trace, " ppoll(");
    EXPECT(sleeps >= 1);
    EXPECT_AT_MOST(2, sleeps);
    EXPECT_AT_MOST(6, count(trace, "\n")); // and there is little else: the marks, setting and reading of a timer
}

TEST(uv_sleeps_through_the_quiet, .limit = 60) { sleeps_through("uv"); }
TEST(glib_sleeps_through_the_quiet, .limit = 60) { sleeps_through("glib"); }
TEST(sdevent_sleeps_through_the_quiet, .limit = 60) { sleeps_through("sdevent"); }

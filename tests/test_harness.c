// SPDX-License-Identifier: MIT
// The harness notices what it has to notice: it runs tests/programs/test_bad.c, a suite that goes wrong on purpose.
#define _GNU_SOURCE
#include "tests/harness.h"
#include "tests/command.h"
#include <unistd.h>

static const char *bad_suite(const char *arguments, int want_status) {
    const char *built = getenv("PROGRAMS");
    if (!built)
        SKIP("PROGRAMS does not say where the programs were built: run it through make check");
    int status;
    const char *output = command(&status, "TEST_SLOW=1 %s/tests/programs/test_bad %s", built, arguments);
    EXPECT_EQ(want_status, status);
    return output;
}

TEST(each_way_to_fail_is_counted) {
    const char *output = bad_suite("", 1);
    EXPECT_HAS("\n2 passed, 10 failed, 1 skipped\n", output);
    EXPECT_HAS("ok   bad.passes", output);
    EXPECT_HAS("ok   bad.aborts_as_it_should", output);
    EXPECT_HAS("skip bad.is_skipped", output);
    EXPECT_HAS("\n     took longer than its limit\n", output);
    EXPECT_HAS("does it hang?", output);
}

TEST(a_failure_shows_both_values) {
    EXPECT_HAS("expected 1, got 2", bad_suite("--match both_values", 1));
}

TEST(a_leak_is_a_failure) {
    EXPECT_HAS("0 passed, 1 failed, 0 skipped", bad_suite("--match leaks_a_handle", 1));
}

TEST(one_test_runs_in_process) {
    EXPECT_HAS("bad.passes: passed", bad_suite("passes", 0));
    EXPECT_HAS("bad.fails_with_both_values: failed", bad_suite("fails_with_both_values", 1));
}

TEST(an_unknown_name_is_an_error) {
    EXPECT_HAS("no test is named nonsense", bad_suite("nonsense", 2));
}

TEST(the_junit_file_is_well_formed_and_has_every_test) {
    char path[] = "/tmp/refcyc-junit-XXXXXX";
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    char arguments[100];
    snprintf(arguments, sizeof arguments, "--junit %s", path);
    bad_suite(arguments, 1);
    int status;
    const char *xml = command(&status, "cat %s", path);
    EXPECT_HAS("<testsuite name=\"bad\" tests=\"13\" failures=\"10\" errors=\"0\" skipped=\"1\"", xml);
    EXPECT_HAS("&lt;a &amp; &quot;b&quot;&gt;?", xml);
    command(&status, "command -v python3");
    if (status == 0) {
        command(&status, "python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(\"%s\")'", path);
        EXPECT_EQ(0, status);
    }
    close(fd);
    unlink(path);
}

// SPDX-License-Identifier: MIT
// A suite that goes wrong in every way that the harness has to notice; tests/test_harness.c runs it and counts.
#define _GNU_SOURCE
#include "tests/harness.h"
#include <signal.h>
#include <unistd.h>

struct leaf { int unused; };
RC_TYPE(leaf, struct leaf, .acyclic = true);

TEST(passes) {
    EXPECT_EQ(1, 1);
}

TEST(fails_with_both_values) {
    EXPECT_EQ(1, 2);
}

TEST(fails_with_a_text_that_xml_must_escape) {
    EXPECT_STR("<a & \"b\">\x01", "c");
}

TEST(stops_at_the_first_requirement) {
    REQUIRE(false);
    _exit(0); // never comes here
}

TEST(crashes) {
    raise(SIGSEGV);
}

TEST(spins, .limit = 1) {
    for (;;)
        continue;
}

TEST(hangs) {
    alarm(1); // in place of the harness's own, which takes long
    for (;;)
        pause();
}

TEST(exits_with_a_status) {
    _exit(3);
}

TEST(aborts_with_other_words, .aborts = "these words") {
    fputs("those words\n", stderr);
    abort();
}

TEST(does_not_abort, .aborts = "these words") {
}

TEST(aborts_as_it_should, .aborts = "these words") {
    fputs("these words\n", stderr);
    abort();
}

TEST(leaks_a_handle) {
    struct leaf *leaf = rc_new(&leaf_type);
    (void)leaf;
}

TEST(is_skipped) {
    SKIP("no reason");
}

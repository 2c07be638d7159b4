// SPDX-License-Identifier: MIT
// The programs of stress/corpus, replayed by the oracle: those that have found something once, shortened, one for each guard
// of tests/mutants.list that the oracle misses when it is taken out, and what fuzzing has reached with them. To be run from
// the top folder, with PROGRAMS as make check sets it.
#define _GNU_SOURCE
#include "tests/command.h"
#include "tests/harness.h"

#include <stdio.h>

TEST(programs_of_the_corpus_hold_against_the_oracle, .limit = 120) {
    const char *folder = getenv("PROGRAMS");
    if (!folder)
        SKIP("PROGRAMS does not say where the programs were built: run it through make check");
    int status;
    const char *output = command(&status, "%s/stress/oracle -c stress/corpus/*", folder);
    EXPECT_EQ(0, status);
    EXPECT_HAS(", 0 failed", output);
    const char *sum = strstr(output, "oracle: ");
    unsigned programs = 0, operations = 0;
    if (sum)
        sscanf(sum, "oracle: %u programs, %u operations", &programs, &operations);
    EXPECT(programs > 30 && operations > programs);
}

TEST(programs_are_named_for_guards_that_there_are) {
    int status;
    EXPECT_STR("", command(&status, "%s", "for f in stress/corpus/*; do n=${f##*/}; case $n in fuzz.*|found.*) ;; "
                                          "*) grep -q \"^guard $n:\" tests/mutants.list || echo $n;; esac; done"));
}

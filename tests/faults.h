// SPDX-License-Identifier: MIT
// A fault handler that notes what it gets and returns, for tests that misuse the library on purpose.
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <refcyc/refcyc.h>

// From here on faults are noted.
void faults_begin(void);
// How many there were since faults_begin, or the last call of this.
unsigned faults_seen(void);
// The last one; its texts are copies. All zero if there was none.
const struct rc_fault *last_fault(void);

// Exactly one fault since the last look, of this kind, reported by this call.
#define EXPECT_FAULT(wanted, by)                                                                                       \
    (EXPECT_EQ(1, faults_seen()), EXPECT_EQ(wanted, last_fault()->kind), EXPECT_STR(by, last_fault()->call))
#define EXPECT_NO_FAULT() EXPECT_EQ(0, faults_seen())

#endif

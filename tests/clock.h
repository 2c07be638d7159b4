// SPDX-License-Identifier: MIT
// A clock that stands still until a test lets time pass, so that what depends on time comes out the same on a busy machine.
// The Makefile links some suites so that the library's clock_gettime is this one. What the collector does takes time, too:
// each look at the clock takes CLOCK_LOOK, as the work between two of them would.
#ifndef TESTS_CLOCK_H
#define TESTS_CLOCK_H

#include <stdint.h>

#define CLOCK_LOOK UINT64_C(5000)

uint64_t clock_now(void);
void clock_pass(uint64_t ns);

#endif

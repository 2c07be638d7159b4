// SPDX-License-Identifier: MIT
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#endif
#include "tests/guards.h"
#include "tests/harness.h"
#include <sys/mman.h>

char *bytes_between_guards(void) {
    char *all = mmap(NULL, 3 * GUARDED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(all != MAP_FAILED && mprotect(all + GUARDED, GUARDED, PROT_READ | PROT_WRITE) == 0);
    return all + GUARDED;
}

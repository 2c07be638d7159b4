// SPDX-License-Identifier: MIT
// Memory for heaps under test: counted, painted when it is freed, kept back for a while and looked at again before it
// is given back. And memory for the harness itself, which never fails.
#ifndef STRESS_MEMORY_H
#define STRESS_MEMORY_H

#include <refcyc/heap.h>

extern const struct rc_allocator checked_allocator;

// Blocks that heaps hold, and their bytes; all of them are to be given back.
size_t checked_blocks(void);
// Looks at what was freed and gives it back.
void checked_flush(void);

// The checked allocator fails when it is asked for the [n]th time from now on, and from then on too if [forever]. 0:
// never.
void checked_fail_at(uint64_t n, bool forever);
// Whether it may fail.
bool checked_starves(void);
// How often it was asked since that was set.
uint64_t checked_asked(void);

// What malloc has given out, in bytes; 0 where that cannot be known (under a sanitizer).
size_t memory_in_use(void);

void *harness_alloc(size_t size); // zeroed
void harness_free(void *memory);

#endif

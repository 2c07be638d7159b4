// SPDX-License-Identifier: MIT
// Memory for heaps under test: counted, painted when it is freed, kept back for a while and looked at again before it
// is given back. And memory for the harness itself, which never fails.
#ifndef STRESS_CHECKED_H
#define STRESS_CHECKED_H

#include <refcyc/heap.h>

extern const struct rc_allocator checked_allocator;

// Blocks that heaps hold, and their bytes; all of them are to be given back.
size_t checked_blocks(void);
// Looks at what was freed and gives it back.
void checked_flush(void);

// Memory that runs out: where the linker wraps malloc (memory.c), the request number [harness_fail_at] from when it was
// set fails, and those after it too if [harness_fail_forever]. 0: none. Requests of the harness itself are not counted.
extern uint64_t harness_fail_at, harness_asked;
extern bool harness_fail_forever;
extern volatile int harness_exempt; // greater than 0: the harness asks

// What malloc has given out, but for what the library keeps for good (peek_kept), in bytes; 0 where that cannot be known
// (under a sanitizer).
size_t memory_in_use(void);

void *harness_alloc(size_t size); // zeroed
void harness_free(void *memory);

#endif

// SPDX-License-Identifier: MIT
// Blocks of 2 MiB, aligned to that, straight from the system, which can back each by one large page. Where memory comes
// 4 KiB at a time, more time goes into the first touch of a new object, or of a node of the graph, than into anything else
// that is done to it: a page fault takes a microsecond, and two under virtualization. One fault for 2 MiB is a tenth of
// that for the same memory; but it clears all of it at once, which is a pause of a tenth of a millisecond, or more where
// memory is fragmented. So the caller says whether that is asked for. (Linux does it where transparent_hugepage is madvise
// or always.)
//
// Nor is it asked for without end: a virtual machine that gives its free memory back to the host, as many do that share one,
// has to get most large pages anew, which takes 5 ms each; only as many as were in use lately are at hand. Where the whole
// block will be used at once, one call that makes it present in small pages is three quarters of the single faults.
#define _DEFAULT_SOURCE // MAP_ANONYMOUS, madvise
#include "object.h"

#include <sys/mman.h>

#ifndef MADV_HUGEPAGE
#define MADV_HUGEPAGE MADV_NORMAL
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE MADV_NORMAL
#endif

// NULL if memory is out.
void *rc__large_new(enum rc__large how) {
    char *memory = mmap(NULL, 2 * RC__LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)memory % RC__LARGE;
    if (before)
        munmap(memory, before);
    munmap(memory + before + RC__LARGE, RC__LARGE - before);
    if (how == RC__LARGE_PAGE)
        madvise(memory + before, RC__LARGE, MADV_HUGEPAGE);
    else if (how == RC__LARGE_AT_ONCE)
        madvise(memory + before, RC__LARGE, MADV_POPULATE_WRITE);
    return memory + before;
}

// Gives back [bytes] of a block; both are multiples of 64 KiB, so that they are of any page size.
void rc__large_free(void *memory, size_t bytes) {
    munmap(memory, bytes);
}

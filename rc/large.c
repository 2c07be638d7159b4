// SPDX-License-Identifier: MIT
// Blocks of 2 MiB, aligned to that, straight from the system, which can back each by one large page. Where memory comes
// 4 KiB at a time, more time goes into the first touch of a new object, or of a node of the graph, than into anything else
// that is done to it: a page fault takes a microsecond, and two under virtualization. One fault for 2 MiB is a tenth of that
// for the same memory; but it clears all of it at once, which is a pause of a tenth of a millisecond, or more where memory is
// fragmented. So the caller says whether that is asked for. (Linux does it where transparent_hugepage is madvise or always.)
#define _DEFAULT_SOURCE // MAP_ANONYMOUS, madvise
#include "object.h"

#include <sys/mman.h>

// NULL if memory is out.
void *rc__large_new(bool one_page) {
    char *memory = mmap(NULL, 2 * RC__LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)memory % RC__LARGE;
    if (before)
        munmap(memory, before);
    munmap(memory + before + RC__LARGE, RC__LARGE - before);
#ifdef MADV_HUGEPAGE
    if (one_page)
        madvise(memory + before, RC__LARGE, MADV_HUGEPAGE);
#else
    (void)one_page;
#endif
    return memory + before;
}

void rc__large_free(void *block) {
    munmap(block, RC__LARGE);
}

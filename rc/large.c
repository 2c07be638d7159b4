// SPDX-License-Identifier: MIT
// Blocks of 2 MiB, aligned to that, straight from the system. Where memory comes 4 KiB at a time, more time goes into the
// first touch of a new object, or of a node of the graph, than into anything else that is done to it: a page fault takes a
// microsecond, and two under virtualization. There are two ways to have it cheaper.
//
// One large page can back the whole block: one fault, which takes a tenth of the time. But it clears all of it at once,
// which is a pause of a tenth of a millisecond, or more where memory is fragmented; and a virtual machine that gives its
// free memory back to the host, as many do that share one, has to get most large pages anew, which takes 5 ms each: only as
// many as were in use lately are at hand. (Linux does it where transparent_hugepage is madvise or always.)
//
// Or what will be used at once is made present in small pages, by one call: two thirds of the time of single faults.
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
void *rc__large_new(bool one_page) {
    char *memory = mmap(NULL, 2 * RC__LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)memory % RC__LARGE;
    if (before)
        munmap(memory, before);
    munmap(memory + before + RC__LARGE, RC__LARGE - before);
    if (one_page)
        madvise(memory + before, RC__LARGE, MADV_HUGEPAGE);
    return memory + before;
}

// Makes [from] up to [to], in one block, present. It need not succeed.
void rc__large_touch(char *from, const char *to) {
    from -= (uintptr_t)from & 0xFFFF;
    madvise(from, (size_t)(to - from), MADV_POPULATE_WRITE);
}

// Gives back [bytes] of a block; both are multiples of 64 KiB, so that they are of any page size.
void rc__large_free(void *memory, size_t bytes) {
    munmap(memory, bytes);
}

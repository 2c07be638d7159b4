// SPDX-License-Identifier: MIT
// Blocks of 2 MiB, aligned to that, straight from the system. Where memory comes 4 KiB at a time, the first touch of a new
// object, or of a node of the graph, takes more time than anything else that is done with it: a page fault takes a
// microsecond, and two under virtualization. There are two ways to have it cheaper.
//
// One large page can back the whole block: one fault, in a tenth of the time. But the system clears all of it at once,
// which is a pause of a tenth of a millisecond, or more where memory is fragmented. And a virtual machine that gives free
// memory back to its host, as many do, has only as many large pages at hand as were in use lately; each other one it has to
// get anew, which takes 5 ms. (Linux uses large pages where transparent_hugepage is madvise or always.)
//
// Or the small pages that will be used next are all made present by one call: two thirds of the time of single faults. That
// is done for the graph, and for new pages of a size of which one page is full already (block.c).
#define _DEFAULT_SOURCE // MAP_ANONYMOUS, madvise
#include "object.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_HUGEPAGE
#define MADV_HUGEPAGE MADV_NORMAL
#endif
#ifndef MADV_NOHUGEPAGE
#define MADV_NOHUGEPAGE MADV_NORMAL
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE MADV_NORMAL
#endif

// Large pages may cost a thousandth of the time: after one that took long, none is asked for, for a thousand times as long.
enum { LONG = 1000000, RARELY = 1000 }; // ns
static AO_t none_before; // ns

static uint64_t ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// Asks for one large page at [memory], and touches it, so that it is there.
static void make_one_page(char *memory) {
    uint64_t now = ns(CLOCK_MONOTONIC);
    if (now < rc__word_load(&none_before) || madvise(memory, RC__LARGE, MADV_HUGEPAGE))
        return;
    uint64_t began = ns(CLOCK_THREAD_CPUTIME_ID);
    *(volatile char *)memory = 0;
    uint64_t took = ns(CLOCK_THREAD_CPUTIME_ID) - began;
    rc__word_store(&none_before, took > LONG ? now + RARELY * took : 0);
}

// NULL if memory is out.
void *rc__large_new(bool one_page) {
    char *memory = mmap(NULL, 2 * RC__LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    assert((uintptr_t)memory % 4096 == 0);
    size_t before = -(uintptr_t)memory % RC__LARGE;
    if (before)
        munmap(memory, before);
    munmap(memory + before + RC__LARGE, RC__LARGE - before);
    assert((uintptr_t)(memory + before) % RC__LARGE == 0);
    if (one_page)
        make_one_page(memory + before);
    return memory + before;
}

// Makes [from] up to [to], in one block or page of cells, present. It need not succeed.
void rc__large_touch(char *from, const char *to) {
    assert(from < to);
    from -= (uintptr_t)from & 0xFFFF;
    madvise(from, (size_t)(to - from), MADV_POPULATE_WRITE);
}

// Gives back the system's pages from [from] up to [to], but for the first; the addresses stay good. Both are multiples of 64
// KiB. Returns the bytes: none if that is one page, or if the program has locked its memory.
size_t rc__large_strip(char *from, char *to) {
    assert((uintptr_t)from % 0x10000 == 0 && (uintptr_t)to % 0x10000 == 0);
    from += sysconf(_SC_PAGESIZE);
    return from < to && !madvise(from, (size_t)(to - from), MADV_DONTNEED) ? (size_t)(to - from) : 0;
}

// From now on the system does not back the block at [memory] by one large page: that would fill up what was stripped.
void rc__large_split(void *memory) {
    assert((uintptr_t)memory % RC__LARGE == 0);
    madvise(memory, RC__LARGE, MADV_NOHUGEPAGE);
}

// Gives back [bytes] of a block. Address and size are multiples of 64 KiB, so that they are multiples of any page size.
void rc__large_free(void *memory, size_t bytes) {
    assert(memory && bytes > 0);
    assert(bytes <= RC__LARGE && bytes % 0x10000 == 0);
    munmap(memory, bytes);
}

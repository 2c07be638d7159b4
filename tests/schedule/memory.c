// SPDX-License-Identifier: MIT
// The memory of a run: one row of blocks, none used twice, so a block that was freed shows for the rest of the run that
// somebody still uses it. Addresses are the same in each run that makes the same calls.
//
//     | head | block ... | head | block ... |
#include "scheduler.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#ifdef POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)0)
#endif

enum { ROW = 8 << 20, POISON = 0xDD, GRAIN = 16 };

struct head {
    size_t size; // a multiple of GRAIN
    struct head *next_freed;
    bool freed;
};

static _Alignas(4096) char row[ROW];
static unsigned char freed_grain[ROW / GRAIN]; // of a block that was freed
static size_t used, live;
static struct head *last_freed;
static bool is_open; // a run is under way

static bool is_ours(const volatile void *memory) {
    return (const volatile char *)memory >= row && (const volatile char *)memory < row + ROW;
}

static struct head *head_of(void *memory) {
    return (struct head *)(void *)((char *)memory - sizeof(struct head));
}

void memory_begin(void) {
    ASAN_UNPOISON_MEMORY_REGION(row, used);
    memset(freed_grain, 0, used / GRAIN + 1);
    used = live = 0;
    last_freed = NULL;
    is_open = true;
}

void *memory_new(size_t size, size_t align, void *arg) {
    (void)arg;
    if (align < GRAIN)
        align = GRAIN;
    size_t at = (used + sizeof(struct head) + align - 1) / align * align;
    size = (size + GRAIN - 1) / GRAIN * GRAIN;
    if (at + size > ROW)
        failed("a run needs more than %d bytes", ROW);
    used = at + size;
    live++;
    *head_of(row + at) = (struct head){.size = size};
    return row + at;
}

void memory_free(void *memory, size_t size, void *arg) {
    (void)size;
    (void)arg;
    struct head *head = head_of(memory);
    if (head->freed)
        failed("%p is freed twice", memory);
    head->freed = true;
    head->next_freed = last_freed;
    last_freed = head;
    live--;
    memset(memory, POISON, head->size);
    memset(freed_grain + ((char *)memory - row) / GRAIN, 1, head->size / GRAIN);
    ASAN_POISON_MEMORY_REGION(memory, head->size);
}

void memory_look(const volatile void *word) {
    if (is_ours(word) && freed_grain[((const volatile char *)word - row) / GRAIN])
        failed("an operation on %p, which was freed", (void *)(uintptr_t)word);
}

void memory_end(void) {
    is_open = false;
    if (live)
        failed("%zu blocks of memory are left", live);
    ASAN_UNPOISON_MEMORY_REGION(row, used);
    for (const struct head *head = last_freed; head; head = head->next_freed) {
        const unsigned char *block = (const unsigned char *)(head + 1);
        if (head->size && (*block != POISON || memcmp(block, block + 1, head->size - 1) != 0))
            failed("%p was written to after it was freed", (const void *)block);
    }
}

// What the runtime gets from malloc is of the row, too (the linker's --wrap).
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size) {
    return is_open ? memory_new(size, GRAIN, NULL) : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return is_open ? memset(memory_new(n * size, GRAIN, NULL), 0, n * size) : __real_calloc(n, size);
}

void __wrap_free(void *memory) {
    if (is_ours(memory))
        memory_free(memory, 0, NULL);
    else
        __real_free(memory);
}

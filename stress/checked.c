// SPDX-License-Identifier: MIT
// The checked allocator. Freed blocks wait in a ring, painted, so that writing to them, or freeing them twice, is seen.
#include "checked.h"

#include "peek.h"
#include "shadow.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING = 256, PAINT = 0xDD, HEAD = 32 };

struct head {
    size_t size;
    uint64_t state;
};
#define HELD UINT64_C(0xC0FFEE0123456789)
#define FREED UINT64_C(0xDEADBEEF87654321)

static struct head *waiting[WAITING];
static unsigned next;
static size_t blocks;

uint64_t harness_fail_at, harness_asked;
bool harness_fail_forever;
volatile int harness_exempt;

size_t checked_blocks(void) {
    return blocks;
}

static void *checked_alloc(size_t size, size_t align, void *arg) {
    (void)arg;
    if (align > 16)
        fail("allocator", "asked for memory aligned to %zu", align);
    char *memory = malloc(HEAD + size);
    if (!memory)
        return NULL;
    *(struct head *)(void *)memory = (struct head){size, HELD};
    memset(memory + HEAD, 0xAA, size);
    blocks++;
    return memory + HEAD;
}

static void look_again(struct head *head) {
    if (!head)
        return;
    const unsigned char *p = (unsigned char *)head + HEAD;
    for (size_t i = 0; i < head->size; i++)
        if (p[i] != PAINT)
            fail("freed", "freed memory was written to, at %zu of %zu", i, head->size);
    free(head);
}

static void checked_free(void *memory, size_t size, void *arg) {
    (void)arg;
    struct head *head = (struct head *)(void *)((char *)memory - HEAD);
    if (head->state != HELD || head->size != size)
        fail("allocator", "%zu bytes are freed that were %s", size,
             head->state == FREED ? "freed before" : "never given");
    head->state = FREED;
    blocks--;
    if (size > 8192) { // too much to be painted each time
        free(head);
        return;
    }
    memset(memory, PAINT, size);
    look_again(waiting[next % WAITING]);
    waiting[next++ % WAITING] = head;
}

void checked_flush(void) {
    for (int i = 0; i < WAITING; i++) {
        look_again(waiting[i]);
        waiting[i] = NULL;
    }
}

const struct rc_allocator checked_allocator = {checked_alloc, checked_free, NULL};

void *harness_alloc(size_t size) {
    harness_exempt++;
    void *memory = calloc(1, size);
    harness_exempt--;
    if (!memory)
        abort();
    return memory;
}

void harness_free(void *memory) {
    free(memory);
}

size_t memory_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    size_t used = info.uordblks + info.hblkhd, kept = peek_kept();
    return used > kept ? used - kept : 0;
}

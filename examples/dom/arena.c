// SPDX-License-Identifier: MIT
// Chunks of 256 KiB, or as large as the one block that needs more. Zeroed: gumbo 0.10.1 reads a field that it has not
// set (in the context of some fragments), and what a page becomes should not depend on what lay in memory.
#include "arena.h"
#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK = 256 * 1024, ALIGN = alignof(max_align_t) };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) char memory[];
};

static struct arena_chunk *chunk_new(struct arena *arena, size_t size) {
    struct arena_chunk *c = calloc(1, sizeof *c + size);
    if (c) {
        c->next = arena->chunks;
        c->size = size;
        arena->chunks = c;
    }
    return c;
}

void *arena_alloc(void *arg, size_t size) {
    struct arena *arena = arg;
    if (size > arena->limit - arena->used) longjmp(arena->out_of_memory, 1);
    size_t room = (size + ALIGN - 1) / ALIGN * ALIGN;
    struct arena_chunk *c = arena->chunks;
    if (!c || room > c->size - c->used) c = chunk_new(arena, room > CHUNK ? room : CHUNK);
    if (!c) longjmp(arena->out_of_memory, 1);
    arena->used += size;
    c->used += room;
    return c->memory + c->used - room;
}

void arena_keep(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

void arena_free(struct arena *arena) {
    while (arena->chunks) {
        struct arena_chunk *c = arena->chunks;
        arena->chunks = c->next;
        free(c);
    }
}

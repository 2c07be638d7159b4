// SPDX-License-Identifier: MIT
// Memory that is given back all at once: gumbo builds its tree in one. (gumbo_destroy_output recurses on the depth of
// the tree, and gumbo does not look at what malloc returns; here neither matters.)
#ifndef ARENA_H
#define ARENA_H

#include <setjmp.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; // the newest first; it is the one with room
    size_t used, limit;         // bytes asked for so far, and how many may be
    jmp_buf out_of_memory;      // where arena_alloc jumps to
};

// For GumboOptions: [arena] is a struct arena.
void *arena_alloc(void *arena, size_t size);
void arena_keep(void *arena, void *memory); // the free of an arena: does nothing

void arena_free(struct arena *arena);

#endif

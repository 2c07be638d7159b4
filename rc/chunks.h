// SPDX-License-Identifier: MIT
// Arrays in chunks: they grow without copying what they hold, so growing is no pause, and they give memory back piece by
// piece. Only the table of chunks is copied when it is full, which is a thousandth of the memory. Not installed.
//
// All but the first few chunks come in large blocks (large.c). That is also for the suspect buffer and the inbox, which have
// room for each object and are empty most of the time: what is not used of a large block is never touched, while each block of
// malloc's has a header.
#ifndef RC_CHUNKS_H
#define RC_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>

struct rc_heap;
struct rc__header;

struct rc__chunks {
    void **chunk;
    size_t chunks, capacity; // allocated chunks; room in the table of them
};

#define RC__CHUNKS_SINGLE 8 // so many are blocks of their own; of a heap without pages, all

// One chunk more, or as many as a large block has room for, which is to be backed by [one_page]. false if memory is out.
bool rc__chunks_grow(struct rc_heap *heap, struct rc__chunks *c, size_t chunk_bytes, bool one_page);
// Gives back all but [keep] chunks, which were single ones, and the table with the last.
void rc__chunks_free(struct rc_heap *heap, struct rc__chunks *c, size_t keep, size_t chunk_bytes);

// Of pointers to objects. Makes sure that there are [chunks] chunks; there may be more then. false if memory is out; those that
// it got stay.
bool rc__pointers_reserve(struct rc_heap *heap, struct rc__chunks *c, size_t chunks);
// Gives back about [most] bytes of those chunks that are not among the first [keep]. Returns how many.
size_t rc__pointers_trim(struct rc_heap *heap, struct rc__chunks *c, size_t keep, size_t most);
void rc__pointers_free(struct rc_heap *heap, struct rc__chunks *c);

#define RC__CHUNK_POINTERS 4096
static inline struct rc__header **rc__pointer_at(const struct rc__chunks *c, size_t i) {
    return (struct rc__header **)c->chunk[i / RC__CHUNK_POINTERS] + i % RC__CHUNK_POINTERS;
}

#endif

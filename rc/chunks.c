// SPDX-License-Identifier: MIT
// Arrays in chunks: they grow without copying what they hold, so growing is no pause, and they give memory back piece by
// piece. Only the table of chunks is copied when it is full, which is a thousandth of the memory.
//
// The suspect buffer and the inbox, which have room for each object and are empty most of the time, get all but their first
// chunks in large blocks: so much memory is never touched, while a block of malloc's has a header.
#include "object.h"

// Makes sure that the table has room for [chunks] chunks.
bool rc__chunks_table(struct rc_heap *heap, struct cc_chunks *c, size_t chunks) {
    assert(c->chunks <= c->capacity);
    assert((c->capacity > 0) == (c->chunk != NULL));
    if (chunks <= c->capacity)
        return true;
    size_t capacity = c->capacity ? 2 * c->capacity : 8;
    while (capacity < chunks)
        capacity *= 2;
    void **table = rc__uncounted(heap, capacity * sizeof *table);
    if (!table)
        return false;
    if (c->chunks)
        memcpy(table, c->chunk, c->chunks * sizeof *table);
    rc__uncounted_free(heap, c->chunk, c->capacity * sizeof *table);
    c->chunk = table;
    c->capacity = capacity;
    assert(c->capacity >= chunks);
    return true;
}

// Makes sure that [c] has [chunks] chunks. false if memory is out; those that it got stay.
bool rc__chunks_reserve(struct rc_heap *heap, struct cc_chunks *c, size_t chunks, size_t chunk_bytes) {
    assert(chunk_bytes > 0 && c->chunks <= c->capacity && (c->capacity > 0) == (c->chunk != NULL));
    if (!rc__chunks_table(heap, c, chunks))
        return false;
    while (c->chunks < chunks) {
        void *chunk = rc__uncounted(heap, chunk_bytes);
        if (!chunk)
            return false;
        c->chunk[c->chunks++] = chunk;
        assert(c->chunks <= c->capacity);
    }
    return true;
}

enum { SINGLE = 8, IN_LARGE = RC__LARGE / (RC__CHUNK_POINTERS * sizeof(void *)) };

// The same of chunks of pointers; there may be more then. What gives them back is below.
bool rc__pointers_reserve(struct rc_heap *heap, struct cc_chunks *c, size_t chunks) {
    while (c->chunks < chunks) {
        if (!heap->blocks.paged || c->chunks < SINGLE) {
            if (!rc__chunks_reserve(heap, c, c->chunks + 1, RC__CHUNK_POINTERS * sizeof(void *)))
                return false;
            continue;
        }
        char *block = rc__chunks_table(heap, c, c->chunks + IN_LARGE) ? rc__large_new(false) : NULL;
        if (!block)
            return false;
        for (size_t i = 0; i < IN_LARGE; i++)
            c->chunk[c->chunks++] = block + i * (RC__LARGE / IN_LARGE);
    }
    return true;
}

// Gives back about [most] bytes of those chunks of pointers that are not among the first [keep]. Returns how many.
size_t rc__pointers_trim(struct rc_heap *heap, struct cc_chunks *c, size_t keep, size_t most) {
    size_t before = c->chunks, chunk_bytes = RC__CHUNK_POINTERS * sizeof(void *);
    while (c->chunks > keep && (before - c->chunks) * chunk_bytes < most) {
        if (!heap->blocks.paged || c->chunks <= SINGLE) {
            rc__chunks_free(heap, c, c->chunks - 1, chunk_bytes);
            continue;
        }
        if (c->chunks - IN_LARGE < keep)
            break;
        c->chunks -= IN_LARGE;
        rc__large_free(c->chunk[c->chunks], RC__LARGE);
    }
    return (before - c->chunks) * chunk_bytes;
}

void rc__pointers_free(struct rc_heap *heap, struct cc_chunks *c) {
    rc__pointers_trim(heap, c, 0, SIZE_MAX);
    rc__chunks_free(heap, c, 0, RC__CHUNK_POINTERS * sizeof(void *)); // the table, if there was memory for it only
}

// Gives back all but [keep] chunks, and the table with the last.
void rc__chunks_free(struct rc_heap *heap, struct cc_chunks *c, size_t keep, size_t chunk_bytes) {
    assert(chunk_bytes > 0);
    assert((c->capacity > 0) == (c->chunk != NULL));
    assert(c->chunks <= c->capacity);
    while (c->chunks > keep)
        rc__uncounted_free(heap, c->chunk[--c->chunks], chunk_bytes);
    if (!c->chunks) {
        rc__uncounted_free(heap, c->chunk, c->capacity * sizeof *c->chunk);
        *c = (struct cc_chunks){0};
    }
}

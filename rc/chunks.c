// SPDX-License-Identifier: MIT
// Arrays in chunks: they grow without copying what they hold, so growing is no pause, and they give memory back piece by
// piece. Only the table of chunks is copied when it is full, which is a thousandth of the memory.
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
    void **table = rc__memory(heap, capacity * sizeof *table);
    if (!table)
        return false;
    if (c->chunks)
        memcpy(table, c->chunk, c->chunks * sizeof *table);
    rc__memory_free(heap, c->chunk, c->capacity * sizeof *table);
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
        void *chunk = rc__memory(heap, chunk_bytes);
        if (!chunk)
            return false;
        c->chunk[c->chunks++] = chunk;
        assert(c->chunks <= c->capacity);
    }
    return true;
}

// Gives back all but [keep] chunks, and the table with the last.
void rc__chunks_free(struct rc_heap *heap, struct cc_chunks *c, size_t keep, size_t chunk_bytes) {
    assert(chunk_bytes > 0);
    assert((c->capacity > 0) == (c->chunk != NULL));
    assert(c->chunks <= c->capacity);
    while (c->chunks > keep)
        rc__memory_free(heap, c->chunk[--c->chunks], chunk_bytes);
    if (!c->chunks) {
        rc__memory_free(heap, c->chunk, c->capacity * sizeof *c->chunk);
        *c = (struct cc_chunks){0};
    }
}

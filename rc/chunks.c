// SPDX-License-Identifier: MIT
// See chunks.h.
#include "object.h"

// Makes sure that the table has room for [chunks] chunks.
static bool table_room(struct rc_heap *heap, struct rc__chunks *c, size_t chunks) {
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

bool rc__chunks_grow(struct rc_heap *heap, struct rc__chunks *c, size_t chunk_bytes, bool one_page) {
    assert(chunk_bytes > 0 && chunk_bytes <= RC__LARGE);
    bool single = !heap->blocks.paged || c->chunks < RC__CHUNKS_SINGLE;
    size_t n = single ? 1 : RC__LARGE / chunk_bytes;
    if (!table_room(heap, c, c->chunks + n))
        return false;
    char *block = single ? rc__uncounted(heap, chunk_bytes) : rc__large_new(one_page);
    if (!block)
        return false;
    for (size_t i = 0; i < n; i++)
        c->chunk[c->chunks++] = block + i * chunk_bytes;
    assert(c->chunks <= c->capacity);
    return true;
}

void rc__chunks_free(struct rc_heap *heap, struct rc__chunks *c, size_t keep, size_t chunk_bytes) {
    assert(chunk_bytes > 0);
    assert((c->capacity > 0) == (c->chunk != NULL));
    assert(c->chunks <= c->capacity);
    while (c->chunks > keep)
        rc__uncounted_free(heap, c->chunk[--c->chunks], chunk_bytes);
    if (!c->chunks) {
        rc__uncounted_free(heap, c->chunk, c->capacity * sizeof *c->chunk);
        *c = (struct rc__chunks){0};
    }
}

// ---- chunks of pointers

enum { POINTERS_BYTES = RC__CHUNK_POINTERS * sizeof(void *), IN_LARGE = RC__LARGE / POINTERS_BYTES };

bool rc__pointers_reserve(struct rc_heap *heap, struct rc__chunks *c, size_t chunks) {
    while (c->chunks < chunks)
        if (!rc__chunks_grow(heap, c, POINTERS_BYTES, false))
            return false;
    return true;
}

size_t rc__pointers_trim(struct rc_heap *heap, struct rc__chunks *c, size_t keep, size_t most) {
    size_t before = c->chunks;
    while (c->chunks > keep && (before - c->chunks) * POINTERS_BYTES < most) {
        if (!heap->blocks.paged || c->chunks <= RC__CHUNKS_SINGLE) {
            rc__chunks_free(heap, c, c->chunks - 1, POINTERS_BYTES);
            continue;
        }
        if (c->chunks - IN_LARGE < keep)
            break;
        c->chunks -= IN_LARGE;
        rc__large_free(c->chunk[c->chunks], RC__LARGE);
    }
    return (before - c->chunks) * POINTERS_BYTES;
}

void rc__pointers_free(struct rc_heap *heap, struct rc__chunks *c) {
    rc__pointers_trim(heap, c, 0, SIZE_MAX);
    rc__chunks_free(heap, c, 0, POINTERS_BYTES); // the table, if there was memory for it only
}

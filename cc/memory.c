// SPDX-License-Identifier: MIT
// The memory of the graph. It is touched from one end to the other, once, and given back. All but the first chunks come in
// large blocks (rc/large.c); a collection without a time limit asks for large pages for the first of these, and for the
// others to be present at once, one that is sliced does not.
//
//     | chunk | ... | chunk |    | chunk, chunk ...   |    | chunk, chunk ...   |
//       SINGLE, from the           a block                   a block
//       heap's allocator
//
// A heap without pages (block.c) has no blocks either: its memory is its allocator's, and of interest to tools.
#include "cc/graph.h"

enum { SINGLE = 8, PAGES = 12 };

// At least one chunk more. false if memory is out.
bool cc_memory_grow(struct rc_heap *heap, struct cc_chunks *c, size_t chunk_bytes) {
    if (!heap->blocks.paged || c->chunks < SINGLE)
        return rc__chunks_reserve(heap, c, c->chunks + 1, chunk_bytes);
    size_t n = RC__LARGE / chunk_bytes;
    const struct cc_budget *budget = heap->cc.budget;
    bool sliced = budget && budget->deadline != UINT64_MAX;
    enum rc__large how = sliced ? RC__LARGE_PLAIN : c->chunks < PAGES * n ? RC__LARGE_PAGE : RC__LARGE_AT_ONCE;
    char *block = rc__chunks_table(heap, c, c->chunks + n) ? rc__large_new(how) : NULL;
    if (!block)
        return false;
    for (size_t i = 0; i < n; i++)
        c->chunk[c->chunks++] = block + i * chunk_bytes;
    return true;
}

// Gives the last chunk back, or the last block.
void cc_memory_shrink(struct rc_heap *heap, struct cc_chunks *c, size_t chunk_bytes) {
    if (!heap->blocks.paged || c->chunks <= SINGLE) {
        rc__chunks_free(heap, c, c->chunks - 1, chunk_bytes);
    } else {
        c->chunks -= RC__LARGE / chunk_bytes;
        rc__large_free(c->chunk[c->chunks]);
    }
}

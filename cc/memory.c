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

static bool is_sliced(const struct rc_heap *heap) {
    return heap->cc.budget && heap->cc.budget->deadline != UINT64_MAX;
}

// At least one chunk more. false if memory is out.
static bool grow(struct rc_heap *heap, struct cc_chunks *c, size_t chunk_bytes) {
    if (!heap->blocks.paged || c->chunks < SINGLE)
        return rc__chunks_reserve(heap, c, c->chunks + 1, chunk_bytes);
    size_t n = RC__LARGE / chunk_bytes;
    enum rc__large how = is_sliced(heap) ? RC__LARGE_PLAIN : c->chunks < PAGES * n ? RC__LARGE_PAGE : RC__LARGE_AT_ONCE;
    char *block = rc__chunks_table(heap, c, c->chunks + n) ? rc__large_new(how) : NULL;
    if (!block)
        return false;
    for (size_t i = 0; i < n; i++)
        c->chunk[c->chunks++] = block + i * chunk_bytes;
    return true;
}

// Room for some nodes more; false if memory is out, and says so.
bool cc_more_nodes(struct rc_heap *heap) {
    struct cc *cc = &heap->cc;
    if (cc->node_count >= RC__INDEX_MAX - 2 * CC_NODES || !grow(heap, &cc->nodes, CC_NODE_BYTES)) {
        cc->out_of_memory = true;
        return false;
    }
    cc->node_room = cc->nodes.chunks * (size_t)CC_NODES;
    return true;
}

// The same for edges.
bool cc_more_edges(struct rc_heap *heap) {
    struct cc *cc = &heap->cc;
    if (cc->edge_room >= CC_NONE - CC_EDGES || !grow(heap, &cc->edges, CC_EDGE_BYTES)) {
        cc->out_of_memory = true;
        return false;
    }
    cc->edge_room = cc->edges.chunks * (size_t)CC_EDGES;
    return true;
}

static char *up(char *p) {
    return p + (-(uintptr_t)p & 0xFFFF);
}

// Gives the last chunk back; without a time limit, the block that it lies in, or what is left of that.
void cc_memory_shrink(struct rc_heap *heap, struct cc_chunks *c, size_t chunk_bytes) {
    if (!heap->blocks.paged || c->chunks <= SINGLE) {
        rc__chunks_free(heap, c, c->chunks - 1, chunk_bytes);
        return;
    }
    char *last = c->chunk[c->chunks - 1];
    size_t before = (uintptr_t)last % RC__LARGE / chunk_bytes, n = is_sliced(heap) ? 1 : before + 1;
    char *from = n == before + 1 ? last - before * chunk_bytes : up(last);
    char *to = before + 1 == RC__LARGE / chunk_bytes ? last - before * chunk_bytes + RC__LARGE : up(last + chunk_bytes);
    c->chunks -= n;
    rc__large_free(from, (size_t)(to - from));
}

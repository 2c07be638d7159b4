// SPDX-License-Identifier: MIT
// The memory of the graph. It is touched from one end to the other, once, and given back. All but the first few chunks come in
// large blocks (rc/large.c). A collection without a time limit asks for large pages for these; where it gets none, it has some
// chunks at a time made present. One that is sliced does neither.
//
//     | chunk | ... | chunk |    | chunk, chunk ...   |    | chunk, chunk ...   |
//       the first few, from        a block                   a block
//       the heap's allocator
//
// A heap without pages (block.c) has no blocks either: its memory is its allocator's, and of interest to tools.
#include "cc/graph.h"

enum { TOUCH = 4 }; // chunks

static bool is_sliced(const struct rc_heap *heap) {
    return heap->cc.budget && heap->cc.budget->deadline != UINT64_MAX;
}

// So far [used] chunks of [c] are in use. Takes some more into use, and returns how many there are then; 0 if memory is out.
static size_t more_room(struct rc_heap *heap, struct rc__chunks *c, size_t used, size_t chunk_bytes) {
    assert(used <= c->chunks);
    if (used == c->chunks && !rc__chunks_grow(heap, c, chunk_bytes, !is_sliced(heap)))
        return 0;
    size_t n = c->chunks - used < TOUCH ? c->chunks - used : TOUCH;
    assert(n > 0);
    if (heap->blocks.paged && used >= RC__CHUNKS_SINGLE && !is_sliced(heap))
        rc__large_touch(c->chunk[used], (char *)c->chunk[used + n - 1] + chunk_bytes);
    return used + n;
}

// Room for some more nodes; false, with out_of_memory set, if memory is out, or the numbers of nodes.
bool cc_more_nodes(struct rc_heap *heap) {
    assert(heap->cc.node_count <= heap->cc.node_room && heap->cc.node_room % CC_NODES == 0);
    struct cc *cc = &heap->cc;
    size_t chunks = 0;
    if (cc->node_count < RC__INDEX_MAX - 2 * CC_NODES) // LCOV_EXCL_BR_LINE: 2^27 nodes do not fit into a test
        chunks = more_room(heap, &cc->nodes, cc->node_room / CC_NODES, CC_NODE_BYTES);
    cc->node_room = chunks ? chunks * CC_NODES : cc->node_room;
    cc->out_of_memory |= !chunks;
    return chunks;
}

// The same for edges.
bool cc_more_edges(struct rc_heap *heap) {
    assert(heap->cc.edge_count <= heap->cc.edge_room && heap->cc.edge_room % CC_EDGES == 0);
    struct cc *cc = &heap->cc;
    size_t chunks = 0;
    if (cc->edge_room < CC_NONE - CC_EDGES) // LCOV_EXCL_BR_LINE: 2^32 edges do not fit into a test
        chunks = more_room(heap, &cc->edges, cc->edge_room / CC_EDGES, CC_EDGE_BYTES);
    cc->edge_room = chunks ? chunks * CC_EDGES : cc->edge_room;
    cc->out_of_memory |= !chunks;
    return chunks;
}

static char *up(char *p) {
    return p + (-(uintptr_t)p & 0xFFFF);
}

// Gives the last chunk back; without a time limit, the block that it lies in, or what is left of that.
void cc_memory_shrink(struct rc_heap *heap, struct rc__chunks *c, size_t chunk_bytes) {
    assert(rc__is_mine(heap) && c->chunks > 0);
    if (!heap->blocks.paged || c->chunks <= RC__CHUNKS_SINGLE) {
        rc__chunks_free(heap, c, c->chunks - 1, chunk_bytes);
        return;
    }
    char *last = c->chunk[c->chunks - 1];
    size_t before = (uintptr_t)last % RC__LARGE / chunk_bytes, n = is_sliced(heap) ? 1 : before + 1;
    assert(n <= c->chunks - RC__CHUNKS_SINGLE);
    char *from = n == before + 1 ? last - before * chunk_bytes : up(last);
    char *to = before + 1 == RC__LARGE / chunk_bytes ? last - before * chunk_bytes + RC__LARGE : up(last + chunk_bytes);
    assert(from <= to);
    c->chunks -= n;
    rc__large_free(from, (size_t)(to - from));
}

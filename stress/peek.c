// SPDX-License-Identifier: MIT
// See peek.h.
#include "peek.h"

#include "rc/object.h"

bool peek_in_graph(const void *obj) {
    return RC__HEADER((void *)(uintptr_t)obj)->word & RC__GRAPH;
}

size_t peek_husks(const struct rc_heap *heap) {
    return heap->husks;
}

bool peek_is_ending(const struct rc_heap *heap) {
    return heap->ending;
}

size_t peek_kept(void) {
    return rc__place_bytes();
}

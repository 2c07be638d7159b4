// SPDX-License-Identifier: MIT
// The few looks into the library that the figures need; no check leans on more than these.
#ifndef STRESS_PEEK_H
#define STRESS_PEEK_H

#include <stdbool.h>
#include <stddef.h>

struct rc_heap;

// Whether [obj] is a node of the collector's graph.
bool peek_in_graph(const void *obj);
// Objects of [heap] that are destroyed and whose memory waits.
size_t peek_husks(const struct rc_heap *heap);
// rc_heap_free is past its finalizers.
bool peek_is_ending(const struct rc_heap *heap);
// What the library keeps for good, in bytes: in checked builds its map of where objects lie grows with the addresses that
// malloc gives out (rc/place.c).
size_t peek_kept(void);

#endif

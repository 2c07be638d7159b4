// SPDX-License-Identifier: MIT
// Refcyc: reference counting for C with a cycle collector that works in idle time.
//
// Counting frees promptly; cycles (node -> listener -> node) leak. Refcyc counts, and collects the cycles in slices of a
// size that the program chooses. A whole program (examples/hello.c):
//
//     #include <refcyc/refcyc.h>
//     #include <stdio.h>
//
//     struct node { struct node *next; };
//     static void node_destroy(void *obj) { printf("node %p is gone\n", obj); }
//     RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)), .destroy = node_destroy);
//
//     int main(void) {
//         struct node *a = rc_new(&node_type);   // a handle: ours, to be released
//         struct node *b = rc_new(&node_type);
//         rc_set(&a->next, b);                   // a -> b: a link, and our handle stays
//         rc_give(&b->next, a);                  // b -> a: our handle becomes the link
//         rc_release(b);                         // a and b now hold each other, and nobody else does
//         printf("collected: %zu\n", rc_collect());
//         return rc_heap_free(rc_heap_default()) != 0;
//     }
//
// type.h     what an object holds             heap.h     one graph, one collector, one thread at a time
// object.h   handles, links and slots         collect.h  the collector, whole or in slices
// weak.h     weak references                  fault.h    what happens on misuse
// pace.h     when to collect                  pauses.h   how long the program was kept waiting
//
// Containers, each an object like any other, of links, weak references, plain values or structs (element.h):
//
// array.h    a growing array                  list.h     a linked list whose positions stay good
// map.h      a hash map                       set.h      a hash set
// string.h   immutable strings                box.h      one value, or one native resource
// weak_map.h entries that hang on their keys (ephemerons)
//
// inspect.h  why an object is alive, what was never released, whether counts are right
#ifndef REFCYC_REFCYC_H
#define REFCYC_REFCYC_H

#include "base.h"
#include "type.h"
#include "object.h"
#include "heap.h"
#include "collect.h"
#include "pace.h"
#include "pauses.h"
#include "weak.h"
#include "fault.h"

#include "element.h"
#include "array.h"
#include "list.h"
#include "map.h"
#include "set.h"
#include "string.h"
#include "box.h"
#include "weak_map.h"

#include "inspect.h"

#endif

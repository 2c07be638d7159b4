// SPDX-License-Identifier: MIT
// The program in the introduction of refcyc.h: two nodes that hold each other, and the collector that finds them.
#include <refcyc/refcyc.h>
#include <stdio.h>

struct node { struct node *next; };
static void node_destroy(void *obj) { printf("node %p is gone\n", obj); }
RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)), .destroy = node_destroy);

int main(void) {
    struct node *a = rc_new(&node_type);   // a handle: ours, to be released
    struct node *b = rc_new(&node_type);
    rc_set(&a->next, b);                   // a -> b: a link, and our handle stays
    rc_give(&b->next, a);                  // b -> a: our handle becomes the link
    rc_release(b);                         // a and b now hold each other, and nobody else does
    printf("collected: %zu\n", rc_collect());
    return rc_heap_free(rc_heap_default()) != 0;
}

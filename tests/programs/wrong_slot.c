// SPDX-License-Identifier: MIT
// Puts a leaf into a slot for nodes. With WRONG undefined it compiles; with each of WRONG=1 to 6 it must not.
#include <refcyc/refcyc.h>

struct leaf { int value; };
struct node { struct node *next; struct leaf *leaf; };

void wrong(struct node *node, struct leaf *leaf);
void wrong(struct node *node, struct leaf *leaf) {
#if WRONG == 1
    rc_set(&node->next, leaf);
#elif WRONG == 2
    rc_give(&node->next, leaf);
#elif WRONG == 3
    rc_move(&node->next, &node->leaf);
#elif WRONG == 4
    rc_swap(&node->next, &node->leaf);
#elif WRONG == 5
    struct node *taken = rc_take(&node->leaf);
    rc_release(taken);
#elif WRONG == 6
    struct node *retained = rc_retain(leaf);
    rc_release(retained);
#else
    void *any = node;
    rc_set(&node->leaf, leaf);
    rc_set(&node->next, any);
    rc_set(&node->next, NULL);
    rc_give(&any, leaf);
    rc_clear(&node->next);
#endif
}

// SPDX-License-Identifier: MIT
// A plugin that makes a cycle and says how many objects were collected.
#include <refcyc/refcyc.h>

struct node {
    struct node *next;
};
static RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)));

size_t plugin_run(void);

size_t plugin_run(void) {
    struct node *a = rc_new(&node_type), *b = rc_new(&node_type);
    if (!a || !b)
        return 0;
    rc_set(&a->next, b);
    rc_give(&b->next, a);
    rc_release(b);
    return rc_collect() + rc_heap_free(rc_heap_default());
}

// SPDX-License-Identifier: MIT
// Forgets a release on one of its ways out: gcc -fanalyzer has to say so (tests/test_programs.c).
#include <refcyc/refcyc.h>

struct node { struct node *next; int wanted; };
RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)));

static int look(struct node *theirs) {
    struct node *mine = rc_retain(theirs);
    if (mine->wanted)
        return 1; // forgotten here
    rc_release(mine);
    return 0;
}

int main(void) {
    struct node *node = rc_new(&node_type);
    if (!node)
        return 1;
    int found = look(node);
    rc_release(node);
    return found;
}

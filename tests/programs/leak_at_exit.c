// SPDX-License-Identifier: MIT
// Ends with an object that nothing leads to and that was never released: LeakSanitizer has to say so, whatever tables the
// library keeps (tests/test_programs.c).
#include <refcyc/refcyc.h>

struct node { struct node *next; };
RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)));

static void __attribute__((noinline)) lose(void) {
    struct node *node = rc_new(&node_type);
    struct node *other = rc_new(&node_type);
    rc_set(&node->next, other); // and one that only the lost one leads to, which was a suspect
    rc_release(other);
}

int main(void) {
    lose();
    volatile char over_the_stack[4096];
    for (int i = 0; i < (int)sizeof over_the_stack; i++)
        over_the_stack[i] = 0;
    return 0;
}

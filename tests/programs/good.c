// SPDX-License-Identifier: MIT
// Keeps to the idiom of base.h, each handle in a variable of its own: gcc -fanalyzer has nothing to say (and the program
// ends with status 0).
#include <refcyc/refcyc.h>

struct node { struct node *next; int value; };
RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)));

static struct node *make(int value, struct node *next) {
    struct node *node = rc_new(&node_type);
    if (node) {
        node->value = value;
        rc_set(&node->next, next);
    }
    return node;
}

static int first_value(struct node *theirs) {
    RC_AUTO struct node *mine = rc_retain(theirs);
    if (!mine)
        return -1;
    return mine->value;
}

static struct node *second(const struct node *node) {
    return node && node->next ? rc_retain(node->next) : NULL;
}

int main(void) {
    struct node *tail = make(2, NULL);
    struct node *head = make(1, tail);
    rc_release(tail);
    struct node *other = second(head);
    int sum = first_value(head) + first_value(other);
    rc_release(other);
    struct node *taken = head ? rc_take(&head->next) : NULL;
    rc_release(taken);
    rc_release(head);
    return sum != 3 || rc_heap_free(rc_heap_default()) != 0;
}

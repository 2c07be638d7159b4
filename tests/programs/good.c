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

// An element is used without asking whether it is NULL: the program knows that it is not.
static int sum_of(const struct rc_array *nodes) {
    int sum = 0;
    for (size_t i = 0; i < rc_array_size(nodes); i++)
        sum += ((struct node *)rc_array_get(nodes, i))->value + (*(struct node **)rc_array_at(nodes, i))->value;
    return sum;
}

static int sum_of_all(struct rc_list *nodes) {
    int sum = 0;
    struct rc_list_iter it = rc_list_iter(nodes);
    while (rc_list_step(&it) == RC_ITER_ITEM)
        sum += (*(struct node **)it.element)->value;
    return sum;
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
    struct rc_array *nodes = rc_array_new(&rc_link_element);
    if (head && rc_array_push(nodes, head))
        sum += sum_of(nodes);
    rc_release(nodes);
    struct rc_list *list = rc_list_new(&rc_link_element);
    if (head && !rc_list_is_none(rc_list_push_back(list, head)))
        sum += sum_of_all(list);
    rc_release(list);
    rc_release(head);
    return sum != 6 || rc_heap_free(rc_heap_default()) != 0;
}

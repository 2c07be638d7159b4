// SPDX-License-Identifier: MIT
// The tree: making nodes, and linking them.
//
// Every change goes through rc_set, rc_move and rc_clear, and keeps, from one call to the next:
//
//   T1  A node's parent is set if and only if the parent leads to it, by first and then next. That is what its RC_OWNER
//       slot promises.
//   T2  first, last, prev and next agree, as in any doubly linked list.
//   T3  All nodes of a tree have the document of its root.
//
// Pointers without a handle are fine in here: no slice of collection can run before the function returns, and each node
// that is still needed is linked from another one before its last link goes.
#include "dom.h"
#include "observer.h"
#include <string.h>

RC_TYPE(event_target, struct event_target, .slots = RC_SLOTS(RC_LINK(struct event_target, listeners)));

RC_TYPE(node, struct node,
        .slots = RC_SLOTS(RC_OWNER_TO(struct node, parent, node_type), RC_LINK_TO(struct node, first, node_type),
                          RC_LINK_TO(struct node, last, node_type), RC_LINK_TO(struct node, prev, node_type),
                          RC_LINK_TO(struct node, next, node_type), RC_LINK_TO(struct node, document, document_type)),
        .base = &event_target_type);

RC_TYPE(element, struct element,
        .slots = RC_SLOTS(RC_LINK_TO(struct element, tag, string_type),
                          RC_LINK_TO(struct element, attributes, attribute_type)),
        .base = &node_type);

RC_TYPE(anchor, struct anchor, .slots = RC_SLOTS(RC_WEAK(struct anchor, lands)), .base = &element_type);

RC_TYPE(text, struct text, .slots = RC_SLOTS(RC_LINK_TO(struct text, data, string_type)), .base = &node_type);

RC_TYPE(attribute, struct attribute,
        .slots = RC_SLOTS(RC_LINK_TO(struct attribute, name, string_type),
                          RC_LINK_TO(struct attribute, value, string_type)),
        .base = &node_type);

RC_TYPE(document, struct document,
        .slots = RC_SLOTS(RC_LINK_TO(struct document, address, string_type), RC_LINK(struct document, observer),
                          RC_LINK_TO(struct document, opener, document_type)),
        .base = &node_type);

struct document *document_new(const char *address) {
    struct document *d = rc_new(&document_type);
    if (!d) return NULL;
    rc_give(&d->address, string_new(address, strlen(address)));
    if (d->address) return d;
    rc_release(d);
    return NULL;
}

struct element *element_new(struct document *document, struct string *tag) {
    if (!tag) return NULL;
    struct element *e = rc_new(strcmp(tag->text, "a") == 0 ? &anchor_type : &element_type);
    if (!e) return NULL;
    rc_set(&e->node.document, document);
    rc_set(&e->tag, tag);
    return e;
}

struct text *text_new(struct document *document, const char *data, size_t length, bool comment) {
    struct text *t = rc_new(&text_type);
    if (!t) return NULL;
    rc_give(&t->data, string_new(data, length));
    if (t->data) {
        rc_set(&t->node.document, document);
        t->comment = comment;
        return t;
    }
    rc_release(t);
    return NULL;
}

struct element *as_element(struct node *node) {
    return rc_is_a(node, &element_type) ? (struct element *)node : NULL;
}

struct anchor *as_anchor(struct node *node) {
    return rc_is_a(node, &anchor_type) ? (struct anchor *)node : NULL;
}

static struct attribute *attribute_find(const struct element *element, const struct string *name) {
    struct attribute *a = element->attributes;
    while (a && a->name != name) a = (struct attribute *)a->node.next;
    return a;
}

static struct attribute *attribute_add(struct element *element, struct string *name) {
    struct attribute *a = rc_new(&attribute_type);
    if (!a) return NULL;
    rc_set(&a->name, name);
    rc_set(&a->node.document, element->node.document);
    rc_set_slot(&a->node.next, element->attributes); // the untyped form: a slot for nodes, and an attribute
    rc_set(&a->node.parent, &element->node);
    rc_give(&element->attributes, a);
    return a;
}

bool element_set(struct element *element, struct string *name, const char *value, size_t length) {
    struct string *s = name ? string_new(value, length) : NULL;
    if (!s) return false;
    struct attribute *a = attribute_find(element, name);
    if (!a) a = attribute_add(element, name);
    if (a) rc_set(&a->value, s);
    rc_release(s);
    return a != NULL;
}

const struct string *element_get(const struct element *element, const struct string *name) {
    const struct attribute *a = attribute_find(element, name);
    return a ? a->value : NULL;
}

bool node_contains(const struct node *ancestor, const struct node *node) {
    while (node && node != ancestor) node = node->parent;
    return node != NULL;
}

struct node *node_following(const struct node *root, struct node *node) {
    if (node->first) return node->first;
    while (node != root && !node->next) node = node->parent;
    return node == root ? NULL : node->next;
}

// T3: [root] and all that is below it, attributes too, belong to [document] from here on.
static void node_adopt(struct node *root, struct document *document) {
    for (struct node *n = root; n; n = node_following(root, n)) {
        rc_set(&n->document, document);
        n->observed = false;
        struct element *e = as_element(n);
        for (struct node *a = e && e->attributes ? &e->attributes->node : NULL; a; a = a->next)
            rc_set(&a->document, document);
    }
}

bool node_insert(struct node *parent, struct node *child, struct node *before) {
    if (before == child) before = child->next;
    if (child == parent || (child->first && node_contains(child, parent))) return false;
    struct node *mine = child->parent ? node_take(child) : rc_retain(child);
    struct document *document = parent->document ? parent->document : (struct document *)parent;
    if (child->document != document) node_adopt(child, document);

    struct node *after = before ? before->prev : parent->last;
    rc_set(&child->parent, parent);
    rc_set(&child->prev, after);
    rc_set(&child->next, before);
    rc_set(after ? &after->next : &parent->first, child);
    rc_set(before ? &before->prev : &parent->last, child);
    rc_release(mine);
    observer_note(parent, child, true);
    return true;
}

//   parent -> first ... prev <-> child <-> next      child's own links take the place of the links to child
struct node *node_take(struct node *child) {
    struct node *taken = rc_retain(child), *parent = child->parent, *prev = child->prev, *next = child->next;
    if (!parent) return taken;
    observer_note(parent, child, false);
    rc_move(prev ? &prev->next : &parent->first, &child->next);
    rc_move(next ? &next->prev : &parent->last, &child->prev);
    rc_clear(&child->parent);
    return taken;
}

void node_clear(struct node *node) {
    while (node->first) {
        struct node *child = node_take(node->first);
        rc_release(child);
    }
}

// SPDX-License-Identifier: MIT
// Watching and delivery. A watched node has a flag, so that a change finds out with a walk to the root whether anybody
// wants to know of it.
#include "observer.h"

RC_TYPE(record, struct record,
        .slots = RC_SLOTS(RC_LINK_TO(struct record, next, record_type), RC_LINK_TO(struct record, parent, node_type),
                          RC_LINK_TO(struct record, child, node_type)));

RC_TYPE(observer, struct observer,
        .slots = RC_SLOTS(RC_LINK_TO(struct observer, first, record_type),
                          RC_LINK_TO(struct observer, last, record_type),
                          RC_LINK_TO(struct observer, delivered, record_type),
                          RC_WEAK(struct observer, watched)));

bool observer_attach(struct document *document) {
    rc_give(&document->observer, (struct observer *)rc_new(&observer_type));
    return document->observer != NULL;
}

bool observer_watch(struct document *document, struct node *node) {
    struct observer *o = document->observer;
    if (!o || node->observed) return false;
    for (int i = 0; i < OBSERVER_WATCHES; i++)
        if (!o->watched[i]) return node->observed = rc_weak_set(&o->watched[i], node);
    return false;
}

// Without memory for a record the change goes unreported: a page does not break for that.
void observer_note(struct node *parent, struct node *child, bool added) {
    struct document *document = parent->document ? parent->document : (struct document *)parent;
    struct observer *o = document->observer;
    if (!o) return;
    while (parent && !parent->observed) parent = parent->parent;
    if (!parent) return;
    struct record *r = rc_new(&record_type);
    if (!r) return;
    rc_set(&r->parent, parent);
    rc_set(&r->child, child);
    r->added = added;
    rc_set(o->last ? &o->last->next : &o->first, r);
    rc_give(&o->last, r);
}

static bool node_is_in_page(const struct node *node) {
    while (node->parent) node = node->parent;
    return rc_is_a(node, &document_type);
}

// The handle that a weak reference gives keeps a node alive for as long as it is looked at; and a collection that was
// about to free the node has to pass it over, with all that it leads to.
static bool is_in(struct rc_weak *weak, const struct document *document, struct observer_report *report) {
    struct node *node = rc_weak_get(weak);
    bool stays = node && node->document == document;
    report->died += !node;
    rc_release(node);
    return stays;
}

// What is dead, or went to another page, is watched no more.
static void watched_sweep(struct observer *o, const struct document *document, struct observer_report *report) {
    for (int i = 0; i < OBSERVER_WATCHES; i++)
        if (o->watched[i] && !is_in(o->watched[i], document, report)) rc_weak_set(&o->watched[i], NULL);
}

void observer_deliver(struct document *document, struct observer_report *report) {
    struct observer *o = rc_retain(document->observer);
    if (!o) return;
    if (o->first) watched_sweep(o, document, report);
    rc_clear(&o->last);
    rc_move(&o->delivered, &o->first);
    while (o->delivered) {
        report->records++;
        report->stale += !node_is_in_page(o->delivered->child);
        rc_set(&o->delivered, o->delivered->next);
    }
    rc_release(o);
}

// SPDX-License-Identifier: MIT
// The mutation observer of a page: it watches some nodes, and gets a record of each node that comes or goes below them.
// Records wait in the observer, with links to the nodes concerned, until they are delivered between two events. What it
// watches it refers to weakly: being watched keeps no node alive.
#ifndef OBSERVER_H
#define OBSERVER_H

#include "dom.h"
#include "event.h"

enum { OBSERVER_WATCHES = 4 };

struct record {
    struct record *next;
    struct node *parent, *child;
    bool added;
};
extern const struct rc_type record_type;

struct observer {
    struct record *first, *last; // what waits
    struct record *delivered;    // what is being delivered
    struct rc_weak *watched[OBSERVER_WATCHES];
};
extern const struct rc_type observer_type;

// Gives [document] an observer that watches nothing yet.
bool observer_attach(struct document *document);
// Watches [node], of [document], if there is room. A node that died leaves its room to the next.
bool observer_watch(struct document *document, struct node *node);
// Called by the tree: [child] was put under [parent], or is about to leave it.
void observer_note(struct node *parent, struct node *child, bool added);

struct observer_report {
    size_t records; // delivered
    size_t stale;   // of these, about nodes that are in no page any more
    size_t died;    // watched nodes that are dead
};
// Delivers what waits in the observer of [document], adding to [report].
void observer_deliver(struct document *document, struct observer_report *report);

#endif

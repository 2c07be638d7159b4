// SPDX-License-Identifier: MIT
// Events: what happens to a node is told to its listeners and to those of its ancestors. A listener runs a closure, and
// the closure holds whatever its author had at hand, the node itself as a rule. That is the cycle that browsers are
// full of:
//
//      node --listeners--> listener --closure--> closure --held[]--> node
//
#ifndef EVENT_H
#define EVENT_H

#include "dom.h"

struct event {
    struct string *type; // an atom: "click"
    struct node *target, *current;
    struct listener *running;
    bool stopped; // by a handler: goes no further up
};
extern const struct rc_type event_type;

struct closure;
typedef void closure_fn(struct closure *closure, struct event *event);

struct closure {
    closure_fn *run;
    size_t n;
    void *held[]; // n links, to nodes or events
};
extern const struct rc_type closure_type;

struct listener {
    struct listener *next;
    struct string *type;
    struct closure *closure;
};
extern const struct rc_type listener_type;

// A closure with room for [n] objects, empty: a handle.
struct closure *closure_new(closure_fn *run, size_t n);

bool listener_add(struct event_target *target, struct string *type, struct closure *closure);
// Removes the listener of [target] that runs [closure]. Fine while the listeners run.
void listener_remove(struct event_target *target, const struct closure *closure);

// Runs the listeners for [type] of [target] and of its ancestors, from the inside out. Handlers may do anything to the
// tree. Returns how many ran.
size_t event_dispatch(struct node *target, struct string *type);

#endif

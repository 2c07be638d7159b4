// SPDX-License-Identifier: MIT
// Listeners and dispatch. A handler may move, replace or remove the node that it runs for, or remove its own listener;
// so a dispatch holds what it stands on: the event links the node and the listener, and handles keep the node and the
// closure while they are in use. Such short-lived handles are what a browser spends most of its counting on.
#include "event.h"

RC_TYPE(event, struct event,
        .slots = RC_SLOTS(RC_LINK_TO(struct event, type, string_type), RC_LINK_TO(struct event, target, node_type),
                          RC_LINK_TO(struct event, current, node_type),
                          RC_LINK_TO(struct event, running, listener_type)));

RC_TYPE(closure, struct closure, .slots = RC_SLOTS(RC_TAIL(struct closure, held, n)));

RC_TYPE(listener, struct listener,
        .slots = RC_SLOTS(RC_LINK_TO(struct listener, next, listener_type),
                          RC_LINK_TO(struct listener, type, string_type),
                          RC_LINK_TO(struct listener, closure, closure_type)));

struct closure *closure_new(closure_fn *run, size_t n) {
    struct closure *c = rc_new_sized(&closure_type, n * sizeof c->held[0]);
    if (c) {
        c->run = run;
        c->n = n;
    }
    return c;
}

bool listener_add(struct event_target *target, struct string *type, struct closure *closure) {
    struct listener *l = type ? rc_new(&listener_type) : NULL;
    if (!l) return false;
    rc_set(&l->type, type);
    rc_set(&l->closure, closure);
    rc_move(&l->next, &target->listeners);
    rc_give(&target->listeners, l);
    return true;
}

// The listener keeps its own next: a dispatch that stands on it finds the way on.
void listener_remove(struct event_target *target, const struct closure *closure) {
    struct listener **slot = &target->listeners;
    while (*slot && (*slot)->closure != closure) slot = &(*slot)->next;
    if (*slot) rc_set(slot, (*slot)->next);
}

static size_t listeners_run(struct node *node, struct event *event) {
    size_t ran = 0;
    rc_set(&event->running, node->target.listeners);
    while (event->running) {
        if (event->running->type == event->type) {
            struct closure *closure = rc_retain(event->running->closure);
            if (closure) closure->run(closure, event);
            rc_release(closure);
            ran++;
        }
        rc_set(&event->running, event->running->next);
    }
    return ran;
}

size_t event_dispatch(struct node *target, struct string *type) {
    struct event *event = rc_new(&event_type);
    if (!event) return 0;
    rc_set(&event->type, type);
    rc_set(&event->target, target);
    rc_set(&event->current, target);
    size_t ran = 0;
    while (event->current && !event->stopped) {
        struct node *node = rc_retain(event->current);
        ran += listeners_run(node, event);
        rc_set(&event->current, event->current->parent);
        rc_release(node);
    }
    rc_clear(&event->current);
    rc_release(event);
    return ran;
}

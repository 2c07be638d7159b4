// SPDX-License-Identifier: MIT
// The one place where misuse ends (see fault.h).
#include "object.h"

#include <stdio.h>
#include <stdlib.h>

static void print_and_abort(const struct rc_fault *fault) {
    fprintf(stderr, "refcyc: %s\n", fault->message);
    abort();
}

static rc_fault_fn *handler = print_and_abort;

rc_fault_fn *rc_set_fault_handler(rc_fault_fn *fn) {
    rc_fault_fn *before = handler;
    handler = fn ? fn : print_and_abort;
    return before == print_and_abort ? NULL : before;
}

// NULL: [h], which is not NULL, is freed memory, or no object.
static const struct rc_type *type_of(const struct rc__header *h) {
    return rc__cls(h) ? rc__class(h)->type : NULL;
}

void rc__message(char *text, size_t size, const char *call, const struct rc__header *h, const char *why) {
    assert(call && why);
    if (!h) {
        snprintf(text, size, "%s: %s", call, why);
        return;
    }
    const void *obj = h + 1;
    if (!type_of(h)) {
        snprintf(text, size, "%s: object %p %s (its memory is freed, or it is no object)", call, obj, why);
        return;
    }
    size_t handles = rc_handles(obj), links = rc_links(obj);
    snprintf(text, size, "%s: %s %p (%s, %zu handle%s, %zu link%s) %s", call, type_of(h)->name, obj,
             rc__is_dead(h) ? "dead" : "alive", handles, handles == 1 ? "" : "s", links, links == 1 ? "" : "s", why);
}

void rc__fault(enum rc_fault_kind kind, const char *call, const struct rc__header *h, const char *why) {
    assert(handler != NULL);
    char message[512];
    struct rc_fault fault = {.kind = kind, .call = call, .object = h ? h + 1 : NULL, .message = message};
    rc__message(message, sizeof message, call, h, why);
    if (h && type_of(h)) {
        fault.type = type_of(h)->name;
        fault.handles = rc_handles(fault.object);
        fault.links = rc_links(fault.object);
    }
    if (rc__here != RC__NOWHERE)
        rc__here->cc.undisturbed = false; // by what the handler may do
    handler(&fault);
}

// Use of an object whose class says that it is dead, or that it is none.
void rc__fault_dead(const char *call, const struct rc__header *h) {
    assert(h && !rc__heap(h));
    if (rc__cls(h) && h->word & RC__DOOMED && rc__in_callback())
        rc__fault(RC_FAULT_DESTROY, call, h, "is being destroyed: a destructor may not make references to what dies with it");
    else if (rc__cls(h) && h->word & RC__DOOMED)
        rc__fault(RC_FAULT_DEAD, call, h,
                  "was garbage and waits for its destructor: who keeps a pointer to it has neither a handle nor a weak reference");
    else
        rc__fault(RC_FAULT_DEAD, call, h, "is dead");
}

void rc__fault_type(const struct rc_type *type, const char *why) {
    assert(type && why);
    char message[512];
    const char *name = type->name ? type->name : "(without a name)";
    struct rc_fault fault = {.kind = RC_FAULT_TYPE, .call = "rc_new", .type = name, .message = message};
    snprintf(message, sizeof message, "rc_new: the table of type %s is refused: %s", name, why);
    handler(&fault);
}

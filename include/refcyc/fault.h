// SPDX-License-Identifier: MIT
// Misuse ends here. The default handler prints one message, which names the call, the type, the object and its counts, and
// aborts. A handler that returns makes the call do nothing more, as far as that is possible, so that a host can log it and
// go on; nothing is lost, at worst something leaks. It returns or ends the process: a longjmp out of it may leave the heap in
// the middle of what it was doing.
#ifndef REFCYC_FAULT_H
#define REFCYC_FAULT_H

#include "base.h"

RC_BEGIN_DECLS

enum rc_fault_kind {
    RC_FAULT_NULL = 1,     // NULL where an object, a slot or a heap is needed
    RC_FAULT_RELEASE,      // a release with no handle left
    RC_FAULT_SLOT,         // a slot was written by hand: its object has fewer links than slots; in checked builds also a field
                           // that is no slot, as the type's table does not declare it
    RC_FAULT_DEAD,         // use of an object that is dead or freed
    RC_FAULT_OUTSIDE,      // a call that is only allowed inside a heap, made outside of it
    RC_FAULT_TRACE,        // a trace that reports more references than there are, or one slot twice
    RC_FAULT_TYPE,         // a type table that breaks its laws, or that rc_new is not for (element.h); an object, or an element, of
                           // another type than the call is for
    RC_FAULT_HEAP,         // a heap left that was not entered, or left in the wrong order
    RC_FAULT_DESTROY,      // a destructor kept a reference to what was dying
    RC_FAULT_SATURATED     // a count reached its limit: the object is immortal from here on
};

struct rc_fault {
    enum rc_fault_kind kind;
    const char *call;      // the function that was called: "rc_release"
    const char *type;      // name of the object's type, or NULL
    const void *object;    // or NULL
    size_t handles, links; // of the object, as far as they are known
    const char *message;   // one line with all of the above
};

typedef void rc_fault_fn(const struct rc_fault *fault);

// Sets the handler for the whole process; NULL: the default. Returns the one before. Set it before other threads start.
RC_API rc_fault_fn *rc_set_fault_handler(rc_fault_fn *handler);

RC_END_DECLS

#endif

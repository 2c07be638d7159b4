// SPDX-License-Identifier: MIT
// Looking into a heap from inside the program: why an object is still alive, what was never released, whether all counts
// are right. For debuggers' command lines, tests, log files of programs that grow.
//
//     rc_why_print(tab, NULL, NULL);
//
//     closure 0x5580 is alive: document 0x5500, which has 1 handle, leads to it
//       document 0x5500
//         --first--> element 0x5540
//         --listener[2]--> closure 0x5580
//
//     rc_report(NULL, NULL);
//
//     heap "default": 3 objects, 176 bytes
//       1 document, 64 bytes: 1 held by 1 handle; for example document 0x5500 (1 handle)
//       1 element, 64 bytes: 1 linked; for example document 0x5500 (1 handle) --first--> element 0x5540
//       ...
//
// With REFCYC_LEAKS=1 in the environment, a program that nobody changes prints that report to its standard error output for
// each heap that is freed with objects in it, and at exit for each heap that is not freed and has some; then how many weak
// references to dead objects nobody has released (rc_weak_left). Objects that are immortal, or that only such lead to, are no
// reason for a report.
//
// Who holds that handle? A checked build says so (rc_history_of). Without one, where a program is compiled without
// optimization, rc_retain and rc_release are calls; and in a debugger an object of a program with one thread is at the same
// address in each run: `break rc_retain if obj == 0x5580`.
//
// All calls are about the heap this thread is inside (the default heap if it is inside none), and change nothing in it: no
// count, no mark, no slot. A collection under way goes on afterwards as if nothing had been. They may be made from
// finalizers and destructors, but not from free_slots and the functions of an element's table. They take about 35 bytes an
// object from the C library's malloc while they run, whatever allocator the heap has, and return NULL or false with errno =
// ENOMEM if there are none; with errno = ECANCELED in the destructors that rc_heap_free runs; with errno = EBUSY, at once, in
// a trace function (or a has_links), which they would call again; with errno = EINVAL after a fault. Cost: proportional to all
// objects of the heap and their slots: two seconds for five million objects with two slots each, linked without any order.
#ifndef REFCYC_INSPECT_H
#define REFCYC_INSPECT_H

#include "base.h"

RC_BEGIN_DECLS

struct rc_type;

// Gets one line of a report, without the newline, good until it returns. Where a call takes such a function, NULL means: to the
// standard error output. This function, and [each] of the calls below, must not change the heap: they make, retain, release and
// collect nothing, and change no slot and no container. (They may call what is declared here.)
typedef void rc_line_fn(const char *line, void *arg);

// What keeps an object.
enum rc_why_kind {
    RC_WHY_HANDLES = 1, // an object with handles leads to it
    RC_WHY_IMMORTAL,    // an immortal object does
    RC_WHY_UNEXPLAINED, // an object does that has more links than there are slots which lead to it: a slot was written by
                        // hand, or a trace passes over one
    RC_WHY_DYING,       // an object does that is dead and waits to be destroyed, or that nothing refers to and another
                        // thread has just released: both are gone soon
    RC_WHY_GARBAGE,     // a cycle does, and a collection will look at it, and free it
    RC_WHY_LOST         // a cycle does, and no collection will free it: a type that is declared acyclic is part of it, or
                        // there is a defect
};

// A place on the way.
struct rc_why_step {
    const void *object;         // borrowed
    const struct rc_type *type; // of it
    const char *slot;           // of this object, that leads to the next one: "first", "row[2]", "[17]", "[\"title\"]" of a
                                // map, "+24" for one that a trace reports inside its object. NULL in the last step
};

// Why an object is there: a way of links that ends with it.
struct rc_why {
    enum rc_why_kind kind;
    // Of the first object on the way: its handles, all in all; how many of these other threads have taken (or links of other
    // heaps are), less what they gave up, since the heap last made their count its own, which it does when it counts no
    // handle itself; its links; and how many slots of the heap lead to it.
    size_t handles;
    ptrdiff_t foreign;
    size_t links, explained;
    size_t count; // of steps, at least 1
    // No way from such an object is shorter than this one. GARBAGE and LOST: it begins at an object of a cycle, goes round
    // that once, and on from there if the object is not in it.
    const struct rc_why_step *steps;
};

// Why [obj] is alive, to be given to rc_why_free. [obj] is of the heap this thread is inside; another one, or NULL, is a
// fault. NULL with errno.
RC_API struct rc_why *rc_why(const void *obj) __attribute__((warn_unused_result));
// NULL: does nothing.
RC_API void rc_why_free(struct rc_why *why);
// The same as text: a line that says it, and a line for each step but for those in the middle of a long way. false with
// errno.
RC_API bool rc_why_print(const void *obj, rc_line_fn *print, void *arg);

// Calls [each] with every place that has a link to [obj]: the object, its type, its slot. Those of objects that wait to be
// destroyed are among them, those of other heaps are not. Returns how many there are; NULL for [each]: no more than that. Needs
// no memory.
RC_API size_t rc_referrers(const void *obj, void (*each)(const struct rc_why_step *place, void *arg), void *arg);

// Writes the graph as a drawing for Graphviz (`dot -Tsvg`): [obj] and all that leads to it over at most [distance] links; of
// NULL, the whole heap. A box an object, with its type, its address and its handles; an arrow a link, with the slot's name.
// Thick boxes have handles (or are immortal, or have links that no slot explains), gray ones are garbage, red ones lost,
// dashed ones about to be destroyed; [obj] has a double frame. Costs as much again for each step of the distance. false with
// errno.
RC_API bool rc_dump(const void *obj, size_t distance, rc_line_fn *print, void *arg);

// The objects of one type.
struct rc_leak {
    const struct rc_type *type;
    size_t objects, bytes; // headers included
    // Of the objects, each counted once: with handles, and how many handles that are in all; immortal; with links that no
    // slot explains; alive because others lead to it; about to be destroyed; garbage that a collection frees; and garbage
    // that none does. (What each of them means: enum rc_why_kind.)
    size_t held, handles;
    size_t immortal, unexplained, linked, dying, garbage, lost;
    const void *example; // one with handles if there is any, or else the first of these that there is. Borrowed
};

// Calls [each] once for every type of which there are objects: first those with handles, then the others, each by bytes.
// [each] may ask rc_why about the example. false with errno.
RC_API bool rc_leaks(void (*each)(const struct rc_leak *leak, void *arg), void *arg);
// The same as text, with a way to each example: what a program that is at its end, and thinks that it has released
// everything, has forgotten. false with errno.
RC_API bool rc_report(rc_line_fn *print, void *arg);

// Who has the handles: a history of every call that took or gave up a handle of an object, of those that are born from here on
// and whose type has this name (NULL: of all). rc_why_print and rc_report show it with the objects that they find held;
// REFCYC_HISTORY=element,page in the environment (* for all) asks for it in a program that nobody changes.
//
//     element 0x5580: 2 handles taken, 1 given up
//       1 taken by
//         ./browser(page_add+0x1f) [0x401a8f]
//         ./browser(main+0x40) [0x401c20]
//       ...
//
// Library and program are to be compiled with RC_CHECK (make CHECK=1): elsewhere retain and release are in line, and nobody
// notes them. The program's own functions have names in it where it is linked with -rdynamic; else `addr2line -f -e browser
// 0x..` tells them. Any thread; goes on for as long as the program runs. 1.5 microseconds a call, and memory from the C library
// that never comes back. With musl, there are the counts alone. false with errno = ENOMEM, or ENOTSUP where the library is no
// checked build.
RC_API bool rc_history_of(const char *type);
// Prints that of [obj], which may be dead by now, as in a fault handler: it is not looked at. Any thread. false with errno =
// ENOENT if there is none, or [obj] is NULL; or with ENOMEM.
RC_API bool rc_history_print(const void *obj, rc_line_fn *print, void *arg);

// What rc_verify found.
enum rc_problem_kind {
    RC_PROBLEM_LINKS = 1,   // an object has fewer links than there are slots which lead to it: a slot was written by hand,
                            // or a trace reports one twice. It will die too early
    RC_PROBLEM_UNEXPLAINED, // it has more: a slot was overwritten by hand, or a trace passes over one. It will never die
    RC_PROBLEM_SLOT,        // a slot leads to something that is dead, or no object
    RC_PROBLEM_HANDLES,     // more handles were released than there were
    RC_PROBLEM_OWNER,       // an owner does not lead to the object that names it (RC_OWNER): a promise that is broken
    RC_PROBLEM_WEAK,        // a weak reference is not where its object is
    RC_PROBLEM_COLLECTOR,   // marks and places of suspects, nodes and the inbox do not agree
    RC_PROBLEM_LOST,        // garbage that no collection will come to, or what will be that when its handles go
    RC_PROBLEM_FIGURES      // objects or bytes are not as many as rc_stats and rc_census say
};

struct rc_problem {
    enum rc_problem_kind kind;
    const void *object;         // or NULL
    const struct rc_type *type; // of it, or NULL
    size_t handles, links;      // of it
    size_t found;               // slots that lead to it; FIGURES: what was found
    const char *slot;           // of the object (SLOT, OWNER), or NULL
    const char *message;        // one line with all of the above
};

// Looks at every object: recounts all links through the types' tables, and compares; checks owners, weak references, the
// collector's marks, and that garbage will be found. Calls [each] with every problem (NULL: its message goes to the standard
// error output). Returns how many there are: 0 is what a heap in order gives. SIZE_MAX with errno if it could not look.
// Owners that are not found next to their objects cost a walk over what they lead to; that is done for 64 of them, and the
// others are taken on trust.
RC_API size_t rc_verify(void (*each)(const struct rc_problem *problem, void *arg), void *arg);

RC_END_DECLS

#endif

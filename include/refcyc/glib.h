// SPDX-License-Identifier: MIT
// Collecting in the idle time of a GLib main loop. In a library of its own, librefcyc-glib (pkg-config: refcyc-glib).
//
//     struct rc_glib *gc = rc_glib_attach(NULL, rc_heap_default());
//     g_main_loop_run(loop);
//     rc_glib_detach(gc);
//
// A slice runs when the loop has nothing else to do: as a source of idle priority (G_PRIORITY_DEFAULT_IDLE). If that never
// gets its turn, then, when it has become urgent (see rc_pace_is_urgent), as one of default priority: one slice in each turn of
// the loop, or as many as take as long as the program's own work since the last ones; longer only where the heap still grows,
// and as many times as long as it has become large since. With nothing to collect the loop sleeps as it would without us;
// another thread that leaves work for the heap wakes it up. How long slices are and how much of the time they take is what
// rc_pace_set says.
#ifndef REFCYC_GLIB_H
#define REFCYC_GLIB_H

#include "base.h"

#include <glib.h>

RC_BEGIN_DECLS

struct rc_heap;
struct rc_glib;

// Collects [heap] in the idle time of [context] (NULL: the default context), on the thread that runs it, which enters
// the heap for that; best it is the thread that uses the heap: if another one is inside, the slice is put off by 10 ms.
// (Threads that hardly ever leave the heap may be inside whenever the loop looks: they call rc_pace_step themselves where
// rc_pace_is_urgent.) Takes the heap's wake function (see rc_heap_set_wake), so a heap is attached to one loop at a time.
// NULL with errno = EINVAL if the heap is NULL; GLib ends the program where memory is out.
RC_API struct rc_glib *rc_glib_attach(GMainContext *context, struct rc_heap *heap);

// Ends that, and takes the heap's wake function away. Before the heap is freed. A collection under way is left as it is.
// NULL: does nothing. On the thread that runs the context, in a destructor, too; or while nobody runs it.
RC_API void rc_glib_detach(struct rc_glib *glib);

RC_END_DECLS

#endif

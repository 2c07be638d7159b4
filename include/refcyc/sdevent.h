// SPDX-License-Identifier: MIT
// Collecting in the idle time of an sd-event loop. In a library of its own, librefcyc-sdevent (pkg-config: refcyc-sdevent).
//
//     struct rc_sdevent *gc = rc_sdevent_attach(event, rc_heap_default());
//     sd_event_loop(event);
//     rc_sdevent_detach(gc);
//
// A slice runs when the loop has nothing else to do: as a source of the priority SD_EVENT_PRIORITY_IDLE; while it is urgent
// (see rc_pace_is_urgent) as one of SD_EVENT_PRIORITY_NORMAL: one slice each time, or as many as take as long as the program's
// own work since the last ones; longer only where the heap still grows, and as many times as long as it has become large
// since. With nothing to collect the loop sleeps as it would without us; another thread that leaves work for the heap wakes it
// up. How long slices are and how much of the time they take is what rc_pace_set says.
#ifndef REFCYC_SDEVENT_H
#define REFCYC_SDEVENT_H

#include "base.h"

#include <systemd/sd-event.h>

RC_BEGIN_DECLS

struct rc_heap;
struct rc_sdevent;

// Collects [heap] in the idle time of [event], on the thread that runs it, which enters the heap for that; best it is
// the thread that uses the heap: if another one is inside, the slice is put off by 10 ms. (Threads that hardly ever leave the
// heap may be inside whenever the loop looks: they call rc_pace_step themselves where rc_pace_is_urgent.) Takes the heap's
// wake function (see rc_heap_set_wake), so a heap is attached to one loop at a time. NULL with errno set: ENOMEM, EMFILE and
// the like; EINVAL if one of the arguments is NULL. On the loop's thread.
RC_API struct rc_sdevent *rc_sdevent_attach(sd_event *event, struct rc_heap *heap);

// Ends that, and takes the heap's wake function away. Before the heap is freed. A collection under way is left as it is.
// NULL: does nothing. On the loop's thread; in a destructor, too.
RC_API void rc_sdevent_detach(struct rc_sdevent *sdevent);

RC_END_DECLS

#endif

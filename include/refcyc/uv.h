// SPDX-License-Identifier: MIT
// Collecting in the idle time of a libuv loop. In a library of its own, librefcyc-uv (pkg-config: refcyc-uv).
//
//     struct rc_uv *gc = rc_uv_attach(loop, rc_heap_default());
//     uv_run(loop, UV_RUN_DEFAULT);      // ends when the program's own handles are closed: ours do not keep it running
//     rc_uv_detach(gc);
//     uv_run(loop, UV_RUN_DEFAULT);      // closes our handles
//     uv_loop_close(loop);
//
// A slice runs when the loop has nothing else to do: after its events have been handled and none waits. If that never
// comes to pass, then when it has become urgent (see rc_pace_is_urgent): one in each turn of the loop, or as many as take as
// long as the program's own work of that turn; longer only where the heap still grows, and as many times as long as it has
// become large since. With nothing to collect the loop sleeps as it would without us; another thread that leaves work for the
// heap wakes it up. How long slices are and how much of the time they take is what rc_pace_set says.
#ifndef REFCYC_UV_H
#define REFCYC_UV_H

#include "base.h"

#include <uv.h>

RC_BEGIN_DECLS

struct rc_heap;
struct rc_uv;

// Collects [heap] in the idle time of [loop], on the thread that runs the loop, which enters the heap for that; best it
// is the thread that uses the heap: if another one is inside, the slice is put off by 10 ms. (Threads that hardly ever leave
// the heap may be inside whenever the loop looks: they call rc_pace_step themselves where rc_pace_is_urgent.) Takes the heap's
// wake function (see rc_heap_set_wake), so a heap is attached to one loop at a time. NULL with errno = ENOMEM if memory or
// file descriptors are out, or with errno = EINVAL if one of the arguments is NULL. On the loop's thread.
RC_API struct rc_uv *rc_uv_attach(uv_loop_t *loop, struct rc_heap *heap);

// Ends that, and takes the heap's wake function away. Before the heap is freed. The memory goes with the next turn of the
// loop, which is needed before uv_loop_close. A collection under way is left as it is. NULL: does nothing. On the loop's
// thread; in a destructor, too.
RC_API void rc_uv_detach(struct rc_uv *uv);

RC_END_DECLS

#endif

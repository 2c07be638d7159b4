// SPDX-License-Identifier: MIT
// libuv: a turn of its loop is
//
//     timers -> pending -> idle -> prepare -> poll for events, or sleep -> check -> closing
//
// prepare asks when a slice will be due and sets the timer to that, 0 for at once: the poll then does not sleep longer. The
// timer's callback does nothing. check, behind the events of this turn, runs the slice if it is due and no further event
// waits at the door (the loop's own descriptor is readable then) - or, if it is urgent, some. No uv_idle: it spins.
//
// All handles are unreferenced: the loop ends when the program's own are closed.
#define _GNU_SOURCE // uv.h needs it
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <refcyc/uv.h>
#include <stdlib.h>

struct rc_uv {
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer;
    uv_async_t async;
    struct loop loop;
    uint64_t next; // as prepare saw it
    int handles;   // that are not closed yet
};

static void on_timer(uv_timer_t *timer) {
    (void)timer;
}

static void on_async(uv_async_t *async) {
    (void)async;
}

// On the thread that left work.
static void on_wake(void *arg) {
    uv_async_send(arg);
}

static void on_prepare(uv_prepare_t *prepare) {
    struct rc_uv *uv = prepare->data;
    bool urgent;
    uv->next = loop_next(&uv->loop, &urgent);
    if (uv->next == RC_PACE_NEVER)
        uv_timer_stop(&uv->timer);
    else
        uv_timer_start(&uv->timer, on_timer, loop_round(uv->next, 1000000), 0);
}

static bool has_events(const uv_loop_t *loop) {
    struct pollfd fd = {.fd = uv_backend_fd(loop), .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

// The slice, if the loop has nothing else to do until its next timer.
static void step_if_idle(struct rc_uv *uv, const uv_loop_t *loop) {
    int timeout = uv_backend_timeout(loop); // -1: there is no timer
    if (timeout && !has_events(loop))
        loop_step(uv->loop.heap, timeout < 0 ? UINT64_MAX : (uint64_t)timeout * 1000000);
}

static void on_check(uv_check_t *check) {
    struct rc_uv *uv = check->data;
    bool urgent;
    if (uv->next)
        return;
    uv_timer_stop(&uv->timer); // ours is not to be waited for
    if (loop_next(&uv->loop, &urgent) == 0) {
        if (urgent)
            loop_catch_up(&uv->loop);
        else
            step_if_idle(uv, check->loop);
    }
}

struct rc_uv *rc_uv_attach(uv_loop_t *loop, struct rc_heap *heap) {
    struct rc_uv *uv = loop && heap ? calloc(1, sizeof *uv) : NULL;
    if (!uv || uv_async_init(loop, &uv->async, on_async)) {
        errno = loop && heap ? ENOMEM : EINVAL;
        free(uv);
        return NULL;
    }
    uv->loop.heap = heap;
    uv->next = RC_PACE_NEVER;
    uv_prepare_init(loop, &uv->prepare);
    uv_check_init(loop, &uv->check);
    uv_timer_init(loop, &uv->timer);
    uv->prepare.data = uv->check.data = uv;
    uv_prepare_start(&uv->prepare, on_prepare);
    uv_check_start(&uv->check, on_check);
    uv_handle_t *all[] = {(uv_handle_t *)&uv->prepare, (uv_handle_t *)&uv->check, (uv_handle_t *)&uv->timer,
                          (uv_handle_t *)&uv->async};
    uv->handles = sizeof all / sizeof *all;
    for (int i = 0; i < uv->handles; i++)
        uv_unref(all[i]);
    rc_heap_set_wake(heap, on_wake, &uv->async);
    return uv;
}

static void on_close(uv_handle_t *handle) {
    struct rc_uv *uv = handle->data;
    if (--uv->handles == 0)
        free(uv);
}

void rc_uv_detach(struct rc_uv *uv) {
    if (!uv)
        return;
    rc_heap_set_wake(uv->loop.heap, NULL, NULL);
    uv_handle_t *all[] = {(uv_handle_t *)&uv->prepare, (uv_handle_t *)&uv->check, (uv_handle_t *)&uv->timer,
                          (uv_handle_t *)&uv->async};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        all[i]->data = uv;
        uv_close(all[i], on_close);
    }
}

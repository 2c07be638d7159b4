// SPDX-License-Identifier: MIT
// Collecting in the idle time of a libuv loop. work.h says what the program does; here is what has to do with the loop.
#define _GNU_SOURCE // uv.h and usleep need it
#include "work.h"

#include <refcyc/uv.h>

static uv_loop_t loop;
static uv_timer_t tick, look, wake, too_late;

static void on_tick(uv_timer_t *timer) {
    if (!work_tick())
        uv_timer_stop(timer);
}

static void on_wake(uv_timer_t *timer) {
    (void)timer;
    work_wake();
}

static void start(uv_timer_t *timer, uv_timer_cb callback, uint64_t first, uint64_t again) {
    uv_timer_init(&loop, timer);
    uv_timer_start(timer, callback, first, again);
}

static void on_look(uv_timer_t *timer) {
    if (!work_look())
        return;
    uv_timer_stop(timer);
    start(&wake, on_wake, QUIET, 0);
}

static void on_too_late(uv_timer_t *timer) {
    (void)timer;
}

static void end(void) {
    uv_timer_stop(&too_late); // nothing is active any more, so the loop ends
}

int main(void) {
    uv_loop_init(&loop);
    struct rc_uv *gc = rc_uv_attach(&loop, rc_heap_default());
    if (!gc)
        return 1;
    work_end = end;
    start(&tick, on_tick, 0, TICK);
    start(&look, on_look, LOOK, LOOK);
    start(&too_late, on_too_late, TOO_LATE, 0);
    uv_run(&loop, UV_RUN_DEFAULT);

    rc_uv_detach(gc);
    uv_timer_t *timers[] = {&tick, &look, &wake, &too_late};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        if (timers[i]->loop)
            uv_close((uv_handle_t *)timers[i], NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop))
        return 1; // something is still open
    return work_done();
}

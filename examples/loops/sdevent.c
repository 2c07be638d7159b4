// SPDX-License-Identifier: MIT
// Collecting in the idle time of an sd-event loop. work.h says what the program does; here is what has to do with the loop.
#define _GNU_SOURCE // usleep needs it
#include "work.h"

#include <refcyc/sdevent.h>

static sd_event *event;

// In [ms] milliseconds from now. sd-event keeps the source.
static void at(unsigned ms, sd_event_time_handler_t callback) {
    if (sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, ms * 1000, 1000, callback, NULL) < 0)
        exit(1);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *arg) {
    (void)source;
    (void)usec;
    (void)arg;
    if (work_tick())
        at(TICK, on_tick);
    return 0;
}

static int on_wake(sd_event_source *source, uint64_t usec, void *arg) {
    (void)source;
    (void)usec;
    (void)arg;
    work_wake();
    return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *arg) {
    (void)source;
    (void)usec;
    (void)arg;
    if (work_look())
        at(QUIET, on_wake);
    else
        at(LOOK, on_look);
    return 0;
}

static void end(void) {
    sd_event_exit(event, 0);
}

static int on_too_late(sd_event_source *source, uint64_t usec, void *arg) {
    (void)source;
    (void)usec;
    (void)arg;
    end();
    return 0;
}

int main(void) {
    if (sd_event_new(&event) < 0)
        return 1;
    struct rc_sdevent *gc = rc_sdevent_attach(event, rc_heap_default());
    if (!gc)
        return 1;
    work_end = end;
    at(0, on_tick);
    at(LOOK, on_look);
    at(TOO_LATE, on_too_late);
    sd_event_loop(event);

    rc_sdevent_detach(gc);
    sd_event_unref(event);
    return work_done();
}

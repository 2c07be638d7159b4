// SPDX-License-Identifier: MIT
// sd-event: one timer, which is always on, so that its prepare callback runs before each sleep; with nothing to collect it
// is set to the end of time, and no timer of the kernel is armed then. An event descriptor carries the wake: sd-event's own
// calls are for its thread only.
#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <refcyc/sdevent.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NEVER UINT64_MAX

struct rc_sdevent {
    struct loop loop;
    sd_event_source *timer, *bell;
    int fd;
    uint64_t at; // what the timer is set to
    bool urgent; // its priority is the normal one
};

// On the thread that left work.
static void on_wake(void *arg) {
    uint64_t one = 1;
    ssize_t n = write(*(int *)arg, &one, sizeof one); // fails only if it is full, and then the loop wakes up as well
    (void)n;
}

static int on_bell(sd_event_source *source, int fd, uint32_t events, void *arg) {
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n;
    (void)source;
    (void)events;
    (void)arg;
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg) {
    struct rc_sdevent *s = arg;
    (void)source;
    (void)usec;
    if (s->urgent)
        loop_catch_up(&s->loop);
    else
        loop_step(s->loop.heap, UINT64_MAX);
    return 0;
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// When, in microseconds of the monotonic clock, [next] nanoseconds from now will be; 0, which is past, for now.
static uint64_t time_of(uint64_t next) {
    return next == 0 ? 0 : next == RC_PACE_NEVER ? NEVER : now_us() + loop_round(next, 1000);
}

// Before the loop sleeps. A time that is less than a millisecond too late stays: setting it anew is a call to the kernel.
static int on_prepare(sd_event_source *source, void *arg) {
    struct rc_sdevent *s = arg;
    bool urgent;
    uint64_t at = time_of(loop_next(&s->loop, &urgent));
    if (urgent != s->urgent) {
        s->urgent = urgent;
        sd_event_source_set_priority(source, urgent ? SD_EVENT_PRIORITY_NORMAL : SD_EVENT_PRIORITY_IDLE);
    }
    if (s->at < at || s->at - at >= 1000) {
        s->at = at;
        sd_event_source_set_time(source, at);
    }
    return 0;
}

static void close_all(struct rc_sdevent *s) {
    sd_event_source_disable_unref(s->timer);
    sd_event_source_disable_unref(s->bell);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

void rc_sdevent_detach(struct rc_sdevent *s) {
    if (!s)
        return;
    rc_heap_set_wake(s->loop.heap, NULL, NULL);
    close_all(s);
}

// The sources; a negative error if one cannot be had.
static int open_all(struct rc_sdevent *s, sd_event *event) {
    s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int error = s->fd < 0 ? -errno : sd_event_add_io(event, &s->bell, s->fd, EPOLLIN, on_bell, s);
    if (error >= 0)
        error = sd_event_add_time(event, &s->timer, CLOCK_MONOTONIC, NEVER, 1000, on_timer, s);
    if (error >= 0)
        error = sd_event_source_set_priority(s->timer, SD_EVENT_PRIORITY_IDLE);
    if (error >= 0)
        error = sd_event_source_set_prepare(s->timer, on_prepare);
    return error < 0 ? error : sd_event_source_set_enabled(s->timer, SD_EVENT_ON);
}

struct rc_sdevent *rc_sdevent_attach(sd_event *event, struct rc_heap *heap) {
    if (!event || !heap) {
        errno = EINVAL;
        return NULL;
    }
    struct rc_sdevent *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->loop.heap = heap;
    s->at = NEVER;
    int error = open_all(s, event);
    if (error < 0) {
        close_all(s);
        errno = -error;
        return NULL;
    }
    rc_heap_set_wake(heap, on_wake, &s->fd);
    return s;
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "checks.h"

#include <refcyc/sdevent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static sd_event *event;

static void *attach(struct rc_heap *of) {
    CHECK(sd_event_new(&event) >= 0);
    void *adapter = rc_sdevent_attach(event, of);
    if (!adapter)
        event = sd_event_unref(event);
    return adapter;
}

static void let_go(void *adapter) {
    rc_sdevent_detach(adapter);
}

static void end_loop(void) {
    event = sd_event_unref(event);
}

static void (*busy_now)(void);
static bool ended;

static int on_busy(sd_event_source *source, int fd, uint32_t events, void *arg) {
    (void)source;
    (void)fd;
    (void)events;
    (void)arg;
    busy_now();
    return 0;
}

static int on_end(sd_event_source *source, uint64_t usec, void *arg) {
    (void)source;
    (void)usec;
    (void)arg;
    ended = true;
    return 0;
}

static void run(unsigned ms, void (*busy)(void)) {
    sd_event_source *end = NULL, *always = NULL;
    CHECK(sd_event_add_time_relative(event, &end, CLOCK_MONOTONIC, ms * 1000, 1000, on_end, NULL) >= 0);
    busy_now = busy;
    int fd = eventfd(1, EFD_CLOEXEC); // always readable. (A defer source that is always on lets no other one run.)
    if (busy)
        CHECK(fd >= 0 && sd_event_add_io(event, &always, fd, EPOLLIN, on_busy, NULL) >= 0);
    for (ended = false; !ended;)
        CHECK(sd_event_run(event, UINT64_MAX) >= 0);
    sd_event_source_disable_unref(end);
    sd_event_source_disable_unref(always);
    close(fd);
}

static void stop(void) {
    ended = true;
}

int main(void) {
    errno = 0;
    CHECK(!rc_sdevent_attach(NULL, rc_heap_default()) && errno == EINVAL);
    return checks_run();
}

// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "checks.h"

#include <refcyc/uv.h>

static uv_loop_t loop;

static void *attach(struct rc_heap *of) {
    if (uv_loop_init(&loop))
        exit(1);
    void *adapter = rc_uv_attach(&loop, of);
    if (!adapter && uv_loop_close(&loop))
        exit(1);
    return adapter;
}

static void let_go(void *adapter) {
    rc_uv_detach(adapter);
}

static void end_loop(void) {
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
}

static void (*busy_now)(void);
static uv_idle_t idle;

static void on_idle(uv_idle_t *handle) {
    (void)handle;
    busy_now();
}

static void on_end(uv_timer_t *timer) {
    uv_close((uv_handle_t *)timer, NULL);
    if (busy_now)
        uv_close((uv_handle_t *)&idle, NULL);
}

static uv_timer_t end;

static void run(unsigned ms, void (*busy)(void)) {
    busy_now = busy;
    uv_update_time(&loop);
    uv_timer_init(&loop, &end);
    uv_timer_start(&end, on_end, ms, 0);
    if (busy) {
        uv_idle_init(&loop, &idle);
        uv_idle_start(&idle, on_idle);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void stop(void) {
    uv_timer_start(&end, on_end, 0, 0);
}

int main(void) {
    errno = 0;
    CHECK(!rc_uv_attach(NULL, rc_heap_default()) && errno == EINVAL);
    return checks_run();
}

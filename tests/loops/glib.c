// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "checks.h"

#include <refcyc/glib.h>

static GMainContext *context;

static void *attach(struct rc_heap *of) {
    context = g_main_context_new();
    void *adapter = rc_glib_attach(context, of);
    if (!adapter)
        g_main_context_unref(context);
    return adapter;
}

static void let_go(void *adapter) {
    rc_glib_detach(adapter);
}

static void end_loop(void) {
    g_main_context_unref(context);
}

static GSource *source(GSource *s, GSourceFunc callback, gpointer data) {
    g_source_set_callback(s, callback, data, NULL);
    g_source_attach(s, context);
    return s;
}

static void drop(GSource *s) {
    g_source_destroy(s);
    g_source_unref(s);
}

static void (*busy_now)(void);

static gboolean on_busy(gpointer data) {
    (void)data;
    busy_now();
    return G_SOURCE_CONTINUE;
}

static gboolean on_end(gpointer data) {
    g_main_loop_quit(data);
    return G_SOURCE_CONTINUE;
}

static GMainLoop *loop;

static void run(unsigned ms, void (*busy)(void)) {
    loop = g_main_loop_new(context, FALSE);
    GSource *end = source(g_timeout_source_new(ms), on_end, loop), *always = NULL;
    busy_now = busy;
    if (busy) {
        always = g_idle_source_new();
        g_source_set_priority(always, G_PRIORITY_DEFAULT);
        source(always, on_busy, NULL);
    }
    g_main_loop_run(loop);
    drop(end);
    if (busy)
        drop(always);
    g_main_loop_unref(loop);
}

static void stop(void) {
    g_main_loop_quit(loop);
}

int main(void) {
    return checks_run();
}

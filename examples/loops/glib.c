// SPDX-License-Identifier: MIT
// Collecting in the idle time of a GLib main loop. work.h says what the program does; here is what has to do with the loop.
#define _GNU_SOURCE // usleep needs it
#include "work.h"

#include <refcyc/glib.h>

static GMainLoop *loop;

static gboolean on_tick(gpointer data) {
    (void)data;
    return work_tick();
}

static gboolean on_wake(gpointer data) {
    (void)data;
    work_wake();
    return G_SOURCE_REMOVE;
}

static gboolean on_look(gpointer data) {
    (void)data;
    if (!work_look())
        return G_SOURCE_CONTINUE;
    g_timeout_add(QUIET, on_wake, NULL);
    return G_SOURCE_REMOVE;
}

static gboolean on_too_late(gpointer data) {
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

static void end(void) {
    g_main_loop_quit(loop);
}

int main(void) {
    loop = g_main_loop_new(NULL, FALSE);
    struct rc_glib *gc = rc_glib_attach(NULL, rc_heap_default());
    work_end = end;
    g_timeout_add(TICK, on_tick, NULL);
    g_timeout_add(LOOK, on_look, NULL);
    guint too_late = g_timeout_add(TOO_LATE, on_too_late, loop);
    g_main_loop_run(loop);

    rc_glib_detach(gc);
    if (status == 0)
        g_source_remove(too_late);
    g_main_loop_unref(loop);
    return work_done();
}

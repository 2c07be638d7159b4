// SPDX-License-Identifier: MIT
// GLib: two sources. One of idle priority runs a slice when it is due; one of default priority is ready only if a slice is
// urgent. Both say how long the loop may sleep (GLib takes the shorter), -1 if there is nothing to collect.
#include "loop.h"

#include <errno.h>
#include <refcyc/glib.h>

struct source {
    GSource source;
    struct loop *loop;
    bool for_urgent;
};

struct rc_glib {
    GMainContext *context;
    struct loop loop;
    GSource *idle, *urgent;
};

// Whether [source] is to be dispatched; if not, *sleep says when to ask again.
static bool is_ready(const struct source *s, uint64_t *sleep) {
    bool urgent;
    *sleep = loop_next(s->loop, &urgent);
    if (*sleep)
        return false;
    if (s->for_urgent && !urgent)
        *sleep = RC_PACE_NEVER; // the other one's turn
    return !s->for_urgent || urgent;
}

static gboolean on_prepare(GSource *source, gint *timeout) {
    uint64_t sleep;
    bool ready = is_ready((struct source *)source, &sleep);
    uint64_t ms = loop_round(sleep, 1000000);
    *timeout = sleep == RC_PACE_NEVER ? -1 : ms < G_MAXINT ? (gint)ms : G_MAXINT;
    return ready;
}

static gboolean on_check(GSource *source) {
    uint64_t sleep;
    return is_ready((struct source *)source, &sleep);
}

static gboolean on_dispatch(GSource *source, GSourceFunc callback, gpointer data) {
    (void)callback;
    (void)data;
    const struct source *s = (struct source *)source;
    if (s->for_urgent)
        loop_catch_up(s->loop);
    else
        loop_step(s->loop->heap, UINT64_MAX);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs funcs = {.prepare = on_prepare, .check = on_check, .dispatch = on_dispatch};

// On the thread that left work.
static void on_wake(void *arg) {
    g_main_context_wakeup(arg);
}

static GSource *source_new(GMainContext *context, struct loop *loop, gint priority, bool for_urgent) {
    GSource *source = g_source_new(&funcs, sizeof(struct source));
    ((struct source *)source)->loop = loop;
    ((struct source *)source)->for_urgent = for_urgent;
    g_source_set_priority(source, priority);
    g_source_set_name(source, for_urgent ? "refcyc, urgent" : "refcyc");
    g_source_attach(source, context);
    return source;
}

struct rc_glib *rc_glib_attach(GMainContext *context, struct rc_heap *heap) {
    if (!heap) {
        errno = EINVAL;
        return NULL;
    }
    struct rc_glib *glib = g_new0(struct rc_glib, 1);
    glib->context = g_main_context_ref(context ? context : g_main_context_default());
    glib->loop.heap = heap;
    glib->idle = source_new(glib->context, &glib->loop, G_PRIORITY_DEFAULT_IDLE, false);
    glib->urgent = source_new(glib->context, &glib->loop, G_PRIORITY_DEFAULT, true);
    rc_heap_set_wake(heap, on_wake, glib->context);
    return glib;
}

void rc_glib_detach(struct rc_glib *glib) {
    if (!glib)
        return;
    rc_heap_set_wake(glib->loop.heap, NULL, NULL);
    g_source_destroy(glib->idle);
    g_source_unref(glib->idle);
    g_source_destroy(glib->urgent);
    g_source_unref(glib->urgent);
    g_main_context_unref(glib->context);
    g_free(glib);
}

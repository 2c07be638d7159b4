// SPDX-License-Identifier: MIT
// GLib's GObject: atomic counts, no collector, so only what has no cycles.
#include "../harness.h"

#include <glib-object.h>

#define HEAD GObject object;
#include "../work/model.h"

// Of the workloads below only these two have objects.
static GType types[KINDS];

static void pair_dispose(GObject *object) {
    struct pair *p = (struct pair *)object;
    g_clear_object(&p->a);
    g_clear_object(&p->b);
}

static void cell_dispose(GObject *object) {
    struct cell *c = (struct cell *)object;
    g_clear_object(&c->left);
    g_clear_object(&c->right);
}

static void class_init(gpointer class, gpointer dispose) {
    G_OBJECT_CLASS(class)->dispose = (void (*)(GObject *))(uintptr_t)dispose;
}

static GType type_new(const char *name, size_t size, void (*dispose)(GObject *)) {
    GTypeInfo info = {.class_size = sizeof(GObjectClass),
                      .class_init = class_init,
                      .class_data = (void *)(uintptr_t)dispose,
                      .instance_size = (guint16)size};
    return g_type_register_static(G_TYPE_OBJECT, name, &info, 0);
}

static inline void *make(enum kind kind) {
    return g_object_new(types[kind], NULL);
}

#define DROP(p) g_object_unref(p)
#define DROP_LIST(p) g_object_unref(p)
#define DROP_CELLS(p) g_object_unref(p)
#define GIVE(slot, p) (*(slot) = (p)) // the slots of these workloads are empty before
#define TURN() ((void)0)
#define THREAD_BEGIN() ((void)0)
#define THREAD_END() ((void)0)
#define COUNTED_NEW() make(PAIR)
#define COUNT_UP(p) g_object_ref(p)
#define COUNT_DOWN(p) g_object_unref(p)

#include "../work/retain.h"
#include "../work/alloc.h"
#include "../work/list.h"
#include "../work/gcbench.h"

int main(int argc, char **argv) {
    static const struct workload all[] = {{"retain", retain}, {"alloc.hot", alloc_hot}, {"alloc.bulk", alloc_bulk},
                                          {"list", list},     {"gcbench", gcbench},     {NULL, NULL}};
    types[PAIR] = type_new("BenchPair", sizeof(struct pair), pair_dispose);
    types[CELL] = type_new("BenchCell", sizeof(struct cell), cell_dispose);
    return run_workload(argc, argv, all);
}

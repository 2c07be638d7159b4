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

#define ARRAY GPtrArray *
#define ARRAY_NEW() g_ptr_array_new_with_free_func(g_object_unref)
#define ARRAY_FREE(a) g_ptr_array_unref(a)
#define ARRAY_APPEND(a, r) g_ptr_array_add(a, g_object_ref(r))
#define ARRAY_INSERT(a, i, r) g_ptr_array_insert(a, (int)(i), g_object_ref(r))
#define ARRAY_DELETE(a, i) g_ptr_array_remove_index(a, i)
#define ARRAY_POP(a) g_ptr_array_remove_index(a, (a)->len - 1)
#define ROW gpointer *
#define ARRAY_ROW(a) (a)->pdata
#define ROW_AT(row, i) (row)[i]
#define ARRAY_EACH(a, p, body)                                                                                         \
    for (guint i_ = 0; i_ < (a)->len; i_++) {                                                                          \
        void *p = g_ptr_array_index(a, i_);                                                                            \
        body;                                                                                                          \
    }

// Keys by value, as pointers are: the fastest way that GHashTable has for integers.
#define MAP GHashTable *
#define MAP_NEW() g_hash_table_new_full(NULL, NULL, NULL, g_object_unref)
#define MAP_FREE(m) g_hash_table_unref(m)
#define MAP_PUT(m, k, r) g_hash_table_insert(m, GSIZE_TO_POINTER(k), g_object_ref(r))
#define MAP_DELETE(m, k) g_hash_table_remove(m, GSIZE_TO_POINTER(k))
#define MAP_GET(m, k) g_hash_table_lookup(m, GSIZE_TO_POINTER(k))
#define MAP_EACH(m, k, p, body)                                                                                        \
    do {                                                                                                               \
        GHashTableIter it;                                                                                             \
        gpointer key_, p;                                                                                              \
        g_hash_table_iter_init(&it, m);                                                                                \
        while (g_hash_table_iter_next(&it, &key_, &p)) {                                                               \
            uint64_t k = GPOINTER_TO_SIZE(key_);                                                                       \
            body;                                                                                                      \
        }                                                                                                              \
    } while (0)
#define TEXTS GHashTable *
#define TEXTS_NEW() g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref)
#define TEXTS_FREE(m) g_hash_table_unref(m)
#define TEXTS_PUT(m, k, r) g_hash_table_insert(m, g_strdup(k), g_object_ref(r))
#define TEXTS_DELETE(m, k) g_hash_table_remove(m, k)
#define TEXTS_GET(m, k) g_hash_table_lookup(m, k)

#define NEW_ROW(T, n) malloc((n) * sizeof(T))
#define FREE_ROW(p) free(p)
#define QUEUE GQueue *
#define POS GList *
#define QUEUE_NEW() g_queue_new()
#define QUEUE_FREE(q) g_queue_free_full(q, g_object_unref)
#define QUEUE_APPEND(q, r) (g_queue_push_tail(q, g_object_ref(r)), (q)->tail)
#define QUEUE_INSERT(q, pos, r) g_queue_insert_before(q, pos, g_object_ref(r))
#define QUEUE_DELETE(q, pos)                                                                                           \
    do {                                                                                                               \
        g_object_unref((pos)->data);                                                                                   \
        g_queue_delete_link(q, pos);                                                                                   \
    } while (0)
#define QUEUE_SHIFT(q) g_object_unref(g_queue_pop_head(q))
#define QUEUE_EACH(q, p, body)                                                                                         \
    for (GList *at = (q)->head; at; at = at->next) {                                                                   \
        void *p = at->data;                                                                                            \
        body;                                                                                                          \
    }

#include "../work/retain.h"
#include "../work/alloc.h"
#include "../work/list.h"
#include "../work/gcbench.h"
#include "../work/refs.h"
#include "../work/array.h"
#include "../work/map.h"
#include "../work/queue.h"

int main(int argc, char **argv) {
    static const struct workload all[] = {{"retain", retain}, {"alloc.hot", alloc_hot}, {"alloc.bulk", alloc_bulk},
                                          {"list", list},     {"gcbench", gcbench},     {"array", array},
                                          {"map", map},       {"text", text},           {"queue", queue},
                                          {NULL, NULL}};
    types[PAIR] = type_new("BenchPair", sizeof(struct pair), pair_dispose);
    types[CELL] = type_new("BenchCell", sizeof(struct cell), cell_dispose);
    return run_workload(argc, argv, all);
}

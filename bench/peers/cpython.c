// SPDX-License-Identifier: MIT
// CPython's counts and its collector, used from C: one extension type per kind of object, as an extension module would
// define them. No bytecode runs. Its collector works on its own, by generations; QUIET is gc.disable(), COLLECT
// gc.collect().
#include "../harness.h"

#include <Python.h>

#define HEAD PyObject_HEAD
#include "../work/model.h"

// The references of an object stand in a row behind its head.
#define REFS(self) ((PyObject **)((PyObject *)(self) + 1))

static inline int traverse_refs(PyObject *self, visitproc visit, void *arg, int n) {
    for (int i = 0; i < n; i++)
        Py_VISIT(REFS(self)[i]);
    return 0;
}

static inline int clear_refs(PyObject *self, int n) {
    for (int i = 0; i < n; i++)
        Py_CLEAR(REFS(self)[i]);
    return 0;
}

#define DEFINE_TYPE(name, n)                                                                                           \
    static int name##_traverse(PyObject *self, visitproc visit, void *arg) {                                           \
        return traverse_refs(self, visit, arg, n);                                                                     \
    }                                                                                                                  \
    static int name##_clear(PyObject *self) {                                                                          \
        return clear_refs(self, n);                                                                                    \
    }                                                                                                                  \
    static void name##_dealloc(PyObject *self) {                                                                       \
        PyObject_GC_UnTrack(self);                                                                                     \
        Py_TRASHCAN_BEGIN(self, name##_dealloc) clear_refs(self, n);                                                   \
        PyObject_GC_Del(self);                                                                                         \
        Py_TRASHCAN_END                                                                                                \
    }                                                                                                                  \
    static PyTypeObject name##_type = {                                                                                \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "bench." #name,                                                       \
        .tp_basicsize = sizeof(struct name),                                                                           \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,                                                           \
        .tp_traverse = name##_traverse,                                                                                \
        .tp_clear = name##_clear,                                                                                      \
        .tp_dealloc = name##_dealloc,                                                                                  \
    };

DEFINE_TYPE(pair, 2)
DEFINE_TYPE(tree, 3)
DEFINE_TYPE(cell, 2)
DEFINE_TYPE(node, 6)
DEFINE_TYPE(listener, 1)

static PyTypeObject *const types[] = {&pair_type, &tree_type, &tree_type, &cell_type, &node_type, &listener_type};

static inline void *make(enum kind kind) {
    PyTypeObject *type = types[kind];
    PyObject *obj = PyObject_GC_New(PyObject, type);
    DEMAND(obj);
    memset(obj + 1, 0, (size_t)type->tp_basicsize - sizeof(PyObject));
    PyObject_GC_Track(obj);
    return obj;
}

static inline void *retained(void *obj) {
    Py_INCREF((PyObject *)obj);
    return obj;
}

static inline void store(PyObject **slot, PyObject *obj) {
    PyObject *old = *slot;
    *slot = obj;
    Py_XDECREF(old);
}

static inline void *retained_or_null(void *obj) {
    Py_XINCREF((PyObject *)obj);
    return obj;
}

#define RETAIN(p) ((__typeof__(p))retained(p))
#define DROP(p) Py_DECREF((PyObject *)(p))
#define DROP_LIST(p) Py_DECREF((PyObject *)(p))
#define DROP_CELLS(p) Py_DECREF((PyObject *)(p))
#define DROP_NODES(p) Py_DECREF((PyObject *)(p))
#define SET(slot, p) store((PyObject **)(slot), retained_or_null(p))
#define GIVE(slot, p) store((PyObject **)(slot), (PyObject *)(p))
#define QUIET() PyGC_Disable()
#define TURN() ((void)0)
#define COUNTED_NEW() make(PAIR)
#define COUNT_UP(p) Py_INCREF((PyObject *)(p))
#define COUNT_DOWN(p) Py_DECREF((PyObject *)(p))
#define ONE_THREAD_ONLY // one interpreter lock

static size_t whole_collection(void) {
    PyGC_Enable();
    size_t freed = (size_t)PyGC_Collect();
    PyGC_Disable();
    return freed;
}
#define COLLECT() whole_collection()

#include "../work/retain.h"
#include "../work/alloc.h"
#include "../work/list.h"
#include "../work/tree.h"
#include "../work/cycles.h"
#include "../work/live.h"
#include "../work/dom.h"
#include "../work/gcbench.h"

int main(int argc, char **argv) {
    static const struct workload all[] = {
        {"retain", retain}, {"alloc.hot", alloc_hot}, {"alloc.bulk", alloc_bulk}, {"list", list},
        {"pairs", pairs},   {"ring", ring},           {"dlist", dlist},           {"tree", tree},
        {"graph", graph},   {"live", live},           {"dom", dom},               {"gcbench", gcbench},
        {NULL, NULL}};
    Py_InitializeEx(0);
    for (int i = 0; i < KINDS; i++)
        DEMAND(PyType_Ready(types[i]) == 0);
    PyGC_Collect();
    return run_workload(argc, argv, all);
}

// SPDX-License-Identifier: MIT
// See heaps.h.
#include "tests/heaps.h"
#include "tests/graph.h"
#include "tests/harness.h"

struct rc_heap *new_heap(void) {
    struct rc_heap *heap = rc_heap_new(NULL);
    REQUIRE(heap);
    return heap;
}

void graph_in(struct rc_heap *heap, const char *edges) {
    rc_heap_enter(heap);
    graph(edges);
    rc_heap_leave(heap);
}

void drop_in(struct rc_heap *heap, const char *names) {
    rc_heap_enter(heap);
    drop(names);
    rc_heap_leave(heap);
}

size_t collect_in(struct rc_heap *heap) {
    rc_heap_enter(heap);
    size_t n = rc_collect();
    rc_heap_leave(heap);
    return n;
}

void units_in(struct rc_heap *heap, unsigned units) {
    rc_heap_enter(heap);
    for (unsigned i = 0; i < units; i++)
        rc_collect_step(0);
    rc_heap_leave(heap);
}

enum rc_phase phase_in(struct rc_heap *heap) {
    rc_heap_enter(heap);
    enum rc_phase phase = rc_collect_phase();
    rc_heap_leave(heap);
    return phase;
}

struct rc_stats stats_in(struct rc_heap *heap) {
    rc_heap_enter(heap);
    struct rc_stats s = stats();
    rc_heap_leave(heap);
    return s;
}

pthread_t start(void *(*run)(void *), void *arg) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, run, arg) == 0);
    return thread;
}

void *elsewhere(void *(*run)(void *), void *arg) {
    void *result;
    pthread_join(start(run, arg), &result);
    return result;
}

void *retain_there(void *obj) {
    return rc_retain(obj);
}

void *release_there(void *obj) {
    rc_release(obj);
    return NULL;
}

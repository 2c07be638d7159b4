// SPDX-License-Identifier: MIT
// The functions of graph.h in heaps that this thread need not be inside, and other threads, for tests of several heaps.
#ifndef TESTS_HEAPS_H
#define TESTS_HEAPS_H

#include <pthread.h>
#include <refcyc/refcyc.h>

// The test ends with a failure if there is no memory.
struct rc_heap *new_heap(void);

// Each enters [heap], and leaves it.
void graph_in(struct rc_heap *heap, const char *edges);
void drop_in(struct rc_heap *heap, const char *names);
size_t collect_in(struct rc_heap *heap);
void units_in(struct rc_heap *heap, unsigned units); // smallest units of collection
enum rc_phase phase_in(struct rc_heap *heap);
struct rc_stats stats_in(struct rc_heap *heap);

pthread_t start(void *(*run)(void *), void *arg);
// Runs [run] on another thread, waits for its end and returns what it does.
void *elsewhere(void *(*run)(void *), void *arg);
// To be run elsewhere, on an object.
void *retain_there(void *obj);
void *release_there(void *obj);

#endif

// SPDX-License-Identifier: MIT
// What the three examples do in their loops, which differ in nothing else:
//
//   - a timer fires a hundred times, every 5 ms, and makes garbage, 20 rings of 100 nodes;
//   - what is left is collected while the loop is idle, which another timer looks for every 100 ms;
//   - the quiet: a second with nothing to collect, so the loop must sleep through it;
//   - another thread releases the last handle of an object, which wakes the loop up; its destructor ends the program.
//
// The program fails (status 1) if it used processor time in the quiet, or if the end does not come.
#ifndef EXAMPLES_WORK_H
#define EXAMPLES_WORK_H

#include <pthread.h>
#include <refcyc/refcyc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK = 5, TICKS = 100, LOOK = 100, QUIET = 1000, TOO_LATE = 60000 }; // milliseconds; ticks

struct node {
    struct node *next;
};
static RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)));

static void (*work_end)(void); // ends the loop
static int status = 1;

static void last_destroy(void *obj) {
    (void)obj;
    status = 0;
    work_end();
}
struct last {
    int nothing;
};
static RC_TYPE(last, struct last, .acyclic = true, .destroy = last_destroy);

static void ring_make(void) {
    struct node *first = rc_new(&node_type), *last = first;
    for (int i = 1; i < 100; i++) {
        struct node *n = rc_new(&node_type);
        rc_give(&last->next, n);
        last = n;
    }
    rc_give(&last->next, first);
}

static int ticks;

// Every TICK. Returns whether there is to be another one.
static bool work_tick(void) {
    for (int i = 0; i < 20; i++)
        ring_make();
    return ++ticks < TICKS;
}

static struct last *last;
static struct timespec processor;

static void *release_elsewhere(void *arg) {
    (void)arg;
    usleep(50000);
    rc_release(last);
    return NULL;
}

// Said without a buffer, so that it stands where it happened in a trace of system calls.
static void say(const char *text) {
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        exit(1);
}

static double longest_ms(const struct rc_stats *stats) {
    uint64_t longest = 0;
    for (int i = 0; i < RC_PHASE_COUNT; i++)
        longest = stats->slice_ns_max[i] > longest ? stats->slice_ns_max[i] : longest;
    return (double)longest / 1e6;
}

// Every LOOK. Returns whether the quiet has begun, which lasts for QUIET.
static bool work_look(void) {
    struct rc_stats stats;
    if (ticks < TICKS || rc_collect_pending())
        return false;
    rc_stats(&stats);
    printf("made %llu objects, %zu are left; %llu collections, %llu slices, the longest %.3f ms\n",
           (unsigned long long)stats.allocated, stats.objects, (unsigned long long)stats.collections,
           (unsigned long long)stats.slices, longest_ms(&stats));
    fflush(stdout);
    if (stats.objects)
        exit(1);
    last = rc_new(&last_type);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &processor);
    say("quiet begins\n");
    return true;
}

// At the end of the quiet.
static void work_wake(void) {
    pthread_t thread;
    struct timespec now;
    say("quiet ends\n");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    double used = (double)(now.tv_sec - processor.tv_sec) * 1e3 + (double)(now.tv_nsec - processor.tv_nsec) / 1e6;
    printf("processor time of the quiet second: %.3f ms\n", used);
    if (used > 5 || pthread_create(&thread, NULL, release_elsewhere, NULL))
        exit(1);
    pthread_detach(thread);
}

// At the end, in place of `return`.
static int work_done(void) {
    printf("woken up by another thread: %s\n", status ? "NO" : "yes");
    return rc_heap_free(rc_heap_default()) || status;
}

#endif

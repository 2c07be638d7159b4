// SPDX-License-Identifier: MIT
// Workload 1: retain and release, nanoseconds per pair of calls.
//
//   retain.own        one thread, an object of its own
//   retain.own2       two threads at once, each an object of its own; the mean of both
//   retain.foreign    one thread, an object that another thread made and holds
//   retain.mixed      the thread that made an object and one other, at once; the mean of both
//   retain.contended  two threads at once, an object that a third one made
//
// The program brings COUNTED_NEW() (an object with a reference), COUNT_UP(p) and COUNT_DOWN(p).

static double retain_pairs(void *obj, size_t n) {
    double began = lap_begin();
    for (size_t i = 0; i < n; i++) {
        KEEP(obj);
        COUNT_UP(obj);
        KEEP(obj);
        COUNT_DOWN(obj);
    }
    return lap_end(began, "retain", n) / (double)n;
}

#ifndef ONE_THREAD_ONLY
#include <pthread.h>

struct retain_job {
    void *obj; // NULL: the thread makes its own
    size_t n;
    pthread_barrier_t *start;
    double ns; // result, per pair
};

static void *retain_thread(void *arg) {
    struct retain_job *job = arg;
    void *obj = job->obj;
    if (!obj) {
        THREAD_BEGIN();
        obj = COUNTED_NEW();
    }
    pthread_barrier_wait(job->start);
    job->ns = retain_pairs(obj, job->n);
    if (!job->obj) {
        COUNT_DOWN(obj);
        THREAD_END();
    }
    return NULL;
}

// Runs [threads] threads, and this one too if [here], on [obj]; returns the mean.
static double retain_together(void *obj, size_t n, int threads, bool here) {
    pthread_t id[2];
    struct retain_job job[2];
    pthread_barrier_t start;
    double sum = 0;
    pthread_barrier_init(&start, NULL, (unsigned)(threads + here));
    for (int i = 0; i < threads; i++) {
        job[i] = (struct retain_job){.obj = obj, .n = n, .start = &start};
        DEMAND(pthread_create(&id[i], NULL, retain_thread, &job[i]) == 0);
    }
    if (here) {
        pthread_barrier_wait(&start);
        sum += retain_pairs(obj, n);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
        sum += job[i].ns;
    }
    pthread_barrier_destroy(&start);
    return sum / (threads + here);
}
#endif

static void retain(size_t n, size_t rounds) {
    (void)rounds;
    void *obj = COUNTED_NEW();
    say("retain.own", 1, retain_pairs(obj, n), "ns");
#ifndef ONE_THREAD_ONLY
    say("retain.own2", 1, retain_together(NULL, n, 2, false), "ns");
    say("retain.foreign", 1, retain_together(obj, n, 1, false), "ns");
    say("retain.mixed", 1, retain_together(obj, n / 4, 1, true), "ns");
    say("retain.contended", 1, retain_together(obj, n / 4, 2, false), "ns");
#endif
    COUNT_DOWN(obj);
}

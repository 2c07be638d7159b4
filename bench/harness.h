// SPDX-License-Identifier: MIT
// What every benchmark program in C shares: clocks, one random sequence, one way to print, one main.
//
// A program is called as `program workload arguments...`, does that workload once in a fresh process, and prints lines
// of `workload,param,value,unit`. Repetition, medians and tables are the runner's (bench/run).
//
// Time is processor time of the calling thread, which the rest of the machine disturbs least; pauses and everything
// with two threads that wait for each other are wall-clock time. Between lap_begin and lap_end callgrind counts
// instructions, if the program runs under it with --instr-atstart=no: one dump a lap, named after the lap and its
// units.
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // clocks and barriers
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION ((void)0)
#define CALLGRIND_STOP_INSTRUMENTATION ((void)0)
#define CALLGRIND_ZERO_STATS ((void)0)
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#define RUNNING_ON_VALGRIND 0
#endif

// The compiler must assume that [p] was read and may be another pointer now.
#define KEEP(p) __asm__ volatile("" : "+r"(p) : : "memory")

#define DEMAND(what)                                                                                                   \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);                                  \
            exit(2);                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline double clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline double wall_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}

static inline double cpu_ns(void) {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline void say(const char *workload, size_t param, double value, const char *unit) {
    printf("%s,%zu,%.3f,%s\n", workload, param, value, unit);
    fflush(stdout);
}

static inline double lap_begin(void) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    return cpu_ns();
}

// Ends the lap that began at [began]; returns its nanoseconds.
static inline double lap_end(double began, const char *workload, size_t units) {
    double took = cpu_ns() - began;
    if (RUNNING_ON_VALGRIND) {
        char name[64];
        snprintf(name, sizeof name, "lap %s %zu", workload, units);
        CALLGRIND_DUMP_STATS_AT(name);
        CALLGRIND_STOP_INSTRUMENTATION;
    }
    return took;
}

// Ends a lap and prints nanoseconds per unit.
static inline void lap_say(double began, const char *workload, size_t param, size_t units) {
    say(workload, param, lap_end(began, workload, units) / (double)units, "ns");
}

// The same sequence in every language: 32-bit linear congruential, low bits not used.
static inline uint32_t random_below(uint32_t *state, uint32_t n) {
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

// Bytes of this process that are in memory now.
static inline double resident_bytes(void) {
    unsigned long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%lu %lu", &total, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

// The most memory this program ever had. (ru_maxrss would have that of the process which started it, too.)
static inline double peak_megabytes(void) {
    unsigned long kilobytes = 0;
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lu", &kilobytes) == 1)
            break;
    if (f)
        fclose(f);
    return (double)kilobytes / 1024;
}

struct workload {
    const char *name;
    void (*run)(size_t n, size_t rounds);
};

static inline int run_workload(int argc, char **argv, const struct workload *all) {
    for (const struct workload *w = all; argc > 2 && w->name; w++)
        if (strcmp(w->name, argv[1]) == 0) {
            w->run(strtoul(argv[2], NULL, 0), argc > 3 ? strtoul(argv[3], NULL, 0) : 0);
            return 0;
        }
    fprintf(stderr, "usage: %s WORKLOAD N [ROUNDS]; workloads:", argv[0]);
    for (const struct workload *w = all; w->name; w++)
        fprintf(stderr, " %s", w->name);
    fprintf(stderr, "\n");
    return 64;
}

#endif

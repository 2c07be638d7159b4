// SPDX-License-Identifier: MIT
// Slices of rc_collect_step(budget), timed one by one until nothing is left to do, and what is to be said of them all: by
// the phase they ended in, median, 99th and 99.9th percentile and the longest, in wall-clock time; and in processor time,
// which says what of it was the library's and what the machine's.
#ifndef BENCH_SLICES_H
#define BENCH_SLICES_H

#include "harness.h"

#include <refcyc/refcyc.h>

static uint64_t budget = 1000000;

struct times {
    double *wall, *cpu;
    size_t n, room;
};

static struct times by_phase[RC_PHASE_COUNT], all_slices;

static void times_add(struct times *t, double wall, double cpu) {
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->wall = realloc(t->wall, t->room * sizeof *t->wall);
        t->cpu = realloc(t->cpu, t->room * sizeof *t->cpu);
        DEMAND(t->wall && t->cpu);
    }
    t->wall[t->n] = wall;
    t->cpu[t->n++] = cpu;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double p) {
    size_t i = (size_t)(p * (double)n);
    return sorted[i < n ? i : n - 1];
}

static void times_print(const char *name, struct times *t) {
    if (t->n == 0)
        return;
    qsort(t->wall, t->n, sizeof *t->wall, compare);
    qsort(t->cpu, t->n, sizeof *t->cpu, compare);
    printf("%-10s %8zu  %8.3f %8.3f %8.3f %8.3f  %8.3f %8.3f\n", name, t->n, percentile(t->wall, t->n, 0.5) / 1e6,
           percentile(t->wall, t->n, 0.99) / 1e6, percentile(t->wall, t->n, 0.999) / 1e6, t->wall[t->n - 1] / 1e6,
           percentile(t->cpu, t->n, 0.999) / 1e6, t->cpu[t->n - 1] / 1e6);
}

// Call after times_print, which sorts.
static void histogram_print(const struct times *t) {
    static const double edges[] = {0.001, 0.01, 0.1, 0.5, 0.9, 1.0, 1.02, 1.05, 1.1, 1.25, 1.5, 2, 4, 8, 16, 9999};
    size_t i = 0;
    printf("\nslices of up to\n");
    for (size_t e = 0; e < sizeof edges / sizeof *edges; e++) {
        size_t n = 0;
        for (; i < t->n && t->wall[i] < edges[e] * 1e6; i++)
            n++;
        if (n)
            printf("  %8.3f ms  %8zu  %7.3f%%\n", edges[e], n, 100.0 * (double)n / (double)t->n);
    }
}

// Slices until nothing is left to do; [between] is called after each that leaves something.
static void slices_drain(const char *stage, void (*between)(void)) {
    size_t slices = 0;
    double began = wall_ns(), longest = 0;
    for (enum rc_step step = RC_STEP_MORE; step == RC_STEP_MORE; slices++) {
        double wall = wall_ns(), cpu = cpu_ns();
        step = rc_collect_step(budget);
        cpu = cpu_ns() - cpu, wall = wall_ns() - wall;
        times_add(&by_phase[rc_collect_phase()], wall, cpu);
        times_add(&all_slices, wall, cpu);
        longest = cpu > longest ? cpu : longest;
        DEMAND(step != RC_STEP_OUT_OF_MEMORY);
        if (step == RC_STEP_MORE && between)
            between();
    }
    struct rc_stats stats;
    rc_stats(&stats);
    printf("%-20s %8zu slices, %7.0f ms, longest %.3f (cpu); %zu live; reclaimed: %llu by the collector, %llu by count; "
           "pardoned: %llu\n",
           stage, slices, (wall_ns() - began) / 1e6, longest / 1e6, stats.objects,
           (unsigned long long)stats.reclaimed_collect, (unsigned long long)stats.reclaimed_count,
           (unsigned long long)stats.pardoned);
}

static void slices_print(void) {
    struct rc_stats stats;
    rc_stats(&stats);
    printf("\n%zu live objects, budget %.3f ms; wall-clock ms and, at the right, processor ms\n", stats.objects,
           (double)budget / 1e6);
    printf("ended in     slices       p50      p99    p99.9  longest     p99.9  longest\n");
    for (int phase = 0; phase < RC_PHASE_COUNT; phase++)
        times_print(rc_phase_name((enum rc_phase)phase), &by_phase[phase]);
    times_print("all", &all_slices);
    histogram_print(&all_slices);
}

// Call after slices_print. Whether the bound was kept, in processor time.
static bool slices_verdict(void) {
    bool by_wall = percentile(all_slices.wall, all_slices.n, 0.999) <= 2 * (double)budget;
    bool by_cpu = percentile(all_slices.cpu, all_slices.n, 0.999) <= 2 * (double)budget;
    printf("99.9th percentile within twice the budget: %s; in processor time: %s\n", by_wall ? "yes" : "NO",
           by_cpu ? "yes" : "NO");
    return by_cpu;
}

#endif

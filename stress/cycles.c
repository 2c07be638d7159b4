// SPDX-License-Identifier: MIT
// The leak hunt: shapes of objects are built and dropped for a given time; is the memory of the process the same at the
// end?
//
//     cycles [-s seed] [-t seconds] [-l n]     -l: every nth shape leaks a handle, to see whether that is found
//
// Shapes: pairs, rings, doubly linked lists, trees with parents, cliques, random graphs, documents with nested elements
// and listeners that know both. A few of them are alive at any time, one is replaced by another, and slices of
// collection come between. Resident memory is read ten times a second of processor time, in which as much is built however busy
// the machine is; a straight line through all but the first quarter says whether there is a leak: its slope has to be beyond what
// its own uncertainty explains, and so has that of the later half, which a leak does not slow down: memory that is still finding
// its size does. And it has to grow in each quarter of that: a slice that came late, on a busy machine, is a step, and leaves the
// heap a little larger. The shapes repeat themselves after a while: ever rarer heaps of large ones, each higher than the one
// before, would look like a slow leak. Less than 48 pages in the whole run are none: the longer it is, the slower a leak it finds.
#include "clock.h"
#include "random.h"

#include <refcyc/refcyc.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ALIVE = 32, SAMPLES = 1 << 16, DEGREE = 4, PERIOD = 4096 };

struct node {
    struct node *to[DEGREE];
};
static RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, to)));

struct element {
    struct element *parent, *first, *next;
    struct listener *listener;
    char *text;
};
static void element_destroy(void *obj) {
    free(((struct element *)obj)->text);
}
static RC_TYPE(element, struct element,
               .slots = RC_SLOTS(RC_OWNER(struct element, parent), RC_LINK(struct element, first),
                                 RC_LINK(struct element, next), RC_LINK(struct element, listener)),
               .destroy = element_destroy);

struct listener {
    struct element *target, *document;
    struct rc_weak *last; // the listener that was added before
};
static void listener_finalize(void *obj) {
    struct listener *l = obj;
    rc_clear(&l->document);
}
static RC_TYPE(listener, struct listener,
               .slots = RC_SLOTS(RC_LINK(struct listener, target), RC_LINK(struct listener, document),
                                 RC_WEAK(struct listener, last)),
               .finalize = listener_finalize);

struct hub {
    size_t count;
    struct hub *to[];
};
static RC_TYPE(hub, struct hub, .slots = RC_SLOTS(RC_TAIL(struct hub, to, count)));

static uint64_t random_state, seed;

static uint32_t below(uint32_t n) {
    return random_below(&random_state, n);
}

static void *made(void *obj) {
    if (!obj) {
        perror("cycles");
        exit(2);
    }
    return obj;
}

static void *pair(void) {
    struct node *a = made(rc_new(&node_type)), *b = made(rc_new(&node_type));
    rc_set(&a->to[0], b);
    rc_give(&b->to[0], rc_retain(a));
    rc_release(b);
    return a;
}

static void *ring(void) {
    struct node *first = made(rc_new(&node_type)), *last = first;
    for (uint32_t n = below(200); n > 0; n--) {
        struct node *next = made(rc_new(&node_type));
        rc_give(&last->to[0], next);
        last = next;
    }
    rc_set(&last->to[0], first);
    return first;
}

static void *list(void) {
    struct node *first = made(rc_new(&node_type)), *last = first;
    for (uint32_t n = below(200); n > 0; n--) {
        struct node *next = made(rc_new(&node_type));
        rc_set(&next->to[1], last);
        rc_give(&last->to[0], next);
        last = next;
    }
    return first;
}

static struct element *element(struct element *parent) {
    struct element *e = made(rc_new(&element_type));
    if (parent) {
        rc_move(&e->next, &parent->first);
        rc_set(&parent->first, e);
        rc_set(&e->parent, parent);
    }
    return e;
}

static void grow(struct element *parent, uint32_t depth) {
    for (uint32_t n = depth ? below(5) : 0; n > 0; n--) {
        struct element *child = element(parent);
        grow(child, depth - 1);
        rc_release(child);
    }
}

static void *tree(void) {
    struct element *root = element(NULL);
    grow(root, 4);
    return root;
}

static void *clique(void) {
    enum { MOST = 12 };
    struct hub *all[MOST];
    size_t n = 2 + below(MOST - 1);
    for (size_t i = 0; i < n; i++) {
        all[i] = made(rc_new_sized(&hub_type, n * sizeof(void *)));
        all[i]->count = n;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            rc_set(&all[i]->to[k], all[k]);
    for (size_t i = 1; i < n; i++)
        rc_release(all[i]);
    return all[0];
}

static void *graph(void) {
    enum { MOST = 300 };
    static struct node *all[MOST];
    uint32_t n = 1 + below(MOST), degree = 1 + below(DEGREE);
    for (uint32_t i = 0; i < n; i++)
        all[i] = made(rc_new(&node_type));
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < degree; k++)
            rc_set(&all[i]->to[k], all[below(n)]);
    for (uint32_t i = 1; i < n; i++)
        rc_release(all[i]);
    return all[0];
}

static void *document(void) {
    struct element *root = element(NULL), *at = root;
    struct listener *before = NULL;
    for (uint32_t n = 1 + below(100); n > 0; n--) {
        struct element *e = element(at);
        e->text = made(malloc(1 + below(100)));
        struct listener *l = made(rc_new(&listener_type));
        rc_set(&l->target, e);
        rc_set(&l->document, root);
        made(rc_weak_set(&l->last, before) ? l : NULL);
        rc_give(&e->listener, l);
        before = l;
        if (below(3))
            at = e; // alive, for its parent holds it
        else if (at->parent)
            at = at->parent;
        rc_release(e);
    }
    return root;
}

static void *(*const shapes[])(void) = {pair, ring, list, tree, clique, graph, document};

static double worked(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static double resident(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static struct sample { double at, bytes; } sample[SAMPLES];
static size_t samples;

static void take_sample(double at) {
    if (samples == SAMPLES) { // a long run: every other one will do
        for (size_t i = 0; i < SAMPLES / 2; i++)
            sample[i] = sample[2 * i];
        samples /= 2;
    }
    sample[samples++] = (struct sample){at, resident()};
}

// A straight line by least squares through samples [from] on. The uncertainty of its slope takes neighbours for
// related: memory that is up stays up for a while, so twenty means of stretches count, not each sample.
static void fit(size_t from, double *slope, double *uncertainty) {
    enum { STRETCHES = 20 };
    double x[STRETCHES] = {0}, y[STRETCHES] = {0}, mean_x = 0, mean_y = 0, xx = 0, xy = 0, rest = 0;
    for (size_t s = 0; s < STRETCHES; s++) {
        size_t first = from + (samples - from) * s / STRETCHES, end = from + (samples - from) * (s + 1) / STRETCHES;
        for (size_t i = first; i < end; i++) {
            x[s] += sample[i].at / (double)(end - first);
            y[s] += sample[i].bytes / (double)(end - first);
        }
        mean_x += x[s] / STRETCHES;
        mean_y += y[s] / STRETCHES;
    }
    for (int s = 0; s < STRETCHES; s++) {
        xx += (x[s] - mean_x) * (x[s] - mean_x);
        xy += (x[s] - mean_x) * (y[s] - mean_y);
    }
    *slope = xy / xx;
    for (int s = 0; s < STRETCHES; s++) {
        double off = y[s] - mean_y - *slope * (x[s] - mean_x);
        rest += off * off;
    }
    *uncertainty = sqrt(rest / (STRETCHES - 2) / xx);
}

static double mean(size_t from, size_t end) {
    double sum = 0;
    for (size_t i = from; i < end; i++)
        sum += sample[i].bytes;
    return sum / (double)(end - from);
}

// Whether each quarter from sample [from] on is higher than the one before, by a quarter of what [growth] in all would
// make it, or more.
static bool is_steady(size_t from, double growth) {
    enum { PARTS = 4 };
    size_t n = (samples - from) / PARTS;
    for (size_t part = 1; part < PARTS; part++)
        if (mean(from + part * n, from + (part + 1) * n) - mean(from + (part - 1) * n, from + part * n) < growth / PARTS / 4)
            return false;
    return true;
}

enum { ENOUGH = 80 }; // samples

// Prints the verdict; returns whether there is a leak.
static bool judge(void) {
    size_t from = samples / 4;
    double slope, uncertainty, late_slope, late_uncertainty, length = sample[samples - 1].at - sample[from].at;
    fit(from, &slope, &uncertainty);
    fit(from + (samples - from) / 2, &late_slope, &late_uncertainty);
    double page = (double)sysconf(_SC_PAGESIZE);
    bool grows = slope > 4 * uncertainty && slope * length > 48 * page;
    bool leaks = grows && late_slope > 4 * late_uncertainty && late_slope > slope / 2 && is_steady(from, slope * length);
    printf("resident: %.2f MiB at %.0f s, %.2f MiB at %.0f s; slope %.3f +- %.3f MiB an hour\n",
           sample[from].bytes / 1048576, sample[from].at, sample[samples - 1].bytes / 1048576, sample[samples - 1].at,
           slope * 3600 / 1048576, uncertainty * 3600 / 1048576);
    printf("of that the later half: slope %.3f +- %.3f MiB an hour\n", late_slope * 3600 / 1048576,
           late_uncertainty * 3600 / 1048576);
    if (leaks)
        printf("leak: %.1f MiB an hour\n", slope * 3600 / 1048576);
    else
        printf("leak: none\n");
    return leaks;
}

// What AddressSanitizer keeps back of freed memory, 256 MB otherwise, would look like a leak until it is full.
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "quarantine_size_mb=4";
}

int main(int argc, char **argv) {
    double seconds = 20;
    uint64_t leak = 0, built = 0;
    seed = (uint64_t)time(NULL);
    for (int option; (option = getopt(argc, argv, "s:t:l:")) != -1;)
        if (option == 's')
            seed = strtoull(optarg, NULL, 0);
        else if (option == 't')
            seconds = strtod(optarg, NULL);
        else if (option == 'l')
            leak = strtoull(optarg, NULL, 0);
        else
            return 2;
    memset(sample, 0x55, sizeof sample); // resident from the start: it is not what is measured
    printf("cycles: seed %llu\n", (unsigned long long)seed);
    void *alive[ALIVE] = {NULL};
    double start = now(), shown = start, sampled = worked();
    while (now() < start + seconds || samples < ENOUGH) {
        for (int i = 0; i < 16; i++, built++) {
            if (built % PERIOD == 0)
                random_state = seed;
            void **place = &alive[below(ALIVE)];
            if (leak && built % leak == 0)
                (void)!rc_retain(*place);
            rc_release(*place);
            *place = shapes[below(sizeof shapes / sizeof *shapes)]();
            rc_collect_step(below(50000));
        }
        // Mostly to the end, however slow this build is: building is the faster of the two.
        for (bool mostly = below(8); mostly && rc_collect_step(1000000) == RC_STEP_MORE;)
            continue;
        if (worked() - sampled >= 0.1) {
            sampled = worked();
            take_sample(sampled);
        }
        if (now() - shown >= 1) {
            struct rc_stats stats;
            rc_stats(&stats);
            shown = now();
            printf("%6.0f s  %9.2f MiB resident  %9zu objects  %7zu suspects  %12llu shapes\n", shown - start,
                   resident() / 1048576, stats.objects, stats.suspects, (unsigned long long)built);
            fflush(stdout);
        }
    }
    bool leaks = judge();
    for (int i = 0; i < ALIVE; i++)
        rc_release(alive[i]);
    rc_collect();
    struct rc_stats stats;
    rc_stats(&stats);
    printf("%llu shapes, %llu objects made, %llu destroyed by count, %llu by the collector, %zu left\n",
           (unsigned long long)built, (unsigned long long)stats.allocated, (unsigned long long)stats.reclaimed_count,
           (unsigned long long)stats.reclaimed_collect, stats.objects);
    size_t left = stats.objects;
    rc_heap_free(rc_heap_default());
    return leaks || left;
}

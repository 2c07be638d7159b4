// SPDX-License-Identifier: MIT
// A program with frames: 16 ms each, of which the last 2 are idle and go to the collector, by rc_pace_step. It has N live
// objects and makes garbage of a million objects a second, all of it in cycles. How long are the slices against what they
// were given, how much garbage is there, and does a frame ever end too late because of the collector?
//
//     frames [OBJECTS [SECONDS [MODE [DUMP]]]]          10,000,000 objects, 60 seconds, rings
//
// The heap: trees of 100 nodes that know their parents, as many as make OBJECTS, in one array that is held. One node in
// ten has a further link, to a node of that half of the trees that is never replaced. In each frame the program takes up
// and lets go 100 nodes anywhere in that half, and
//
//     rings      makes 1,600 rings of ten nodes and drops them at once; one ring in ten links to the heap
//     scratch    builds 150 trees and drops those that it built in the frame before; one node in a hundred of them links
//                to the heap. Ten trees of the heap are replaced by new ones.
//     young      builds 160 trees, one node in ten with a link to the heap, and hangs them in the place of those that it
//                built a second ago: each object was part of the heap before it became garbage
//     old        the same in places at random: garbage is as old as the heap
//     plain      as rings, but parents are not declared as owners: what leads to the heap leads to all of it
//
// Until 14 ms of the frame are over it then computes something else, in 256 KB of its own. A frame in which that is not over
// in time has no idle time; the collector gets its turn all the same if it is urgent.
// DUMP is a file to write the slices to, for tools/plot-pauses.
//
// Other programs disturb this one. A slice in the middle of which the thread lost its processor is too long by the wall
// clock, and not by the thread's own: both are shown, and how many slices that happened to. A frame is missed because of
// the collector if it would have been missed without such waiting in its idle time. The goals at the end are about processor
// time; status 1 says that one was not reached. As root, `chrt -f 1` in front keeps other programs away.
#include "harness.h"

#include <refcyc/refcyc.h>
#include <sys/resource.h>

enum { TREE = 100, RING = 10 }; // nodes
enum { TREES = 160, SCRATCH = 150, RINGS = 1600, TOUCHED = 100 }; // a frame
static const double FRAME = 16e6, BUSY = 14e6; // ns

struct node {
    void *parent; // a node, or the forest
    struct node *first, *next, *other;
};

struct forest {
    size_t n;
    struct node *tree[];
};

static RC_TYPE(owned, struct node,
               .slots = RC_SLOTS(RC_OWNER(struct node, parent), RC_LINK(struct node, first), RC_LINK(struct node, next),
                                 RC_LINK(struct node, other)));
static RC_TYPE(plain, struct node,
               .slots = RC_SLOTS(RC_LINK(struct node, parent), RC_LINK(struct node, first), RC_LINK(struct node, next),
                                 RC_LINK(struct node, other)));
static RC_TYPE(forest, struct forest, .slots = RC_SLOTS(RC_TAIL(struct forest, tree, n)));

static const struct mode {
    const char *name;
    const struct rc_type *type;
    size_t rings;   // a frame
    size_t scratch; // trees a frame that are not hung into the heap
    size_t hung;    // trees a frame that are
    size_t lately;  // the places in which trees are replaced, in turn; 0: any, at random
} modes[] = {{"rings", &owned_type, RINGS, 0, 0, 0},
             {"scratch", &owned_type, 0, SCRATCH, TREES - SCRATCH, 0},
             {"young", &owned_type, 0, 0, TREES, 62 * TREES},
             {"old", &owned_type, 0, 0, TREES, 0},
             {"plain", &plain_type, RINGS, 0, 0, 0}};

static const struct mode *mode = &modes[0];
static struct forest *forest;
static uint32_t seed = 42;
static size_t misses, own_misses; // frames that ended too late because of the collector, and for other reasons
static size_t slices, disturbed;  // those in which the thread lost its processor

// Some node of the half of the heap that stays, borrowed. NULL while there is none.
static struct node *node_any(void) {
    struct node *n = forest->tree[forest->n / 2 + random_below(&seed, (uint32_t)forest->n / 2)];
    for (uint32_t steps = random_below(&seed, 8); n && steps; steps--) {
        struct node *to = random_below(&seed, 2) ? n->first : n->next;
        if (to)
            n = to;
    }
    return n;
}

// Of each [every] nodes, one links to the heap.
static struct node *tree_new(uint32_t every) {
    struct node *made[TREE];
    for (uint32_t i = 0; i < TREE; i++) {
        struct node *n = made[i] = rc_new(mode->type);
        DEMAND(n);
        if (i % every == every / 2)
            rc_set(&n->other, node_any());
        if (i == 0)
            continue;
        struct node *parent = made[random_below(&seed, i)];
        rc_set(&n->parent, parent);
        rc_move(&n->next, &parent->first);
        rc_give(&parent->first, n);
    }
    return made[0];
}

static void tree_hang(size_t place) {
    struct node *tree = tree_new(10);
    rc_set(&tree->parent, forest);
    if (forest->tree[place])
        rc_clear(&forest->tree[place]->parent);
    rc_give(&forest->tree[place], tree);
}

static void ring_lose(bool links) {
    struct node *first = rc_new(mode->type), *last = first;
    DEMAND(first);
    if (links)
        rc_set(&first->other, node_any());
    for (int i = 1; i < RING; i++) {
        struct node *n = rc_new(mode->type);
        DEMAND(n);
        rc_give(&last->next, n);
        last = n;
    }
    rc_give(&last->next, first);
}

static struct node *scratch[SCRATCH];

static void garbage_make(void) {
    static size_t next;
    for (size_t k = 0; k < mode->rings; k++)
        ring_lose(k % 10 == 0);
    for (size_t k = 0; k < mode->scratch; k++) {
        rc_release(scratch[k]);
        scratch[k] = tree_new(TREE);
    }
    for (size_t k = 0; k < mode->hung; k++)
        tree_hang(mode->lately ? next++ % mode->lately % (forest->n / 2) : random_below(&seed, (uint32_t)forest->n / 2));
}

static void node_touch(struct node *n) {
    struct node *mine = rc_retain(n);
    KEEP(mine);
    (rc_release)(mine);
}

// The program's other work.
static void work_until(double ns) {
    static volatile uint64_t own[256 * 1024 / 8];
    for (size_t i = 0; wall_ns() < ns;)
        for (int k = 0; k < 64; k++, i++)
            own[i % (sizeof own / sizeof *own)] += i;
}

static void sleep_until(double ns) {
    struct timespec t = {.tv_sec = (time_t)(ns / 1e9), .tv_nsec = (long)(ns - (double)(time_t)(ns / 1e9) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
        continue;
}

struct frame {
    double garbage;      // as a share of the live objects, when it ended
    double use, cpu_use; // its longest slice, by the wall clock and in processor time, against what it was given
    double waited;       // ns of its idle time in which the thread waited for a processor
};

static long switches(void) {
    struct rusage r;
    getrusage(RUSAGE_THREAD, &r);
    return r.ru_nivcsw;
}

static void note_slice(struct frame *f, double wall, double cpu, double given) {
    slices++;
    f->use = wall / given > f->use ? wall / given : f->use;
    f->cpu_use = cpu / given > f->cpu_use ? cpu / given : f->cpu_use;
}

// The idle time of a frame that ends at [end].
static void idle(struct frame *f, double end) {
    double now, began = wall_ns(), began_cpu = cpu_ns();
    while ((now = wall_ns()) < end - 20e3) {
        struct rc_stats before, after;
        rc_stats(&before);
        long lost = switches();
        double cpu = cpu_ns();
        uint64_t next = rc_pace_step((uint64_t)(end - now));
        cpu = cpu_ns() - cpu;
        double wall = wall_ns() - now;
        rc_stats(&after);
        if (after.slices != before.slices) {
            note_slice(f, wall, cpu, end - now);
            disturbed += switches() != lost;
        }
        if (next)
            break;
    }
    f->waited = wall_ns() - began - (cpu_ns() - began_cpu);
}

// One frame that begins at [start], but for the sleep at its end.
static void frame(struct frame *f, double start) {
    garbage_make();
    for (int k = 0; k < TOUCHED; k++)
        node_touch(node_any());
    bool own = wall_ns() > start + BUSY;
    if (!own)
        work_until(start + BUSY);
    own |= wall_ns() > start + BUSY + 1e6; // the machine had something else to do
    if (!own)
        idle(f, start + FRAME);
    else if (rc_pace_is_urgent())
        idle(f, wall_ns() + FRAME - BUSY);
    bool late = wall_ns() > start + FRAME + 0.5e6;
    bool by_slices = late && !own && wall_ns() - f->waited > start + FRAME + 0.5e6;
    misses += by_slices;
    own_misses += late && !by_slices;
    struct rc_stats stats;
    rc_stats(&stats);
    double live = (double)(forest->n + mode->scratch) * TREE + 1;
    f->garbage = ((double)stats.objects - live) / live;
}

static void run(struct frame *frames, size_t n) {
    double start = wall_ns();
    for (size_t i = 0; i < n; i++, start += FRAME) {
        frame(&frames[i], start);
        if (wall_ns() < start + FRAME)
            sleep_until(start + FRAME);
        else if (wall_ns() > start + 2 * FRAME)
            start = wall_ns() - FRAME; // frames that were lost are not caught up with
    }
}

#define QUANTILES(field)                                                                                               \
    static int compare_##field(const void *a, const void *b) {                                                         \
        double x = ((const struct frame *)a)->field, y = ((const struct frame *)b)->field;                             \
        return (x > y) - (x < y);                                                                                      \
    }                                                                                                                  \
    static void print_##field(const char *name, double unit, struct frame *f, size_t n) {                              \
        qsort(f, n, sizeof *f, compare_##field);                                                                       \
        printf("%-34s %9.3f %9.3f %9.3f %9.3f\n", name, f[n / 2].field * unit, f[n - 1 - n / 100].field * unit,        \
               f[n - 1 - n / 1000].field * unit, f[n - 1].field * unit);                                               \
    }
QUANTILES(garbage)
QUANTILES(use)
QUANTILES(cpu_use)

static bool reached(const char *goal, bool is) {
    printf("%-70s %s\n", goal, is ? "yes" : "NO");
    return is;
}

int main(int argc, char **argv) {
    size_t objects = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000000;
    size_t seconds = argc > 2 ? strtoul(argv[2], NULL, 0) : 60;
    size_t n = seconds * 1000 / 16;
    if (argc > 3)
        while (strcmp(mode->name, argv[3]) != 0 && ++mode < modes + sizeof modes / sizeof *modes)
            continue;
    if (objects < 100 * TREE || !seconds || mode == modes + sizeof modes / sizeof *modes) {
        fprintf(stderr, "usage: %s [OBJECTS [SECONDS [rings|scratch|young|old|plain [DUMP]]]]; OBJECTS: %d and more\n",
                argv[0], 100 * TREE);
        return 64;
    }
    size_t trees = objects / TREE;
    forest = rc_new_sized(&forest_type, trees * sizeof *forest->tree);
    struct frame *frames = calloc(n, sizeof *frames);
    DEMAND(forest && frames);
    forest->n = trees;
    for (size_t i = 0; i < trees; i++)
        tree_hang(i);
    rc_collect();

    struct rc_stats before, after;
    struct rc_pauses pauses;
    DEMAND(rc_pauses_record(true));
    rc_stats(&before);
    run(frames, n);
    rc_stats(&after);
    rc_pauses(&pauses);

    printf("%s: %zu live objects, %zu frames of 16 ms with 2 ms of idle time, %.0f objects a second become garbage\n",
           mode->name, (forest->n + mode->scratch) * TREE + 1, n,
           (double)(after.allocated - before.allocated) / (double)seconds);
    printf("%-34s %9s %9s %9s %9s\n", "of each frame", "p50", "p99", "p99.9", "most");
    print_use("longest slice / its time", 1, frames, n);
    print_cpu_use("the same, in processor time", 1, frames, n);
    print_garbage("garbage, % of the live objects", 100, frames, n);
    printf("frames missed because of the collector: %zu; for other reasons: %zu\n", misses, own_misses);
    printf("slices: %zu; the thread lost its processor in %zu of them\n", slices, disturbed);
    printf("collections: %llu; for each object reclaimed, objects looked at: %.2f, steps up owner chains: %.2f, ns: %.0f\n\n",
           (unsigned long long)(after.collections - before.collections),
           (double)(after.nodes - before.nodes) / (double)(after.reclaimed_collect - before.reclaimed_collect),
           (double)(after.climbed - before.climbed) / (double)(after.reclaimed_collect - before.reclaimed_collect),
           (double)pauses.busy_ns / (double)(after.reclaimed_collect - before.reclaimed_collect));
    rc_pauses_print(stdout);
    if (argc > 4) {
        FILE *dump = fopen(argv[4], "w");
        DEMAND(dump);
        rc_pauses_dump(dump);
        fclose(dump);
    }
    qsort(frames, n, sizeof *frames, compare_cpu_use);
    bool ok = reached("longest slice at most 1.5 times its time in 99.9 % of the frames",
                      frames[n - 1 - n / 1000].cpu_use <= 1.5);
    ok &= reached("and 3 times anywhere", frames[n - 1].cpu_use <= 3);
    qsort(frames, n, sizeof *frames, compare_garbage);
    ok &= reached("garbage at most 10 % of the live objects", frames[n - 1].garbage <= 0.1);
    ok &= reached("no frame missed because of the collector", !misses);
    free(frames);
    for (size_t k = 0; k < SCRATCH; k++)
        rc_release(scratch[k]);
    rc_release(forest);
    DEMAND(rc_heap_free(rc_heap_default()) == 0);
    return !ok;
}

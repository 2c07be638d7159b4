// SPDX-License-Identifier: MIT
// How long is a slice? A heap of N live objects (10 million), suspects among them, is collected by rc_collect_step(1
// ms) over and over, and each call is timed, by the phase it ended in: median, 99th and 99.9th percentile, longest, in
// wall-clock time; and the longest in processor time, which says what of it was the library's and what the machine's.
//
//     latency N [BUDGET_US]
//
// The heap: a root, of which this program has its only handle, holds an array of all sections and one of N / 10
// references to nodes all over the heap. A section is a tree of 1,000 nodes that know their parents and sit in sibling
// lists; its first node refers to the array of sections. No owner is declared and no node has a handle, so a suspect
// anywhere leads to everything.
//
// The stages, each until nothing is left to do:
//   fresh     all has just been built: every object is a suspect
//   touched   1,000 nodes have got a link and lost it: the whole heap is traced and nothing found
//   busy      the same, and between slices the program goes on to touch nodes, to replace and to swap sections
//   garbage   a tenth of the sections are dropped, in cycles; one node in a hundred has a destructor, one a finalizer
//   foreign   another thread has released 100,000 handles
//   counted   a list of N / 10 objects dies by count, where a release may destroy 1,000 objects at most
#include "slices.h"

#include <pthread.h>

enum { SECTION = 1000, TOUCHED = 1000, SHARED = 100000, RELEASE_LIMIT = 1000 };

struct node {
    struct node *parent, *first, *next;
    void *other;
};

struct array {
    size_t n;
    struct node *item[];
};

struct root {
    struct array *sections, *anywhere;
};

static size_t destroyed, finalized;

static void node_destroy(void *obj) {
    (void)obj;
    destroyed++;
}

static void node_finalize(void *obj) {
    (void)obj;
    finalized++;
}

#define NODE_SLOTS                                                                                                     \
    RC_SLOTS(RC_LINK(struct node, parent), RC_LINK(struct node, first), RC_LINK(struct node, next),                    \
             RC_LINK(struct node, other))
static RC_TYPE(node, struct node, .slots = NODE_SLOTS);
static RC_TYPE(destroyed_node, struct node, .slots = NODE_SLOTS, .destroy = node_destroy);
static RC_TYPE(finalized_node, struct node, .slots = NODE_SLOTS, .finalize = node_finalize);
static RC_TYPE(root, struct root,
               .slots = RC_SLOTS(RC_LINK(struct root, sections), RC_LINK(struct root, anywhere)));
static RC_TYPE(array, struct array, .slots = RC_SLOTS(RC_TAIL(struct array, item, n)));

static uint32_t seed = 1;

// ---- the heap

static struct node *node_new(void) {
    uint32_t kind = random_below(&seed, 100);
    struct node *n = rc_new(kind == 0 ? &destroyed_node_type : kind == 1 ? &finalized_node_type : &node_type);
    DEMAND(n);
    return n;
}

static struct node *section_new(struct array *sections) {
    static struct node *made[SECTION];
    made[0] = node_new();
    rc_set(&made[0]->other, sections);
    for (uint32_t i = 1; i < SECTION; i++) {
        struct node *n = made[i] = node_new(), *parent = made[random_below(&seed, i)];
        rc_set(&n->parent, parent);
        rc_set(&n->other, made[random_below(&seed, i)]);
        rc_move(&n->next, &parent->first);
        rc_give(&parent->first, n);
    }
    return made[0];
}

static struct array *array_new(size_t n) {
    struct array *a = rc_new_sized(&array_type, n * sizeof(struct node *));
    DEMAND(a);
    a->n = n;
    return a;
}

// Some node of the heap, borrowed.
static struct node *node_any(const struct array *sections) {
    struct node *n = sections->item[random_below(&seed, (uint32_t)sections->n)];
    for (uint32_t steps = random_below(&seed, 12); steps > 0; steps--) {
        struct node *to = random_below(&seed, 2) ? n->first : n->next;
        if (to)
            n = to;
    }
    return n;
}

static void node_touch(struct node *n) {
    struct node *slot = NULL;
    rc_set(&slot, n);
    rc_clear(&slot);
}

static void nodes_touch(const struct array *sections, size_t n) {
    while (n-- > 0)
        node_touch(node_any(sections));
}

static void section_replace(struct array *sections) {
    struct node *s = section_new(sections);
    rc_give(&sections->item[random_below(&seed, (uint32_t)sections->n)], s);
}

// ---- the stages

static struct array *array_of_sections; // what [between] is called with

static void drain(const char *stage, struct array *sections, void (*between)(void)) {
    array_of_sections = sections;
    slices_drain(stage, between);
}

static size_t busy_turns;

static void busy(void) {
    struct array *sections = array_of_sections;
    if (busy_turns == 0)
        return; // or it would never end
    busy_turns--;
    nodes_touch(sections, 5);
    section_replace(sections);
    rc_swap(&sections->item[random_below(&seed, (uint32_t)sections->n)],
            &sections->item[random_below(&seed, (uint32_t)sections->n)]);
}

static void *release_all(void *arg) {
    struct node **held = arg;
    for (size_t i = 0; i < SHARED; i++)
        (rc_release)(held[i]);
    return NULL;
}

static void foreign(struct array *sections) {
    static struct node *held[SHARED];
    pthread_t other;
    for (size_t i = 0; i < SHARED; i++)
        held[i] = rc_retain(node_any(sections));
    DEMAND(pthread_create(&other, NULL, release_all, held) == 0);
    pthread_join(other, NULL);
}

static void list_drop(size_t n) {
    struct node *head = rc_new(&node_type), *last = head;
    for (size_t i = 1; i < n; i++) {
        struct node *p = rc_new(&node_type);
        DEMAND(p);
        rc_give(&last->next, p);
        last = p;
    }
    drain("(list)", NULL, NULL);
    double wall = wall_ns();
    rc_release(head);
    printf("%-10s %8s  release of its head: %.3f ms\n", "(list)", "", (wall_ns() - wall) / 1e6);
}

int main(int argc, char **argv) {
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000000;
    budget = argc > 2 ? strtoul(argv[2], NULL, 0) * 1000 : budget;
    if (n < 10 * SECTION) {
        fprintf(stderr, "usage: %s N [BUDGET_US]; N is at least %d\n", argv[0], 10 * SECTION);
        return 64;
    }
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = RELEASE_LIMIT});
    DEMAND(heap);
    rc_heap_enter(heap);

    struct root *root = rc_new(&root_type);
    DEMAND(root);
    struct array *sections = array_new(n / SECTION), *anywhere = array_new(n / 10);
    rc_give(&root->sections, sections);
    rc_give(&root->anywhere, anywhere);
    for (size_t i = 0; i < sections->n; i++) {
        struct node *s = section_new(sections);
        rc_give(&sections->item[i], s);
    }
    for (size_t i = 0; i < anywhere->n; i++)
        rc_set(&anywhere->item[i], node_any(sections));
    drain("fresh", sections, NULL);
    nodes_touch(sections, TOUCHED);
    drain("touched", sections, NULL);
    nodes_touch(sections, TOUCHED);
    busy_turns = 500;
    drain("busy", sections, busy);
    rc_clear(&root->anywhere);
    for (size_t i = 0; i < sections->n / 10; i++)
        section_replace(sections);
    drain("garbage", sections, NULL);
    foreign(sections);
    drain("foreign", sections, NULL);
    list_drop(n / 10);
    drain("counted", sections, NULL);

    struct rc_stats stats;
    rc_stats(&stats);
    slices_print();
    printf("\nfinalizers %zu, destructors %zu; the collector's graph at most %.1f MB\n", finalized, destroyed,
           (double)stats.graph_bytes_max / 1e6);
    rc_release(root);
    DEMAND(rc_heap_free(heap) == 0);
    return slices_verdict() ? 0 : 1;
}

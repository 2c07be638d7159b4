// SPDX-License-Identifier: MIT
// See scenarios.h.
#include "scenarios.h"

#include <stdio.h>

enum { ALIVE = 0x600DCAFE, GONE = 0x0BADCAFE };
enum { NODE, PLAIN, FINAL, WEAK_MAP, ENTRY, EXTRAS, TYPES };

struct rc_heap *heap[HEAPS_MAX];
struct node *a, *b, *c;
struct rc_weak *weak;
struct scenario *scenarios;

static int nodes, destroyed[NODES_MAX], finalized[NODES_MAX];
static bool finalizes[NODES_MAX], has_destructor[NODES_MAX], woken[HEAPS_MAX];

void scenario_register(struct scenario *s) {
    struct scenario **last = &scenarios;
    while (*last)
        last = &(*last)->next;
    *last = s;
}

static void on_destroy(void *obj) {
    struct node *node = obj;
    MUST(node->magic == ALIVE);
    MUST(finalized[node->id] == finalizes[node->id]);
    node->magic = GONE;
    destroyed[node->id]++;
}

static void on_finalize(void *obj) {
    must_live(obj);
    finalized[((struct node *)obj)->id]++;
}

#define SLOTS RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y))
RC_TYPE(node, struct node, .slots = SLOTS, .destroy = on_destroy);
RC_TYPE(plain, struct node, .slots = SLOTS);
RC_TYPE(final, struct node, .slots = SLOTS, .finalize = on_finalize, .destroy = on_destroy);

static void on_fault(const struct rc_fault *fault) {
    failed("%s", fault->message);
}

static void on_wake(void *arg) {
    *(bool *)arg = true;
}

static void make_heap(int i) {
    static const struct rc_allocator allocator = {memory_new, memory_free, NULL};
    heap[i] = rc_heap_new(&(struct rc_heap_options){.allocator = &allocator, .wake = on_wake, .wake_arg = &woken[i]});
    woken[i] = false;
}

void make_heaps(int n, bool backwards) {
    rc_set_fault_handler(on_fault);
    memset(heap, 0, sizeof heap);
    memset(destroyed, 0, sizeof destroyed);
    memset(finalized, 0, sizeof finalized);
    nodes = 0;
    a = b = c = NULL;
    weak = NULL;
    for (int i = 0; i < n; i++)
        make_heap(backwards ? n - 1 - i : i);
    for (int i = 0; i + 1 < n; i++) // doors are given out in turn; when they begin anew, the order is another
        if ((heap[i]->door > heap[i + 1]->door) != backwards) {
            for (int k = 0; k < n; k++)
                rc_heap_free(heap[k]);
            memory_begin();
            make_heaps(n, backwards);
            return;
        }
    for (unsigned i = 0; i < (unsigned)n; i++) {
        same_words(heap[i]->door, sizeof *heap[i]->door, i + 1);
        same_words(rc__bell_at(heap[i]->door), sizeof *rc__bell_at(heap[i]->door), HEAPS_MAX + i + 1);
    }
}

static int index_of(const struct rc_heap *h) {
    for (int i = 0; i < HEAPS_MAX; i++)
        if (heap[i] == h)
            return i;
    return 0;
}

// Which numbers classes get depends on the order in which those of the run before were given back. [type]: less than TYPES.
static void name_class(unsigned type, uint16_t cls) {
    static bool known[HEAPS_MAX][TYPES];
    if (nodes == 0)
        memset(known, 0, sizeof known);
    unsigned h = (unsigned)index_of(rc__here);
    if (known[h][type])
        return;
    known[h][type] = true;
    unsigned id = 2 * HEAPS_MAX + 1 + 2 * (TYPES * h + type);
    same_words(&rc__class_heap[cls], sizeof *rc__class_heap, id);
    same_words(&rc__class_door[cls / 2], sizeof *rc__class_door, id + 1);
}

void name_weak_map(struct rc_weak_map *map, struct node *key) {
    struct rc__header *extras = RC__HEADER(rc__load(rc__extra_slot(RC__HEADER(key))));
    name_class(WEAK_MAP, rc__cls(RC__HEADER(map)));
    name_class(ENTRY, 2 * rc__class_of(rc__here, &rc__entry_type));
    name_class(EXTRAS, rc__cls(extras));
}

static struct node *make_of(const struct rc_type *type) {
    struct node *node = rc_new(type);
    name_class(type == &node_type ? NODE : type == &plain_type ? PLAIN : FINAL, rc__cls(RC__HEADER(node)));
    node->magic = ALIVE;
    node->id = nodes++;
    finalizes[node->id] = type == &final_type;
    has_destructor[node->id] = type != &plain_type;
    return node;
}

struct node *make(void) {
    return make_of(&node_type);
}

struct node *make_plain(void) {
    return make_of(&plain_type);
}

struct node *make_with_finalizer(void) {
    return make_of(&final_type);
}

void must_live(const struct node *node) {
    MUST(node->magic == ALIVE && destroyed[node->id] == 0);
    MUST(!node->x || node->x->magic == ALIVE);
    MUST(!node->y || node->y->magic == ALIVE);
}

void work_until_quiet(void) {
    int i = index_of(rc_heap_current());
    do {
        woken[i] = false;
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
    } while (woken[i] || rc_collect_pending());
}

static size_t objects(void) {
    struct rc_stats stats;
    rc_stats(&stats);
    return stats.objects;
}

static void end_heap(int i, bool *left, bool *awaited) {
    rc_heap_enter(heap[i]);
    *left |= objects() > 0;
    *awaited |= woken[i] || rc_collect_pending() > 0;
    rc_heap_leave(heap[i]);
}

void end_all(void) {
    bool left = false, awaited = false;
    for (int i = 0; i < HEAPS_MAX; i++)
        if (heap[i])
            end_heap(i, &left, &awaited);
    if (left && !awaited)
        failed("there is garbage, but nothing is pending and nobody was woken");
    for (int round = 0; round < 2 * HEAPS_MAX; round++) // what dies in one heap may give up objects of another
        if (heap[round % HEAPS_MAX]) {
            rc_heap_enter(heap[round % HEAPS_MAX]);
            while (rc_collect_step(0) == RC_STEP_MORE)
                continue;
            rc_collect(); // also when nothing is known to be pending
            MUST(round < HEAPS_MAX || objects() == 0);
            rc_heap_leave(heap[round % HEAPS_MAX]);
        }
    for (int i = 0; i < nodes; i++) {
        if (destroyed[i] != has_destructor[i])
            failed("node %d was destroyed %d times", i, destroyed[i]);
        if (finalized[i] != finalizes[i])
            failed("node %d was finalized %d times", i, finalized[i]);
    }
    for (int i = 0; i < HEAPS_MAX; i++)
        if (heap[i])
            MUST(rc_heap_free(heap[i]) == 0);
}

// SPDX-License-Identifier: MIT
// Every macro and function of the headers once, in the words that C99, C11 and C++17 have in common: it has to compile
// without a warning in each, by gcc and clang, and to run (tests/test_programs.c).
#include <refcyc/refcyc.h>

struct node {
    struct node *next, *parent;
    struct node *row[3];
    struct rc_weak *observed;
    size_t n;
    struct node *tail[1];
};

static int destroyed, finalized, noticed;
static void node_destroy(void *obj) { (void)obj, destroyed++; }
static void node_finalize(void *obj) { (void)obj, finalized++; }
static void notice(void *arg) { (void)arg, noticed++; }
static void count(const struct rc_type *type, size_t objects, size_t bytes, void *arg) {
    (void)type, (void)bytes;
    *(size_t *)arg += objects;
}
static void count_line(const char *line, void *arg) { *(size_t *)arg += line[0] != 0; }
static void count_place(const struct rc_why_step *place, void *arg) { *(size_t *)arg += place->slot != NULL; }
static void count_leak(const struct rc_leak *leak, void *arg) { *(size_t *)arg += leak->objects; }
static void count_problem(const struct rc_problem *problem, void *arg) { *(size_t *)arg += problem->kind != 0; }
static void trace_nothing(void *obj, struct rc_visitor *visitor) { (void)obj, (void)visitor; }

static const struct rc_slot node_slots[] = {
    RC_LINK(struct node, next),      RC_OWNER(struct node, parent), RC_LINK(struct node, row),
    RC_WEAK(struct node, observed), RC_TAIL(struct node, tail, n), RC_END,
};
static RC_TYPE(node, struct node, .slots = node_slots, .trace = trace_nothing, .finalize = node_finalize,
               .destroy = node_destroy);
#ifndef __cplusplus
RC_TYPE(leaf, struct node, .slots = RC_SLOTS(RC_LINK_TO(struct node, next, node_type), RC_OWNER_TO(struct node, parent, node_type)));
#endif

static struct node *make(void) {
    return (struct node *)rc_new(&node_type);
}

int main(void) {
    struct node *a = make(), *b = (struct node *)rc_new_sized(&node_type, 100);
    struct node *mine = rc_retain(a);
    rc_release(mine);
    rc_set(&a->next, b);
    rc_set(&a->row[0], b);
    rc_set(&a->row[1], a);
    rc_move(&a->row[2], &a->row[0]);
    rc_swap(&a->row[1], &a->row[2]);
    rc_clear(&a->row[1]);
    rc_set(&a->row[2], NULL);
    struct node *taken = rc_take(&a->next);
    rc_give(&b->tail[0], taken);
    b->n = 1;
    rc_changed(b);
    struct rc_weak *weak = rc_weak_new(a);
    bool ok = weak && rc_weak_set(&b->observed, a) && rc_weak_notify(weak, notice, NULL) && rc_weak_left() == 0;
    struct node *upgraded = (struct node *)rc_weak_get(weak);
    rc_release(upgraded);
    ok = ok && rc_type_of(a) == &node_type && rc_is_a(a, &node_type) && rc_handles(a) == 1 && rc_links(b) == 1;
    {
        RC_AUTO struct node *local = make();
        (void)local;
    }
    rc_give(&a->next, b);
    size_t places = 0, lines = 0, leaks = 0, problems = 0;
    struct rc_why *why = rc_why(b);
    ok = ok && why && why->kind == RC_WHY_HANDLES && why->steps[0].object == a;
    rc_why_free(why);
    ok = ok && rc_referrers(b, count_place, &places) == 2 && places == 2 && rc_why_print(b, count_line, &lines) && lines == 3;
    ok = ok && rc_leaks(count_leak, &leaks) && leaks == 2 && rc_report(count_line, &lines) && lines == 5;
    ok = ok && rc_dump(b, 1, count_line, &lines) && lines == 5 + 3 + 2 + 2;
    ok = ok && rc_verify(count_problem, &problems) == 0 && problems == 0;
    rc_release(a);
    ok = ok && rc_collect_pending() > 0 && rc_collect_step(0) != RC_STEP_OUT_OF_MEMORY;
    ok = ok && rc_phase_name(rc_collect_phase()) != NULL;
    rc_collect_cancel();
    rc_collect();
    struct rc_stats stats;
    rc_stats(&stats);
    size_t census = 0;
    rc_census(count, &census);
    ok = ok && rc_type_forget(&node_type);
    ok = ok && stats.objects == 0 && census == 0 && destroyed == 3 && finalized == 3 && noticed == 1;
    rc_weak_release(rc_weak_retain(weak));
    rc_weak_release(weak);
    struct rc_heap_options options = {"mine", NULL, 0, 1 << 20, NULL, NULL};
    struct rc_heap *heap = rc_heap_new(&options);
    rc_heap_enter(heap);
    ok = ok && rc_heap_current() == heap && rc_heap_try_enter(heap);
    rc_heap_set_limit(heap, 0);
    rc_trim(SIZE_MAX);
    rc_heap_leave(heap);
    struct node *eternal = (struct node *)rc_immortal(make());
    ok = ok && rc_heap_of(eternal) == heap;
    rc_heap_leave(heap);
    ok = ok && rc_heap_free(heap) == 0;
    rc_fault_fn *handler = rc_set_fault_handler(NULL);
    rc_set_fault_handler(handler);
    return !ok || rc_heap_free(rc_heap_default()) != 0 || rc_version()[0] == 0;
}

// SPDX-License-Identifier: MIT
// Misuse, of each kind that the fault handler knows: reported at the call, with names and counts; where the handler
// returns, nothing is lost and the heap is in order. (Tables: test_types.c. Heaps: test_heap.c. Threads: test_threads.c.)
#include "rc/object.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/steps.h"
#include "tests/vector.h"

#define EXPECT_REFUSED(call) (errno = 0, EXPECT(!(call)), EXPECT_EQ(EINVAL, errno))

// ---- the handler

static void ignore(const struct rc_fault *fault) {
    (void)fault;
}

TEST(handler_is_set_and_the_one_before_returned) {
    rc_fault_fn *first = rc_set_fault_handler(ignore);
    EXPECT(rc_set_fault_handler(NULL) == ignore);
    EXPECT(rc_set_fault_handler(ignore) == first);
    rc_set_fault_handler(NULL);
}

TEST(fault_tells_the_call_the_type_the_object_and_its_counts) {
    faults_begin();
    graph("ab");
    struct node *b = at('b');
    drop("b");
    rc_release(b);
    const struct rc_fault *fault = last_fault();
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_release");
    EXPECT_STR("node", fault->type);
    EXPECT_PTR(b, fault->object);
    EXPECT_EQ(0, fault->handles);
    EXPECT_EQ(1, fault->links);
    EXPECT_HAS("rc_release", fault->message);
    EXPECT_HAS("node", fault->message);
    EXPECT_HAS("0 handles", fault->message);
    EXPECT_HAS("1 link", fault->message);
    EXPECT(!strchr(fault->message, '\n'));
    drop("a");
}

// ---- a release too many

//   a --> b: caught at the call, although the link keeps b in memory
TEST(release_too_many_of_a_linked_object_is_a_fault_that_changes_nothing) {
    faults_begin();
    graph("ab");
    drop("b");
    rc_release(at('b'));
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_release");
    EXPECT_EQ(0, rc_handles(at('b')));
    EXPECT_EQ(1, rc_links(at('b')));
    drop("a");
    EXPECT_STR("ab", gone());
}

TEST(release_too_many_aborts_by_default, .aborts = "rc_release: node") {
    graph("ab");
    drop("b");
    rc_release(at('b'));
}

TEST(give_without_a_handle_is_a_fault_that_changes_nothing) {
    faults_begin();
    graph("ab");
    drop("b");
    rc_give(&at('a')->y, at('b'));
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_give");
    EXPECT_PTR(NULL, at('a')->y);
    EXPECT_EQ(1, rc_links(at('b')));
    drop("a");
}

TEST(auto_variable_released_by_hand_is_a_fault) {
    faults_begin();
    graph("ga");
    {
        RC_AUTO struct node *a = at('a'); // the handle of graph()
        rc_release(a);
    }
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_release");
    drop("g");
    EXPECT_STR("ga", gone());
}

// ---- dead objects

static void finish_dead_node(void) {
    drop("g");
    rc_collect();
    EXPECT_STR("dg", gone());
}

TEST(retain_of_a_dead_object_is_a_fault) {
    faults_begin();
    struct node *d = a_dead_node();
    (void)rc_retain(d);
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_retain");
    EXPECT_HAS("dead", last_fault()->message);
    finish_dead_node();
}

TEST(release_of_a_dead_object_is_a_fault) {
    faults_begin();
    struct node *d = a_dead_node();
    rc_release(d);
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_release");
    finish_dead_node();
}

TEST(dead_object_cannot_be_linked) {
    faults_begin();
    struct node *d = a_dead_node();
    rc_set(&at('g')->x, d);
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_set");
    EXPECT_PTR(NULL, at('g')->x);
    rc_give(&at('g')->x, d);
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_give");
    EXPECT_PTR(NULL, at('g')->x);
    finish_dead_node();
}

TEST(slot_that_holds_a_dead_object_is_reported) {
    faults_begin();
    struct node *d = a_dead_node();
    at('g')->y = d; // by hand
    EXPECT_PTR(NULL, rc_take(&at('g')->y));
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_take");
    rc_clear(&at('g')->y);
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_SLOT, last_fault()->kind);
    at('g')->y = NULL;
    rc_changed(d); // dying objects may say so, which changes nothing
    EXPECT_NO_FAULT();
    finish_dead_node();
}

// Between two slices no destructor runs: somebody has kept a pointer.
TEST(use_of_garbage_between_the_slices_that_destroy_it_names_who_is_to_blame) {
    faults_begin();
    graph("ab ba");
    struct node *a = at('a');
    drop("ab");
    while (rc_collect_phase() != RC_PHASE_DESTROY && rc_collect_step(0) == RC_STEP_MORE)
        continue;
    while (!rc__is_dead(RC__HEADER(a)))
        rc_collect_step(0);
    EXPECT_STR("", gone());
    (void)rc_retain(a);
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_retain");
    EXPECT_HAS("was garbage and waits for its destructor", last_fault()->message);
    EXPECT_EQ(2, rc_collect());
}

TEST(weak_release_too_many_is_a_fault_that_changes_nothing) {
    faults_begin();
    graph("a");
    struct rc_weak *weak = rc_weak_new(at('a'));
    rc_weak_release(weak);
    EXPECT_NO_FAULT();
    rc_weak_release(weak);
    EXPECT_FAULT(RC_FAULT_RELEASE, "rc_weak_release");
    EXPECT_PTR(at('a'), last_fault()->object);
    EXPECT_HAS("(alive, 1 handle, 0 links) has a weak reference that is released once too often", last_fault()->message);
    EXPECT_PTR(weak, rc_weak_new(at('a'))); // the table has its own yet
    drop("a");
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
    EXPECT_NO_FAULT();
}

TEST(type_of_a_freed_object_is_a_fault) {
    if (!rc_heap_default()->blocks.paged)
        SKIP("a sanitizer would see it first");
    faults_begin();
    graph("a");
    struct node *a = at('a');
    drop("a");
    EXPECT_PTR(NULL, rc_type_of(a));
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_type_of");
    EXPECT(!rc_is_a(a, &node_type));
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_is_a");
}

TEST(weak_reference_to_a_dead_object_is_a_fault) {
    faults_begin();
    struct node *d = a_dead_node();
    EXPECT_REFUSED(rc_weak_new(d));
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_weak_new");
    finish_dead_node();
}

TEST(dead_object_aborts_by_default, .aborts = "rc_retain: node") {
    (void)rc_retain(a_dead_node());
}

// The memory of small objects is the heap's own, and a freed cell is no object: also after it was collected.
TEST(use_after_the_memory_went_is_a_fault, .aborts = "dead") {
    if (!rc_heap_default()->blocks.paged) {
        fputs("dead\n", stderr); // there the sanitizer sees it first
        abort();
    }
    graph("aa");
    struct node *a = at('a');
    drop("a");
    rc_collect();
    (void)rc_retain(a);
}

// ---- slots written by hand

//   a, b: a.x = b without a link
TEST(clear_of_a_slot_written_by_hand_is_a_fault) {
    faults_begin();
    graph("a b");
    at('a')->x = at('b');
    rc_clear(&at('a')->x);
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_set");
    EXPECT_PTR(at('b'), last_fault()->object);
    EXPECT_EQ(1, rc_handles(at('b')));
    EXPECT_EQ(0, rc_links(at('b')));
    at('a')->x = NULL;
    drop("ab");
    EXPECT_STR("ab", gone());
}

TEST(take_from_a_slot_written_by_hand_is_a_fault) {
    faults_begin();
    graph("a b");
    at('a')->x = at('b');
    EXPECT_PTR(NULL, rc_take(&at('a')->x));
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_take");
    EXPECT_EQ(1, rc_handles(at('b')));
    at('a')->x = NULL;
    drop("ab");
}

TEST(death_with_a_slot_written_by_hand_is_a_fault) {
    faults_begin();
    graph("a b");
    at('a')->x = at('b');
    drop("a");
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_SLOT, last_fault()->kind);
    EXPECT_STR("a", gone());
    drop("b");
    EXPECT_STR("ab", gone());
}

TEST(slot_written_by_hand_aborts_by_default, .aborts = "written by hand") {
    graph("a b");
    at('a')->x = at('b');
    drop("a");
}

#ifdef RC_CHECK
struct pair { struct node *declared, *forgotten; };
static RC_TYPE(pair, struct pair, .slots = RC_SLOTS(RC_LINK(struct pair, declared)));

struct triple {
    struct pair pair;
    size_t n;
    struct node *tail[];
};
static RC_TYPE(triple, struct triple, .slots = RC_SLOTS(RC_TAIL(struct triple, tail, n)), .base = &pair_type);

TEST(field_that_the_table_does_not_declare_is_no_slot) {
    faults_begin();
    graph("a");
    struct triple *t = rc_new_sized(&triple_type, 2 * sizeof *t->tail);
    t->n = 2;
    struct node *a = at('a');
    rc_set(&t->pair.forgotten, a);
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_set");
    EXPECT_PTR(t, last_fault()->object);
    EXPECT_HAS("has no slot there", last_fault()->message);
    rc_give(&t->pair.forgotten, a);
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_give");
    EXPECT_PTR(NULL, t->pair.forgotten);
    EXPECT_EQ(1, rc_handles(a));
    EXPECT_EQ(0, rc_links(a));
    rc_set(&t->pair.declared, a);
    rc_set(&t->tail[1], a);
    rc_move(&t->tail[0], &t->tail[1]);
    EXPECT_NO_FAULT();
    EXPECT_EQ(2, rc_links(a));
    rc_release(t);
    EXPECT_EQ(0, rc_links(a));
    drop("a");
}
#endif

//   a <--> b, c --> x --> e: x dies when the collection has met it, and a slot of a points to it by hand
TEST(collection_that_meets_a_dead_object_in_a_slot_is_a_fault) {
    graph("ab ba cx xe");
    drop("xabe");
    stop_in(RC_PHASE_BUILD);
    faults_begin();
    at('a')->y = at('x');
    rc_clear(&at('c')->x);
    for (int unit = 0; unit < 100 && rc_collect_phase() == RC_PHASE_BUILD; unit++)
        rc_collect_step(0);
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_collect");
    at('a')->y = NULL;
    rc_collect();
    drop("c");
    EXPECT_STR("abcex", gone_sorted());
}

//   a --> a, and a second link that was never made: the collection reports it and frees nothing of it
TEST(collection_that_meets_a_slot_written_by_hand_is_a_fault) {
    faults_begin();
    graph("aa");
    at('a')->y = at('a');
    drop("a");
    rc_collect();
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_TRACE, last_fault()->kind);
    EXPECT_STR("", gone());
    at('a')->y = NULL;
    hold("a");
    drop("a");
    EXPECT_EQ(1, rc_collect());
    EXPECT_EQ(0, faults_seen());
}

static RC_TYPE(ringed, struct node, .slots = RC_SLOTS(RC_LINK(struct node, x)));

//   g --> vector --> a node, which goes to another place when it was read there, and is read again
TEST(slot_that_moves_without_rc_changed_is_a_fault) {
    faults_begin();
    graph("g");
    struct vector *v = vector_new(3000);
    rc_give_slot(&v->slots[0], rc_new(&ringed_type));
    rc_set_slot(&at('g')->x, v);
    rc_release(v);
    rc_collect();
    touch_object(v);
    stop_in(RC_PHASE_BUILD);
    rc_collect_step(0);
    v->slots[2000] = v->slots[0];
    v->slots[0] = NULL;
    rc_collect();
    EXPECT_FAULT(RC_FAULT_TRACE, "rc_collect");
    EXPECT_HAS("moved without rc_changed", last_fault()->message);
    drop("g");
    EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(UINT64_MAX));
}

static void take_up_b(const struct rc_fault *fault) {
    EXPECT_EQ(RC_FAULT_TRACE, fault->kind);
    hold("b");
}

//   a --> a, and a second link by hand;  b <--> c --> a long ring   what the handler takes up is kept, with all that it leads
// to. The ring makes it a matter for the graph (cc/island.c).
TEST(handler_may_take_up_what_the_collection_looks_at) {
    enum { RING = 600 };
    graph_quietly(true);
    graph("aa bc cb");
    at('a')->y = at('a');
    struct node *first = rc_new(&ringed_type), *last = first;
    for (int i = 1; i < RING; i++) {
        struct node *next = rc_new(&ringed_type);
        rc_give(&last->x, next);
        last = next;
    }
    rc_set(&last->x, first);
    rc_give(&at('c')->y, first);
    drop("abc");
    rc_set_fault_handler(take_up_b);
    rc_collect();
    rc_set_fault_handler(NULL);
    EXPECT_STR("", gone());
    at('a')->y = NULL;
    hold("a");
    drop("ab");
    EXPECT_EQ(3 + RING, rc_collect());
    graph_quietly(false);
}

// A link overwritten by hand is a leak, which the collector cannot take for garbage; the heap's end brings it all back.
TEST(link_overwritten_by_hand_leaks_and_is_no_more_than_a_leak) {
    graph("aa ab");
    at('a')->x = NULL;
    drop("ab");
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("", gone());
    EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
    EXPECT_STR("ab", gone_sorted());
}

// ---- a trace that breaks its law

static void trace_twice(void *obj, struct rc_visitor *visitor) {
    struct node *node = obj;
    rc_visit(visitor, &node->x);
    rc_visit(visitor, &node->x);
}
static const struct rc_type twice_type = {"twice", sizeof(struct node), .trace = trace_twice};

//   n --> n   reported twice: it is kept, whatever the trace says
TEST(trace_that_reports_a_slot_twice_is_a_fault) {
    faults_begin();
    struct node *n = rc_new(&twice_type);
    rc_set(&n->x, n);
    rc_release(n);
    rc_collect();
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_TRACE, last_fault()->kind);
    EXPECT_STR("twice", last_fault()->type);
    EXPECT_EQ(1, stats().objects);
    rc_clear(&n->x); // dies by count
}

static void trace_declared(void *obj, struct rc_visitor *visitor) {
    struct node *node = obj;
    rc_visit(visitor, &node->x);
}
static const struct rc_type declared_type = {"declared", sizeof(struct node), .trace = trace_declared,
                                             .slots = RC_SLOTS(RC_LINK(struct node, x))};

TEST(trace_that_reports_a_declared_slot_is_a_fault) {
    faults_begin();
    struct node *n = rc_new(&declared_type);
    rc_set(&n->x, n);
    rc_release(n);
    rc_collect();
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_TRACE, last_fault()->kind);
    rc_clear(&n->x);
}

TEST(trace_that_reports_a_slot_twice_aborts_by_default, .aborts = "twice") {
    struct node *n = rc_new(&twice_type);
    rc_give(&n->x, n);
    rc_collect();
}

// ---- destructors that hold on to what dies

static struct node *kept;
static void keep(struct node *node) {
    if (node->name == 'a')
        kept = rc_retain(node);
}

TEST(destructor_that_retains_its_dying_object_is_a_fault) {
    faults_begin();
    graph("a");
    on_destroy = keep;
    drop("a");
    EXPECT_EQ(1, faults_seen());
    EXPECT(last_fault()->kind == RC_FAULT_DESTROY || last_fault()->kind == RC_FAULT_DEAD); // it is both
    EXPECT_STR("a", gone());
    EXPECT_EQ(0, stats().objects);
}

TEST(destructor_that_retains_a_member_of_its_garbage_set_is_a_fault) {
    faults_begin();
    graph("ab ba");
    on_destroy = keep;
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_DESTROY, last_fault()->kind);
    EXPECT_STR("ab", gone_sorted());
}

static void link_to_dying(struct node *node) {
    if (node->name == 'a')
        rc_set(&at('r')->x, node->x ? node->x : node);
}

TEST(destructor_that_links_a_member_of_its_garbage_set_is_a_fault) {
    faults_begin();
    graph("ab ba r");
    on_destroy = link_to_dying;
    drop("ab");
    EXPECT_EQ(2, rc_collect());
    EXPECT_EQ(1, faults_seen());
    EXPECT_EQ(RC_FAULT_DESTROY, last_fault()->kind);
    EXPECT_PTR(NULL, at('r')->x);
    drop("r");
}

TEST(destructor_that_keeps_its_object_aborts_by_default, .aborts = "node") {
    graph("a");
    on_destroy = keep;
    drop("a");
}

// ---- a wrong heap, and NULL

TEST(immortal_from_another_heap_is_a_fault) {
    faults_begin();
    graph("a");
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    rc_immortal(at('a'));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_immortal");
    EXPECT_EQ(1, last_fault()->handles);
    rc_changed(at('a'));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_changed");
    rc_heap_leave(h);
    free_heap(h);
    drop("a");
    EXPECT_STR("a", gone());
}

static void never_noticed(void *arg) {
    (void)arg;
    EXPECT(false);
}

// Its list of notices is the affair of the thread inside.
TEST(notice_of_an_object_in_another_heap_is_a_fault) {
    faults_begin();
    graph("a");
    struct rc_weak *weak = rc_weak_new(at('a'));
    struct rc_heap *h = rc_heap_new(NULL);
    rc_heap_enter(h);
    EXPECT_REFUSED(rc_weak_notify(weak, never_noticed, NULL));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_weak_notify");
    EXPECT_PTR(at('a'), last_fault()->object);
    EXPECT_EQ(1, rc_handles(at('a')));
    rc_heap_leave(h);
    free_heap(h);
    drop("a");
    EXPECT_STR("a", gone());
    rc_weak_release(weak);
}

TEST(null_slots_are_faults) {
    faults_begin();
    graph("a");
    struct node **none = NULL;
    rc_set(none, at('a'));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set");
    rc_give(none, at('a'));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_give");
    EXPECT_EQ(1, rc_handles(at('a')));
    EXPECT_PTR(NULL, rc_take(none));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_take");
    rc_move(none, &at('a')->x);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_move");
    rc_move(&at('a')->x, none);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_move");
    rc_swap(none, &at('a')->x);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_swap");
    EXPECT_REFUSED(rc_weak_set(NULL, at('a')));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_set");
    EXPECT_REFUSED(rc_weak_notify(NULL, NULL, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_notify");
    rc_stats(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_stats");
    rc_changed(NULL);
    EXPECT_EQ(1, faults_seen());
    EXPECT_PTR(NULL, rc_type_of(NULL));
    EXPECT_EQ(1, faults_seen());
    drop("a");
}

// The slot at [offset] of an object whose address is NULL.
static struct node **slot_of_null(size_t offset) {
    return (struct node **)offset;
}

//   a, in which x is filled: `rc_set(&none->y, a)` changes as little as rc_set(NULL, a)
TEST(fields_of_null_are_no_slots) {
    faults_begin();
    graph("ab");
    rc_set(&at('a')->x, at('b'));
    struct node **y = slot_of_null(offsetof(struct node, y)), **end = slot_of_null(4095);
    rc_set(y, at('a'));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set");
    EXPECT_STR("rc_set: the slot is NULL, or a field of NULL", last_fault()->message);
    rc_set(end, at('a'));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set");
    rc_clear(y);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set");
    rc_give(y, at('a'));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_give");
    rc_give(y, (struct node *)NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_give");
    EXPECT_PTR(NULL, rc_take(y));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_take");
    rc_move(y, &at('a')->x);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_move");
    rc_move(&at('a')->x, y);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_move");
    rc_swap(y, &at('a')->x);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_swap");
    rc_swap(&at('a')->x, y);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_swap");
    EXPECT_REFUSED(rc_weak_set((struct rc_weak **)slot_of_null(8), at('a')));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_set");
    EXPECT_EQ(1, rc_handles(at('a')));
    EXPECT_EQ(0, rc_links(at('a')));
    EXPECT_PTR(at('b'), at('a')->x);
    drop("ab");
}

TEST(null_aborts_by_default, .aborts = "rc_heap_enter") {
    rc_heap_enter(NULL);
}

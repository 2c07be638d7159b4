// SPDX-License-Identifier: MIT
// Ways through collector and heap that need a shape made for them: each test says which.
#include "rc/object.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"
#include "tests/vector.h"

#include <refcyc/array.h>
#include <refcyc/string.h>
#include <refcyc/weak_map.h>

struct wide {
    void *x[16];
};
RC_TYPE(wide, struct wide, .slots = RC_SLOTS(RC_LINK(struct wide, x)));

// An object whose 16 slots lead to [target], a suspect that keeps the collector reading for a while.
static struct wide *filler(void *target) {
    struct wide *w = rc_new(&wide_type);
    for (int i = 0; i < 16; i++)
        rc_set_slot(&w->x[i], target);
    return w;
}

// ---- BUILD

//   v --> 6000 nodes, in 20000 slots --> v: nodes and edges are more than a chunk each, and memory is out at any of them
static struct vector *large_garbage(void) {
    enum { NODES = 6000, SLOTS = 20000 };
    struct vector *v = vector_new(SLOTS);
    for (size_t i = 0; i < SLOTS; i++)
        if (i < NODES) {
            struct node *n = rc_new(&node_type);
            n->name = 'n';
            rc_set_slot(&n->x, v);
            rc_give_slot(&v->slots[i], n);
        } else {
            rc_set_slot(&v->slots[i], v->slots[i % NODES]);
        }
    return v;
}

TEST(graph_that_grows_beyond_its_memory_is_called_off) {
    struct rc_heap *heap = scarce_enter();
    rc_release(large_garbage());
    rc_collect(); // of its memory the collector keeps a chunk of each sort
    size_t failures = 0;
    for (size_t nth = 1; nth == failures + 1; nth++) {
        rc_release(large_garbage());
        size_t objects = stats().objects;
        fail_allocation(nth, false);
        errno = 0;
        size_t freed = rc_collect();
        if (refused() > 0) {
            failures++;
            EXPECT_EQ(0, freed);
            EXPECT_EQ(ENOMEM, errno);
            EXPECT_EQ(objects, stats().objects);
            EXPECT_EQ(0, rc_verify(NULL, NULL));
            freed = rc_collect();
        }
        EXPECT_EQ(objects, freed);
        forget();
    }
    EXPECT(failures >= 2);
    scarce_leave(heap);
}

//   u --> v, n; n --> u, and h is held: h --> u: found alive from h, u tells n, which learns that its way up is x.
//   Then m, which is no suspect's child, leads up to a vector that is alive and not read yet.
TEST(hint_that_leads_to_a_long_object_is_of_no_use_and_does_no_harm) {
    struct vector *u = vector_new(2);
    graph("h n");
    rc_set_slot(&at('h')->x, u);
    rc_set_slot(&u->slots[0], at('n'));
    rc_set_slot(&u->slots[1], at('h'));
    rc_set_slot(&at('n')->x, u);
    rc_release(u);
    drop("n");
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("", gone());
    // m --x--> w (long), m --y--> k (held) --> w; w is a suspect that is looked at last.
    struct vector *w = vector_new(20);
    graph("m k");
    rc_set_slot(&at('m')->x, w);
    rc_set_slot(&at('m')->y, at('k'));
    rc_set_slot(&at('k')->x, w);
    rc_set_slot(&w->slots[0], at('m'));
    struct wide *fillers[10];
    rc_release(w); // suspects are looked at from the last to the first
    for (int i = 0; i < 10; i++)
        fillers[i] = filler(at('h'));
    for (int i = 0; i < 10; i++) {
        rc_set_slot(&w->slots[i + 1], fillers[i]); // alive
        rc_release(fillers[i]);
    }
    drop("m");
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("", gone());
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    drop("kh");
    rc_collect();
    EXPECT_STR("hkmn", gone_sorted());
    EXPECT_EQ(0, stats().objects);
}

//   map --> entry <-- extras <-- key <-- h (held) <-- a: key is found alive while its extras are being read, so that the
//   edge to the entry comes from something alive; the map is garbage, and the entry with it
TEST(entry_that_is_met_from_a_key_just_found_alive_goes_with_its_map) {
    struct rc_weak_map *map = rc_weak_map_new();
    struct wide *key = rc_new(&wide_type), *a = rc_new(&wide_type), *fillers[8];
    struct rc_string *leaf = rc_string_new("leaf");
    struct item *value = item_new(1);
    graph("h");
    EXPECT(rc_weak_map_put(map, key, value));
    rc_release(value);
    rc_set_slot(&key->x[0], key);
    rc_set_slot(&at('h')->x, key);
    rc_set_slot(&a->x[0], at('h'));
    rc_set_slot(&a->x[1], map);
    rc_set_slot(&a->x[2], a);
    for (int i = 0; i < 8; i++) {
        fillers[i] = rc_new(&wide_type);
        for (int k = 0; k < 15; k++)
            rc_set_slot(&fillers[i]->x[k], leaf);
        rc_set_slot(&fillers[i]->x[15], at('h'));
        rc_set_slot(&a->x[3 + i], fillers[i]);
    }
    for (int i = 0; i < 8; i++)
        rc_release(fillers[i]); // looked at after
    rc_release(a);
    rc_release(key);
    rc_release(map); // this first
    rc_release(leaf);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(2, stats().objects); // h and key
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    drop("h");
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

//   a ring of garbage whose members hold 15 objects each that are held, and hold some more themselves, with slots that are
//   empty between: what is told to be alive does not fit into a row
static size_t ended;
static void note_end(void *obj) { (void)obj, ended++; }
RC_TYPE(ended, struct wide, .slots = RC_SLOTS(RC_LINK(struct wide, x)), .destroy = note_end); // no islands, so

TEST(garbage_that_meets_held_objects_with_empty_slots_is_collected) {
    enum { RING = 16 };
    static struct wide *ring[RING], *held[RING][15];
    for (int i = 0; i < RING; i++)
        ring[i] = rc_new(&ended_type);
    for (int i = 0; i < RING; i++) {
        rc_set_slot(&ring[i]->x[0], ring[(i + 1) % RING]);
        for (int k = 0; k < 15; k++) {
            held[i][k] = rc_new(&wide_type);
            rc_set_slot(&ring[i]->x[k + 1], held[i][k]);
            for (int j = k % 2; j < 16; j += 2)
                rc_give_slot(&held[i][k]->x[j], rc_new(&wide_type));
        }
    }
    for (int i = 0; i < RING; i++)
        rc_release(ring[i]);
    EXPECT_EQ(RING, rc_collect());
    EXPECT_EQ(RING, ended);
    for (int i = 0; i < RING; i++)
        for (int k = 0; k < 15; k++) {
            EXPECT_EQ(0, rc_links(held[i][k]));
            rc_release(held[i][k]);
        }
    EXPECT_EQ(0, stats().objects);
}

//   a chain of 200, and from each 15 leaves: more that have died than wait anywhere but on the list
TEST(wide_chain_dies_at_once) {
    struct wide *first = rc_new(&wide_type), *last = first;
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 15; k++)
            rc_give_slot(&last->x[k], rc_new(&wide_type));
        struct wide *next = rc_new(&wide_type);
        rc_give_slot(&last->x[15], next);
        last = next;
    }
    EXPECT_EQ(201 + 200 * 15, stats().objects);
    rc_release(first);
    EXPECT_EQ(0, stats().objects);
}

// ---- owners

struct part {
    void *owner, *other;
};
RC_TYPE(part, struct part, .slots = RC_SLOTS(RC_OWNER(struct part, owner), RC_LINK(struct part, other)));

// Makes p, which has an owner q in another heap, and calls [collects] with it in p's own. q is held, and not by p any more.
static void with_owner_elsewhere(void (*collects)(struct part *p)) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(k);
    struct part *q = rc_new(&part_type);
    rc_heap_enter(h);
    struct part *p = rc_new(&part_type);
    rc_set_slot(&p->owner, q);
    collects(p);
    rc_heap_leave(h);
    EXPECT_EQ(1, rc_handles(q));
    rc_release(q);
    rc_heap_leave(k);
    free_heap(h);
    free_heap(k);
}

static void collect_alone(struct part *p) {
    rc_set_slot(&p->other, p);
    rc_release(p);
    EXPECT_EQ(1, stats().suspects);
    EXPECT_EQ(1, rc_collect());
}

static void collect_met(struct part *p) {
    struct part *m = rc_new(&part_type);
    rc_set_slot(&p->other, m);
    rc_set_slot(&m->other, p);
    rc_release(p);
    rc_release(m);
    EXPECT_EQ(2, rc_collect());
}

//   (h) p --owner--> q (k): what is in another heap proves nothing here; p is judged by its links
TEST(owner_in_another_heap_proves_nothing) {
    with_owner_elsewhere(collect_alone);
}

//   (h) m <--> p --owner--> q (k): the same where p is met from m
TEST(owner_in_another_heap_of_what_is_met_proves_nothing) {
    with_owner_elsewhere(collect_met);
}

// ---- several heaps at once

static struct rc_heap *first_heap;
static struct node *by_hand;

//   destroyed in its heap's turn, b drops a tree in a heap that had its turn before, and destroys one object at a time
static void drop_tree_elsewhere(struct node *node) {
    if (node->name != 'b')
        return;
    rc_heap_enter(first_heap);
    struct node *tree = at('t'), *leaf = tree->x;
    rc_release(tree);
    if (by_hand)
        by_hand->y = leaf; // no link
    rc_heap_leave(first_heap);
}

static void dead_that_wait(bool written) {
    first_heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    struct rc_heap *k = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    graph_in(first_heap, "tu g uv");
    drop_in(first_heap, "uv");
    rc_heap_enter(first_heap);
    by_hand = written ? at('g') : NULL;
    rc_heap_leave(first_heap);
    graph_in(k, "cb");
    drop_in(k, "b");
    drop_in(k, "c"); // destroys c only: b waits, and dies in the turn of its heap
    EXPECT_STR("c", gone());
    on_destroy = drop_tree_elsewhere;
    rc_collect_heaps((struct rc_heap *[]){first_heap, k}, 2);
    on_destroy = NULL;
    EXPECT_STR("bctuv", gone_sorted());
    if (written)
        by_hand->y = NULL;
    drop_in(first_heap, "g");
    free_heap(first_heap);
    free_heap(k);
    forget();
}

TEST(dead_objects_that_wait_have_no_part_in_the_graph_of_several_heaps) {
    dead_that_wait(false);
}

TEST(dead_object_in_a_slot_is_reported_when_several_heaps_are_collected) {
    faults_begin();
    dead_that_wait(true);
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_collect_heaps");
    EXPECT_HAS("dead", last_fault()->message);
}

//   (h) array of 50 wires --> (k) n --> array: garbage with parts, piece by piece; and links to much that is alive
TEST(garbage_over_heaps_with_many_parts_and_many_living_neighbours) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(k);
    struct wide *n = rc_new(&wide_type), *living[15];
    for (int i = 0; i < 15; i++) {
        living[i] = rc_new(&wide_type);
        rc_set_slot(&n->x[i + 1], living[i]);
    }
    rc_heap_enter(h);
    struct rc_array *a = rc_array_new(&wire_element);
    for (int i = 0; i < 50; i++) {
        struct wire wire = {.resource = resource_open()};
        EXPECT(rc_array_push_give(a, &wire));
    }
    struct wide *up = rc_new(&wide_type);
    rc_give_slot(&up->x[0], a);
    rc_set_slot(&up->x[1], n);
    rc_heap_leave(h);
    rc_give_slot(&n->x[0], up);
    rc_release(n);
    EXPECT_EQ(50, resources_open);
    EXPECT_EQ(3, rc_collect_heaps((struct rc_heap *[]){h, k}, 2));
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(15, stats().objects);
    for (int i = 0; i < 15; i++) {
        EXPECT_EQ(0, rc_links(living[i]));
        rc_release(living[i]);
    }
    rc_heap_leave(k);
    free_heap(h);
    free_heap(k);
}

// ---- heaps

TEST(heap_is_not_freed_where_no_more_heaps_can_be_entered) {
    struct rc_heap *heaps[32], *one_more = new_heap();
    for (int i = 0; i < 32; i++)
        rc_heap_enter(heaps[i] = new_heap());
    faults_begin();
    EXPECT_EQ(0, rc_heap_free(one_more));
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_free");
    for (int i = 32; i-- > 0;) {
        rc_heap_leave(heaps[i]);
        free_heap(heaps[i]);
    }
    free_heap(one_more);
}

TEST(heap_that_is_entered_elsewhere_on_the_stack_is_not_freed) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(h);
    rc_heap_enter(k);
    faults_begin();
    EXPECT_EQ(0, rc_heap_free(h)); // under another
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_free");
    rc_heap_enter(k);
    EXPECT_EQ(0, rc_heap_free(k)); // twice
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_free");
    rc_heap_leave(k);
    rc_heap_leave(k);
    rc_heap_leave(h);
    free_heap(h);
    free_heap(k);
}

static unsigned notices;
static void notice(void *arg) { (void)arg, notices++; }

//   both heaps have notices that wait: none is lost
TEST(notices_of_both_heaps_come_when_they_merge) {
    struct rc_heap *heaps[2];
    struct rc_weak *weak[2][2];
    for (int i = 0; i < 2; i++) {
        heaps[i] = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
        rc_heap_enter(heaps[i]);
        for (int k = 0; k < 2; k++) {
            struct item *item = item_new(k);
            weak[i][k] = rc_weak_new(item);
            EXPECT(rc_weak_notify(weak[i][k], notice, NULL));
            rc_release(item); // one a release: the notices wait
        }
        EXPECT(heaps[i]->notices != NULL);
        rc_heap_leave(heaps[i]);
    }
    EXPECT(rc_heap_merge(heaps[0], heaps[1]));
    rc_heap_enter(heaps[0]);
    rc_collect();
    rc_heap_leave(heaps[0]);
    EXPECT_EQ(4, notices);
    for (int i = 0; i < 4; i++)
        rc_weak_release(weak[i / 2][i % 2]);
    free_heap(heaps[0]);
}

static struct item *neighbour;
static bool too_often;
static void give_up_neighbour(struct item *item) {
    if (item->id != 1)
        return;
    rc_release(neighbour);
    if (too_often)
        rc_release(neighbour);
}

//   a --> b: another thread has taken a handle of b, which a's destructor gives up when the heap ends
TEST(destructor_gives_up_a_handle_that_was_taken_elsewhere) {
    for (int times = 0; times < 2; times++) {
        struct rc_heap *h = new_heap();
        rc_heap_enter(h);
        struct item *a = item_new(1), *b = item_new(2);
        rc_give(&a->back, (void *)b);
        elsewhere(retain_there, b);
        EXPECT_EQ(1, rc_handles(b));
        neighbour = b;
        too_often = times == 1;
        on_item_destroy = give_up_neighbour;
        faults_begin();
        rc_heap_leave(h);
        EXPECT_EQ(2, rc_heap_free(h));
        on_item_destroy = NULL;
        if (too_often)
            EXPECT_FAULT(RC_FAULT_DESTROY, "rc_release");
        else
            EXPECT_NO_FAULT();
        EXPECT_EQ(0, items_alive);
    }
}

TEST(null_has_no_counts_and_is_not_made_immortal) {
    EXPECT_EQ(0, rc_handles(NULL));
    EXPECT_EQ(0, rc_links(NULL));
    EXPECT_PTR(NULL, rc_immortal(NULL));
    struct rc_heap *h = new_heap();
    graph_in(h, "a");
    faults_begin();
    rc_immortal(at('a'));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_immortal");
    graph("b");
    rc_give_slot(NULL, at('b'));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_give");
    EXPECT_PTR(at('b'), last_fault()->object);
    rc_give_slot(NULL, NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_give");
    rc_swap_slots(&at('b')->x, NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_swap");
    drop("b");
    drop_in(h, "a");
    free_heap(h);
}

static void *change_there(void *arg) {
    struct node **slots = arg;
    struct node *obj = at('b');
    rc_give(&slots[0], obj);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_give");
    EXPECT_PTR(NULL, rc_take(&slots[0]));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_take");
    rc_move(&slots[0], &slots[1]);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_move");
    rc_swap(&slots[0], &slots[1]);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_swap");
    return NULL;
}

//   slots of no object, and a thread that is inside no heap
TEST(slots_are_changed_by_nobody_who_is_inside_no_heap) {
    struct node *slots[2] = {NULL, NULL};
    graph("b");
    faults_begin();
    elsewhere(change_there, slots);
    EXPECT_PTR(NULL, slots[0]);
    drop("b");
}

// A program can ask for blocks of the C library: objects are then not rounded up to cells.
TEST(environment_variable_has_each_object_allocated) {
    setenv("REFCYC_MALLOC", "1", 1);
    struct rc_heap *h = new_heap();
    setenv("REFCYC_MALLOC", "0", 1);
    struct rc_heap *k = new_heap();
    unsetenv("REFCYC_MALLOC");
    EXPECT(!h->blocks.paged);
    graph_in(h, "a");
    EXPECT_EQ(16 + sizeof(struct node), stats_in(h).bytes);
    drop_in(h, "a");
    free_heap(h);
    free_heap(k);
}

// As valgrind does; and who measures with one of its tools can ask for what runs otherwise.
TEST(under_valgrind_each_object_is_allocated_unless_the_environment_says_no) {
    setenv("REFCYC_MALLOC", "0", 1);
    struct rc_heap *plain = new_heap();
    setenv("LD_PRELOAD", "/usr/libexec/valgrind/vgpreload_core-amd64-linux.so", 1);
    struct rc_heap *measured = new_heap();
    unsetenv("REFCYC_MALLOC");
    struct rc_heap *seen = new_heap();
    unsetenv("LD_PRELOAD");
    EXPECT(!seen->blocks.paged);
    EXPECT_EQ(plain->blocks.paged, measured->blocks.paged);
    free_heap(plain);
    free_heap(measured);
    free_heap(seen);
}

static void *other_alloc(size_t size, size_t align, void *arg) {
    (void)align;
    (void)arg;
    return malloc(size);
}
static void *another_alloc(size_t size, size_t align, void *arg) {
    return other_alloc(size, align, arg);
}
static void other_free(void *memory, size_t size, void *arg) {
    (void)size;
    (void)arg;
    free(memory);
}
static void another_free(void *memory, size_t size, void *arg) {
    other_free(memory, size, arg);
}

TEST(heaps_whose_allocators_differ_in_anything_do_not_merge) {
    static int arg;
    const struct rc_allocator allocators[] = {
        {other_alloc, other_free, NULL}, {another_alloc, other_free, NULL}, {other_alloc, another_free, NULL}, {other_alloc, other_free, &arg}};
    struct rc_heap *heaps[4], *same = rc_heap_new(&(struct rc_heap_options){.allocator = &allocators[0]});
    for (int i = 0; i < 4; i++)
        heaps[i] = rc_heap_new(&(struct rc_heap_options){.allocator = &allocators[i]});
    for (int i = 1; i < 4; i++) {
        errno = 0;
        EXPECT(!rc_heap_merge(heaps[0], heaps[i]));
        EXPECT_EQ(EINVAL, errno);
    }
    EXPECT(rc_heap_merge(heaps[0], same));
    for (int i = 0; i < 4; i++)
        free_heap(heaps[i]);
}

//   a string that is gone has left a place in the table of texts; the others come along
TEST(interned_strings_come_along_when_some_are_gone) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(k);
    struct rc_string *one = rc_string_intern("one"), *two = rc_string_intern("two");
    rc_release(one);
    rc_heap_leave(k);
    EXPECT(rc_heap_merge(h, k));
    rc_heap_enter(h);
    struct rc_string *again = rc_string_intern("two");
    EXPECT_PTR(two, again);
    rc_release(again);
    rc_release(two);
    // And of texts there may be none left.
    struct rc_heap *l = new_heap();
    rc_heap_enter(l);
    rc_release(rc_string_intern("three"));
    rc_heap_leave(l);
    rc_heap_leave(h);
    EXPECT(rc_heap_merge(h, l));
    free_heap(h);
}

// ---- types

struct large {
    char room[70000];
    void *self;
};
RC_TYPE(large, struct large, .slots = RC_SLOTS(RC_LINK(struct large, self)));

TEST(objects_larger_than_64_kib_are_collected) {
    struct large *a = rc_new(&large_type);
    rc_set_slot(&a->self, a);
    rc_release(a);
    EXPECT_EQ(1, rc_collect());
}

static size_t freed_slots;
static void free_slots(void *obj) { (void)obj, freed_slots++; }
RC_TYPE(room, struct wide, .slots = RC_SLOTS(RC_LINK(struct wide, x)), .free_slots = free_slots);

TEST(room_for_slots_is_given_back_however_the_object_goes) {
    struct wide *by_count = rc_new(&room_type), *in_cycle = rc_new(&room_type);
    rc_set_slot(&in_cycle->x[3], in_cycle);
    rc_release(by_count);
    EXPECT_EQ(1, freed_slots);
    rc_release(in_cycle);
    EXPECT_EQ(1, rc_collect());
    EXPECT_EQ(2, freed_slots);
}

// ---- traces of the user's

static void trace_nothing(void *obj, struct rc_visitor *visitor) {
    struct wide *w = obj;
    static const struct rc_slot none[] = {RC_END};
    rc_visit_structs(visitor, w->x, 4, sizeof(void *), NULL);
    rc_visit_structs(visitor, w->x, 4, sizeof(void *), none);
    rc_visit_structs(visitor, w->x, 0, sizeof(void *), wide_type.slots);
    rc_visit_slots(visitor, w->x, 1);
}
RC_TYPE(traced, struct wide, .trace = trace_nothing);

TEST(structs_without_slots_show_nothing) {
    struct wide *w = rc_new(&traced_type);
    rc_set_slot(&w->x[0], w);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(w);
    EXPECT_EQ(1, rc_collect());
}

TEST(rc_changed_of_what_is_not_here_is_a_fault) {
    struct rc_heap *h = new_heap();
    graph_in(h, "a");
    (void)stats();
    faults_begin();
    rc_changed(at('a'));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_changed");
    rc_changed(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_changed");
    struct rc_weak *weak = rc_weak_new(at('a'));
    EXPECT(!rc_weak_notify(weak, NULL, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_weak_notify");
    rc_weak_release(weak);
    drop_in(h, "a");
    free_heap(h);
}

// ---- what the collector says of a mark that is none of its own

TEST(mark_of_the_graph_that_no_node_stands_for_is_told) {
    graph("ab ba c");
    struct rc__header *c = RC__HEADER(at('c'));
    const struct rc_heap *heap = rc_heap_default();
    c->word |= RC__GRAPH;
    EXPECT_HAS("there is no collection", cc_defect(heap, c));
    c->word &= ~RC__GRAPH;
    EXPECT(cc_defect(heap, c) == NULL);
    drop("ab");
    stop_in(RC_PHASE_BUILD);
    c->word |= RC__GRAPH | 1000; // a number beyond
    EXPECT_HAS("no node is its own", cc_defect(heap, c));
    rc__set_index(c, 0); // another's
    EXPECT_HAS("no node is its own", cc_defect(heap, c));
    c->word &= ~RC__GRAPH;
    rc_collect();
    drop("c");
}

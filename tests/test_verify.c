// SPDX-License-Identifier: MIT
// rc_verify: a heap in order gives 0 (steps.c has that looked at after each unit of each sweep of all suites); each thing
// that can be out of order is done to a heap here, found, named word for word, and put right again.
#include "rc/object.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"

#include <refcyc/inspect.h>

static struct rc_problem last;
static char message[1024], slot[128];
static size_t seen;

static void note(const struct rc_problem *problem, void *arg) {
    EXPECT(arg == &seen);
    last = *problem;
    snprintf(message, sizeof message, "%s", problem->message);
    snprintf(slot, sizeof slot, "%s", problem->slot ? problem->slot : "");
    seen++;
}

static void look(void) {
    seen = 0;
    last = (struct rc_problem){0};
    size_t problems = rc_verify(note, &seen);
    EXPECT_EQ(problems, seen);
}

// The text that a message about [obj] has behind its counts.
static const char *said_of(const void *obj) {
    char start[128];
    const char *type = rc_type_of(obj)->name;
    snprintf(start, sizeof start, "rc_verify: %s %p (alive, %zu handle%s, %zu link%s) ", type, obj, rc_handles(obj),
             rc_handles(obj) == 1 ? "" : "s", rc_links(obj), rc_links(obj) == 1 ? "" : "s");
    EXPECT_PTR(obj, last.object);
    EXPECT_PTR(rc_type_of(obj), last.type);
    EXPECT_EQ(rc_handles(obj), last.handles);
    EXPECT_EQ(rc_links(obj), last.links);
    EXPECT_HAS(start, message);
    return strncmp(start, message, strlen(start)) ? message : message + strlen(start);
}

static const char *format(const char *format, ...) {
    static char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return text;
}

#define EXPECT_PROBLEM(wanted)                                                                                         \
    do {                                                                                                               \
        look();                                                                                                        \
        EXPECT_EQ(1, seen);                                                                                            \
        EXPECT_EQ(wanted, last.kind);                                                                                  \
    } while (0)

#define EXPECT_ORDER() EXPECT_EQ(0, rc_verify(NULL, NULL))

TEST(heap_in_order_has_no_problems) {
    EXPECT_ORDER();
    graph("ab ba cd dd Ea");
    drop("abd");
    struct rc_weak *weak = rc_weak_new(at('c'));
    EXPECT_ORDER();
    rc_weak_release(weak);
    EXPECT_ORDER();
    drop("cE");
    EXPECT_ORDER();
    rc_collect();
    EXPECT_ORDER();
}

// ---- links

//   a --> b, and c.y is given b's address without a link
TEST(slot_written_by_hand_is_found) {
    graph("ab cc");
    struct node *b = at('b');
    at('c')->y = b;
    EXPECT_PROBLEM(RC_PROBLEM_LINKS);
    const char *said = said_of(b);
    EXPECT_HAS("is led to by 2 slots: ", said);
    EXPECT_HAS(format("node %p --x-->", (void *)at('a')), said);
    EXPECT_HAS(format("node %p --y-->", (void *)at('c')), said);
    EXPECT_EQ(2, last.found);
    at('c')->y = NULL;
    EXPECT_ORDER();
    drop("abc");
    rc_collect();
}

TEST(of_many_slots_some_are_named) {
    graph("ab cb db eb fb");
    struct node *b = at('b');
    b->y = b;
    EXPECT_PROBLEM(RC_PROBLEM_LINKS);
    EXPECT_HAS("is led to by 6 slots: ", message);
    EXPECT_HAS("--> and others", message);
    b->y = NULL;
    drop("acdefb");
}

//   a --> b, and a.x is overwritten: b has a link for ever
TEST(slot_overwritten_by_hand_is_found) {
    graph("ab");
    struct node *b = at('b');
    at('a')->x = NULL;
    EXPECT_PROBLEM(RC_PROBLEM_UNEXPLAINED);
    EXPECT_STR("is led to by 0 slots", said_of(b));
    at('a')->x = b;
    EXPECT_ORDER();
    drop("ab");
}

struct pair {
    void *a, *b;
};
static bool twice;
static void pair_trace(void *obj, struct rc_visitor *v) {
    struct pair *p = obj;
    rc_visit(v, &p->a);
    if (twice)
        rc_visit(v, &p->a);
}
RC_TYPE(pair, struct pair, .trace = pair_trace);

TEST(trace_that_reports_a_slot_twice_is_found) {
    struct pair *p = rc_new(&pair_type), *q = rc_new(&pair_type);
    rc_set(&p->a, q);
    EXPECT_ORDER();
    twice = true;
    EXPECT_PROBLEM(RC_PROBLEM_LINKS);
    EXPECT_STR(format("is led to by 2 slots: pair %p --+0--> and once more +0, the same slot", (void *)p), said_of(q));
    twice = false;
    rc_release(p);
    rc_release(q);
}

TEST(trace_that_forgets_a_slot_is_found_with_the_field_that_it_forgets) {
    struct pair *p = rc_new(&pair_type), *q = rc_new(&pair_type);
    rc_set(&p->b, q); // b is not traced
    EXPECT_PROBLEM(RC_PROBLEM_UNEXPLAINED);
    EXPECT_STR(format("is led to by 0 slots: pair %p holds its address at +8, which is no slot", (void *)p), said_of(q));
    EXPECT_EQ(0, last.found);
    rc_clear(&p->b);
    rc_release(p);
    rc_release(q);
}

TEST(slots_and_words_that_are_none_are_both_named) {
    struct pair *p = rc_new(&pair_type), *q = rc_new(&pair_type);
    rc_set(&p->a, q);
    rc_set(&p->b, q); // b is not traced
    EXPECT_PROBLEM(RC_PROBLEM_UNEXPLAINED);
    EXPECT_STR(format("is led to by 1 slots: pair %p --+0-->, pair %p holds its address at +8, which is no slot", (void *)p,
                      (void *)p), said_of(q));
    rc_clear(&p->b);
    rc_release(p);
    rc_release(q);
}

TEST(many_problems_are_all_reported) {
    enum { N = 100 };
    struct node *nodes[N];
    graph("g");
    for (int i = 0; i < N; i++) {
        REQUIRE((nodes[i] = rc_new(&node_type)));
        struct rc__header *h = RC__HEADER(nodes[i]);
        h->word += RC__LINK_ONE;
    }
    look();
    EXPECT_EQ(N, seen);
    for (int i = 0; i < N; i++) {
        RC__HEADER(nodes[i])->word -= RC__LINK_ONE;
        rc_release(nodes[i]);
    }
    drop("g");
    EXPECT_ORDER();
}

// ---- slots

TEST(slot_that_leads_to_no_object_is_found) {
    static char nothing[64];
    graph("a");
    at('a')->y = (void *)(nothing + 16);
    EXPECT_PROBLEM(RC_PROBLEM_SLOT);
    EXPECT_STR(format("has a slot that leads to no object: y, which holds %p", (void *)(nothing + 16)), said_of(at('a')));
    EXPECT_STR("y", slot);
    at('a')->y = NULL;
    drop("a");
}

//   what lies in a slot, or in a word beside the slots, may be any number
TEST(numbers_are_not_taken_for_objects) {
    struct rc_heap *h = new_heap();
    graph("b");
    rc_heap_enter(h);
    graph("a");
    struct pair *p = rc_new(&pair_type), *q = rc_new(&pair_type);
    for (int outward = 0; outward < 2; outward++) {
        for (uintptr_t n = 1; n < 40; n++) {
            at('a')->y = (void *)n;
            EXPECT_PROBLEM(RC_PROBLEM_SLOT);
            EXPECT_STR(format("has a slot that leads to no object: y, which holds %p", (void *)n), said_of(at('a')));
            at('a')->y = NULL;
            rc_set(&p->b, q); // not traced, so words that hold the address are looked for
            q->b = (void *)n;
            EXPECT_PROBLEM(RC_PROBLEM_UNEXPLAINED);
            q->b = NULL;
            rc_clear(&p->b);
        }
        rc_set(&at('a')->x, at('b')); // from here on, slots may lead to another heap
    }
    rc_release(p);
    rc_release(q);
    drop("a");
    rc_heap_leave(h);
    free_heap(h);
    drop("b");
}

TEST(slot_that_leads_to_no_object_of_any_heap_is_found) {
    static char nothing[64];
    struct rc_heap *h = new_heap();
    graph("b");
    rc_heap_enter(h);
    graph("a");
    rc_set(&at('a')->x, at('b')); // from here on, slots may lead to another heap
    EXPECT_ORDER();
    at('a')->y = (void *)(nothing + 16);
    EXPECT_PROBLEM(RC_PROBLEM_SLOT);
    at('a')->y = NULL;
    drop("a");
    rc_heap_leave(h);
    free_heap(h);
    drop("b");
}

//   a.y is given the address of b, which is dead and waits to be destroyed
TEST(slot_that_leads_to_a_dead_object_is_found) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    REQUIRE(h);
    rc_heap_enter(h);
    graph("a cb");
    struct node *b = at('b');
    drop("b");
    drop("c");
    REQUIRE(is_there('b'));
    at('a')->y = b;
    EXPECT_PROBLEM(RC_PROBLEM_SLOT);
    EXPECT_STR(format("has a slot that leads to a dead object: y, which holds node %p", (void *)b), said_of(at('a')));
    at('a')->y = NULL;
    drop("a");
    rc_collect();
    rc_heap_leave(h);
    free_heap(h);
}

// ---- handles

TEST(handles_below_zero_are_found) {
    faults_begin();
    graph("ab");
    drop("b");
    struct node *b = at('b');
    elsewhere(release_there, b);
    EXPECT_PROBLEM(RC_PROBLEM_HANDLES);
    EXPECT_HAS("was released 1 times more often than retained", message);
    elsewhere(retain_there, b);
    EXPECT_ORDER();
    rc_set_fault_handler(NULL);
    drop("a");
    rc_collect();
}

// ---- owners

struct part {
    struct part *whole, *first, *next;
    struct rc_array *parts;
};
RC_TYPE(part, struct part,
        .slots = RC_SLOTS(RC_OWNER(struct part, whole), RC_LINK(struct part, first), RC_LINK(struct part, next),
                          RC_LINK(struct part, parts)));

static struct part *new_part(struct part *whole) {
    struct part *p = rc_new(&part_type);
    REQUIRE(p);
    rc_set(&p->whole, whole);
    return p;
}

//   w --first--> p --next--> q --next--> ...; and w --parts--> array --> r
TEST(owners_that_lead_to_their_parts_are_in_order) {
    struct part *w = new_part(NULL), *last_part = NULL;
    for (size_t i = 0; i < 200; i++) {
        struct part *p = new_part(w);
        rc_set(last_part ? &last_part->next : &w->first, p);
        last_part = p;
        rc_release(p);
    }
    struct rc_array *array = rc_array_new(&rc_link_element);
    for (size_t i = 0; i < 200; i++) {
        struct part *p = new_part(w);
        rc_array_push(array, p);
        rc_release(p);
    }
    rc_give(&w->parts, array);
    EXPECT_ORDER();
    rc_release(w);
    EXPECT_EQ(402, rc_collect());
}

//   w --> a --> a --> ... a long way ... --> p, which has nothing to do with those in between
TEST(owner_that_leads_to_its_part_over_a_long_way_is_in_order) {
    struct part *w = new_part(NULL), *at_end = w;
    for (size_t i = 0; i < 100; i++) {
        struct part *p = new_part(NULL);
        rc_set(&at_end->first, p);
        rc_release(p);
        at_end = p;
    }
    struct part *p = new_part(w);
    rc_give(&at_end->first, p);
    EXPECT_ORDER();
    rc_release(w);
    EXPECT_EQ(102, rc_collect());
}

TEST(owner_that_does_not_lead_to_its_part_is_found) {
    struct part *w = new_part(NULL), *p = new_part(w), *q = new_part(w);
    rc_set(&w->first, q);
    EXPECT_PROBLEM(RC_PROBLEM_OWNER);
    EXPECT_STR(format("names an owner that does not lead to it: whole, which holds part %p", (void *)w), said_of(p));
    EXPECT_STR("whole", slot);
    rc_set(&q->next, p);
    EXPECT_ORDER();
    rc_release(w);
    rc_release(p);
    rc_release(q);
    EXPECT_EQ(3, rc_collect());
}

TEST(so_many_broken_owners_are_looked_for_and_no_more) {
    struct part *owner[70], *p[70];
    for (int i = 0; i < 70; i++) {
        owner[i] = new_part(NULL);
        p[i] = new_part(owner[i]);
    }
    look();
    EXPECT_EQ(64, seen);
    EXPECT_EQ(RC_PROBLEM_OWNER, last.kind);
    for (int i = 0; i < 70; i++) {
        rc_release(p[i]);
        rc_release(owner[i]);
    }
    rc_collect();
}

// ---- lost garbage

struct liar {
    void *other;
};
RC_TYPE(liar, struct liar, .slots = RC_SLOTS(RC_LINK(struct liar, other)), .acyclic = true);

TEST(garbage_that_no_collection_finds_is_found) {
    struct liar *a = rc_new(&liar_type), *b = rc_new(&liar_type);
    rc_set(&a->other, b);
    rc_set(&b->other, a);
    EXPECT_ORDER();
    rc_release(a);
    rc_release(b);
    EXPECT_EQ(0, rc_collect());
    EXPECT_PROBLEM(RC_PROBLEM_LOST);
    said_of(last.object);
    EXPECT_HAS("is garbage, with 1 objects that it leads to, and no collection will come to it", message);
    rc_clear(&a->other);
}

// ---- the collector's marks, weak references, figures: by hand, as nothing that a program can do breaks them

TEST(suspect_that_is_not_in_the_buffer_is_found) {
    graph("a");
    RC__HEADER(at('a'))->word |= RC__SUSPECT;
    look();
    EXPECT_EQ(2, seen);
    EXPECT_EQ(RC_PROBLEM_COLLECTOR, last.kind);
    EXPECT_HAS("the buffer has 0 suspects, 1 objects are marked as such", message);
    RC__HEADER(at('a'))->word &= ~RC__SUSPECT;
    drop("a");
}

TEST(suspects_at_the_wrong_places_are_found) {
    graph("aa bb");
    drop("ab");
    struct rc__header *a = RC__HEADER(at('a')), *b = RC__HEADER(at('b'));
    uint32_t place = rc__index(a);
    rc__set_index(a, rc__index(b));
    EXPECT_PROBLEM(RC_PROBLEM_COLLECTOR);
    EXPECT_STR("is marked as a suspect, but is not at its place in the buffer", said_of(at('a')));
    rc__set_index(a, place);
    rc_heap_current()->old_count = 1;
    EXPECT_PROBLEM(RC_PROBLEM_COLLECTOR);
    EXPECT_STR("is among the old suspects, and is none", said_of(place ? at('b') : at('a')));
    rc_heap_current()->old_count = 0;
    rc_collect();
}

//   a --> a, held, and said to be led to by something else
TEST(object_that_is_taken_to_be_led_to_and_is_not_is_found) {
    graph("aa");
    RC__HEADER(at('a'))->word |= RC__LED;
    EXPECT_PROBLEM(RC_PROBLEM_LOST);
    EXPECT_STR("will be lost when its handles go: it is taken to be led to, and nothing does", said_of(at('a')));
    RC__HEADER(at('a'))->word &= ~RC__LED;
    EXPECT_ORDER();
    drop("a");
    EXPECT_EQ(1, rc_collect());
}

TEST(node_without_a_collection_is_found) {
    graph("a");
    RC__HEADER(at('a'))->word |= RC__GRAPH;
    EXPECT_PROBLEM(RC_PROBLEM_COLLECTOR);
    EXPECT_STR("is marked as a node, but there is no collection", said_of(at('a')));
    RC__HEADER(at('a'))->word &= ~RC__GRAPH;
    drop("a");
}

TEST(entry_of_the_inbox_that_is_not_marked_is_found) {
    graph("ab");
    hold("b");
    elsewhere(release_there, at('b'));
    handle_given('b');
    EXPECT_ORDER();
    RC__HEADER(at('b'))->both &= ~RC__INBOX;
    rc__atomic_clear_bits(&RC__HEADER(at('b'))->shared, RC__QUEUED);
    EXPECT_PROBLEM(RC_PROBLEM_COLLECTOR);
    EXPECT_STR("rc_verify: heap \"default\": 1 entries of the inbox are no objects of it that are marked so", message);
    rc__atomic_set_bits(&RC__HEADER(at('b'))->shared, RC__QUEUED);
    drop("ab");
    rc_collect();
}

TEST(object_that_is_not_in_the_inbox_and_says_so_is_found) {
    graph("a");
    RC__HEADER(at('a'))->both |= RC__INBOX;
    EXPECT_PROBLEM(RC_PROBLEM_COLLECTOR);
    EXPECT_STR("says that it is in the inbox, and is not", said_of(at('a')));
    RC__HEADER(at('a'))->both &= ~RC__INBOX;
    drop("a");
}

TEST(weak_reference_that_is_not_where_its_object_is_is_found) {
    graph("a");
    struct rc_weak *weak = rc_weak_new(at('a'));
    rc__atomic_clear_bits(&RC__HEADER(at('a'))->shared, RC__WEAK);
    EXPECT_PROBLEM(RC_PROBLEM_WEAK);
    EXPECT_STR("has a weak reference that the heap does not know, or the other way round", said_of(at('a')));
    rc__atomic_set_bits(&RC__HEADER(at('a'))->shared, RC__WEAK);
    rc_weak_release(weak);
    drop("a");
}

TEST(weak_reference_that_leads_nowhere_is_found) {
    static struct rc__header nothing;
    graph("a");
    struct rc_weak *weak = rc_weak_new(at('a'));
    struct rc__header **object = (struct rc__header **)(void *)weak + 1; // see weak.c
    REQUIRE(*object == RC__HEADER(at('a')));
    *object = &nothing;
    look();
    EXPECT_EQ(2, seen); // and a has none that is known
    EXPECT_EQ(RC_PROBLEM_WEAK, last.kind);
    EXPECT_STR("rc_verify: heap \"default\": 1 weak references lead to no object of it", message);
    *object = RC__HEADER(at('a'));
    rc_weak_release(weak);
    drop("a");
}

TEST(figures_that_are_not_true_are_found) {
    graph("a");
    rc_heap_current()->objects++;
    EXPECT_PROBLEM(RC_PROBLEM_FIGURES);
    EXPECT_HAS("heap \"default\": 1 objects and ", message);
    rc_heap_current()->objects--;
    rc_heap_current()->bytes++;
    EXPECT_PROBLEM(RC_PROBLEM_FIGURES);
    rc_heap_current()->bytes--;
    drop("a");
}

TEST(object_that_other_threads_saw_saturated_is_immortal) {
    graph("a");
    rc__atomic_set_bits(&RC__HEADER(at('a'))->shared, RC__STUCK);
    struct rc_why *why = rc_why(at('a'));
    REQUIRE(why);
    EXPECT_EQ(RC_WHY_IMMORTAL, why->kind);
    rc_why_free(why);
    EXPECT_ORDER();
    rc__atomic_clear_bits(&RC__HEADER(at('a'))->shared, RC__STUCK);
    drop("a");
}

TEST(without_a_function_problems_are_printed) {
    graph("ab");
    struct node *b = at('b');
    at('a')->x = NULL;
    EXPECT_EQ(1, rc_verify(NULL, NULL)); // the harness keeps what is printed
    at('a')->x = b;
    drop("ab");
}

// SPDX-License-Identifier: MIT
// Suspects that were found alive age, and paced collections leave old ones for later (cc/suspect.c). That may delay what
// they lead to; it may lose nothing. Here the collector is told directly whether to look at them.
#include "rc/object.h"
#include "tests/graph.h"
#include "tests/harness.h"

static struct rc_heap *here(void) {
    return rc_heap_default();
}

static bool is_old(char name) {
    return RC__HEADER(at(name))->word & RC__OLD;
}

// The suspect buffer is what it says it is: each knows its place, and the old ones are in front.
static void check_buffer(void) {
    const struct rc_heap *heap = here();
    EXPECT(heap->old_count <= heap->suspect_count);
    for (size_t i = 0; i < heap->suspect_count; i++) {
        const struct rc__header *h = *rc__pointer_at(&heap->suspects, i);
        EXPECT_EQ(i, rc__index(h));
        EXPECT((h->word & (RC__SUSPECT | RC__GRAPH)) == RC__SUSPECT);
        EXPECT(i >= heap->old_count || h->word & RC__OLD);
    }
}

// One whole collection, of young suspects only.
static void collect_young(void) {
    uint64_t before = stats().collections + stats().called_off;
    cc_slice(here(), 0, CC_BEGIN_YOUNG);
    while (rc_collect_phase() != RC_PHASE_IDLE)
        cc_slice(here(), 0, CC_BEGIN_NONE);
    EXPECT(stats().collections + stats().called_off - before <= 1);
    check_buffer();
}

TEST(suspect_that_was_found_alive_is_old) {
    graph("ga ab ba"); // g -> a <--> b
    drop("ab");
    collect_young();
    EXPECT(is_old('a'));
    EXPECT(is_old('b'));
    EXPECT_EQ(0, stats().suspects);
    touch("a");
    EXPECT_EQ(1, here()->old_count);
    check_buffer();
    drop("g");
    rc_collect();
    EXPECT_STR("abg", gone_sorted());
}

TEST(suspect_that_is_held_or_touched_when_found_alive_is_not_old) {
    graph("ga ab ba gc cc");
    drop("abc");
    while (rc_collect_phase() != RC_PHASE_SCAN)
        rc_collect_step(0);
    hold("a");
    touch("c");
    while (rc_collect_phase() != RC_PHASE_IDLE)
        cc_slice(here(), 0, CC_BEGIN_NONE);
    EXPECT(!is_old('a'));
    EXPECT(is_old('b'));
    EXPECT(!is_old('c'));
    EXPECT_EQ(1, stats().suspects); // c, marked
    EXPECT_EQ(0, here()->old_count);
    drop("ag");
}

TEST(old_suspects_are_left_for_later_but_are_to_do) {
    graph("ga ab ba");
    drop("ab");
    collect_young();
    touch("ab");
    uint64_t nodes = stats().nodes;
    collect_young();
    EXPECT_EQ(nodes, stats().nodes);
    EXPECT_EQ(2, here()->old_count);
    EXPECT(rc_collect_pending() >= 2);
    EXPECT(rc_pace_next() != RC_PACE_NEVER);
    rc_collect();
    EXPECT(stats().nodes > nodes);
    EXPECT_EQ(0, rc_collect_pending());
    drop("g");
}

TEST(old_suspect_that_leads_to_garbage_is_found_when_all_are_looked_at) {
    graph("ga ab ba");
    drop("ab");
    collect_young();
    rc_clear(&at('g')->x); // a <--> b
    collect_young();
    EXPECT_STR("", gone());
    EXPECT(rc_collect_pending() > 0);
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT_STR("ab", gone_sorted());
    drop("g");
}

TEST(garbage_that_a_young_suspect_leads_to_is_found_whatever_is_old_in_it) {
    graph("ga ab ba gc ca"); // g -> a <--> b, g -> c -> a
    drop("ab");
    collect_young();
    touch("ab");
    EXPECT_EQ(2, here()->old_count);
    rc_clear(&at('g')->x);
    rc_clear(&at('g')->y);
    rc_set(&at('b')->y, at('c')); // c -> a <--> b -> c
    drop("c");
    collect_young();
    EXPECT_STR("abc", gone_sorted());
    EXPECT_EQ(0, rc_collect_pending());
    drop("g");
}

struct twig { struct twig *parent, *child; };
RC_TYPE(twig, struct twig, .slots = RC_SLOTS(RC_OWNER(struct twig, parent), RC_LINK(struct twig, child)));

//   top --> a --> b, and a, an old suspect, is the owner of b, which loses a link, with a handle that goes after it or
//   without one; then top lets go of a
TEST(old_owner_stands_for_nobody) {
    for (int held = 0; held < 2; held++) {
        struct twig *top = rc_new(&twig_type), *a = rc_new(&twig_type), *b = rc_new(&twig_type);
        rc_set(&b->parent, a);
        rc_set(&b->child, b);
        rc_set(&a->child, b);
        rc_set(&top->child, a);
        rc_release(a);
        rc_release(b);
        collect_young();
        touch_object(a);
        EXPECT_EQ(1, here()->old_count);
        struct twig *handle = held ? rc_retain(b) : NULL;
        rc_clear(&b->child);
        rc_release(handle);
        rc_clear(&top->child);
        collect_young();
        EXPECT_EQ(1, stats().objects);
        rc_release(top);
    }
}

TEST(old_suspect_that_tracing_meets_stays_one_if_it_is_alive) {
    graph("ga ab ba gc ca"); // g -> a <--> b, g -> c -> a
    drop("ab");
    collect_young();
    touch("a");
    touch("c"); // held, but soon not
    drop("c");
    collect_young(); // traces c, a and b
    EXPECT_EQ(1, here()->old_count);
    EXPECT(RC__HEADER(at('a'))->word & RC__SUSPECT);
    drop("g");
    rc_collect();
}

TEST(old_suspect_that_dies_leaves_the_buffer) {
    graph("ga gb ab be");
    drop("abe");
    collect_young();
    EXPECT(is_old('a') && is_old('b'));
    graph("c df");
    rc_set(&at('c')->x, at('d'));
    touch("ab");
    drop("df"); // d is young
    EXPECT_EQ(2, here()->old_count);
    EXPECT_EQ(3, stats().suspects);
    rc_clear(&at('g')->x);
    EXPECT_STR("a", gone());
    EXPECT_EQ(1, here()->old_count);
    check_buffer();
    drop("gc");
}

TEST(old_object_that_died_is_not_destroyed_with_its_heap_again) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    graph("ga gb ab be");
    drop("ab");
    rc_collect();
    EXPECT(is_old('a') && is_old('b'));
    touch("b");
    while (rc_collect_phase() != RC_PHASE_BUILD)
        rc_collect_step(0);
    rc_clear(&at('g')->x); // a dies, and
    rc_clear(&at('g')->y); // b; but its memory is in the graph
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(1, heap->husks);
    drop("ge");
    EXPECT_EQ(0, rc_heap_free(heap));
    EXPECT_STR("abeg", gone_sorted());
}

TEST(whole_collection_amid_a_young_one_looks_at_all) {
    graph("ga ab ba gc cc");
    drop("abc");
    collect_young();
    rc_clear(&at('g')->x);
    rc_clear(&at('g')->y); // a <--> b and c, all old
    graph("de ed");
    drop("de");
    cc_slice(here(), 0, CC_BEGIN_YOUNG);
    EXPECT(rc_collect_phase() != RC_PHASE_IDLE);
    rc_collect();
    EXPECT_STR("abcde", gone_sorted());
    drop("g");
}

TEST(finalized_garbage_is_collected_at_any_age) {
    graph("gA AB BA");
    drop("AB");
    collect_young();
    EXPECT(is_old('A'));
    rc_clear(&at('g')->x);
    rc_pace_pressure();
    for (int i = 0; i < 1000 && rc_pace_step(UINT64_MAX) == 0; i++)
        continue;
    EXPECT_STR("AB", gone_sorted());
    drop("g");
}

// ---- any graph, any change, a collector that looks at old suspects or not, as chance has it

static uint32_t seed;

static uint32_t below(uint32_t n) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static const char names[] = "rsabcdefgHIJ"; // the first two are held all the time
enum { HELD = 2, N = sizeof names - 1 };

// The name of a node that C code can reach, or 0.
static char any_in_reach(void) {
    char in_reach[N];
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        if (is_there(names[i]) && at(names[i])->handles)
            in_reach[n++] = names[i];
    return n ? in_reach[below((uint32_t)n)] : 0;
}

// What the program does: makes nodes, links those in reach, takes up what they link to, lets go.
static void change_something(void) {
    char name[2] = {names[HELD + below(N - HELD)], 0};
    char a = any_in_reach(), b = any_in_reach();
    struct node **slot = a ? below(2) ? &at(a)->x : &at(a)->y : NULL;
    switch (below(11)) {
    case 0:
    case 1:
        if (!is_there(name[0]))
            graph(name);
        break;
    case 2:
    case 3:
        if (a)
            rc_set(slot, at(b));
        break;
    case 4:
        if (a)
            rc_clear(slot);
        break;
    case 5:
        if (a && *slot)
            hold((char[]){(*slot)->name, 0});
        break;
    case 6:
    case 7:
        if (a && *slot)
            touch((char[]){(*slot)->name, 0});
        break;
    case 8:
        if (a && *slot) {
            hold((char[]){(*slot)->name, 0});
            drop((char[]){(*slot)->name, 0});
        }
        break;
    default:
        if (a && (!strchr("rs", a)))
            drop((char[]){a, 0});
    }
}

static void collect_something(void) {
    enum cc_begin how = below(10) ? CC_BEGIN_YOUNG : CC_BEGIN_ONE;
    for (uint32_t units = below(30); units; units--)
        cc_slice(here(), 0, how);
}

TEST(nothing_is_lost_and_nothing_is_left, .limit = 60) {
    size_t old = 0;
    for (uint32_t round = 1; round <= scaled(3000) && !test_failures(); round++) {
        seed = round;
        test_note("seed %u", round);
        forget();
        graph("r s");
        for (int i = 0; i < 120; i++) {
            change_something();
            collect_something();
            check_buffer();
            is_sound(false);
            old += here()->old_count;
        }
        rc_collect();
        is_sound(true);
        for (char a; (a = any_in_reach());)
            drop((char[]){a, 0});
        rc_collect();
        EXPECT_EQ(0, stats().objects);
    }
    EXPECT(old > scaled(20000)); // or little was tried
}

// SPDX-License-Identifier: MIT
// The pacing policy, without a clock: a made-up program and collector are run against it in mock time.
#include "cc/pace.h"
#include "tests/harness.h"

#include <float.h>
#include <math.h>

#define MS UINT64_C(1000000)
#define SEC (1000 * MS)

struct program {
    struct cc_pace pace;
    uint64_t now;
    size_t live, garbage, suspects; // objects; the garbage is found when the suspects are looked at
    size_t dead;
    size_t buffer; // bytes that come and go by counting
    bool inbox;
    // The collector: what a collection costs, for each object of garbage and for each living one that it looks at.
    uint64_t garbage_cost, live_cost;
    size_t nodes;     // living objects that each collection looks at
    size_t old;       // old suspects
    size_t old_nodes; // living objects that one looks at which looks at them
    bool running;     // a collection is under way
    uint64_t left;    // of its work, in nanoseconds
    size_t found;     // its garbage
    size_t looked_at;
    size_t collections;
    uint64_t busy;    // nanoseconds in slices
};

enum { OBJECT = 64 }; // bytes

static struct program program_new(size_t live) {
    struct program p = {.now = 5 * SEC, .live = live, .garbage_cost = 100, .live_cost = 100};
    cc_pace_init(&p.pace, p.now);
    p.pace.base = p.pace.old.base = live * OBJECT; // as after a first collection
    return p;
}

static size_t all_garbage(const struct program *p) {
    return p->garbage + p->found;
}

static struct cc_pace_view view(const struct program *p) {
    size_t objects = p->live + all_garbage(p);
    return (struct cc_pace_view){.now = p->now,
                                 .suspects = p->suspects,
                                 .old = p->old,
                                 .dead = p->dead,
                                 .objects = objects,
                                 .bytes = objects * OBJECT + p->buffer,
                                 .busy = p->running || p->dead,
                                 .inbox = p->inbox};
}

static struct cc_pace_plan ask(struct program *p) {
    struct cc_pace_view v = view(p);
    struct cc_pace_plan plan = cc_pace_plan(&p->pace, &v);
    cc_pace_seen(&p->pace, &v, &plan);
    return plan;
}

// [garbage] objects become garbage, and leave [suspects].
static void lose(struct program *p, size_t suspects, size_t garbage) {
    p->suspects += suspects;
    p->garbage += garbage;
    p->live -= garbage;
    ask(p);
}

static void begin(struct program *p, bool all) {
    size_t old = all ? p->old : 0;
    cc_pace_began(&p->pace, p->now, view(p).bytes, p->suspects + old, old, p->old - old);
    p->running = true;
    p->looked_at = p->garbage + p->nodes + (old ? p->old_nodes : 0);
    p->left = 1000 + p->garbage * p->garbage_cost + (p->looked_at - p->garbage) * p->live_cost;
    p->found = p->garbage;
    p->old -= old;
    p->garbage = p->suspects = 0;
}

static void end(struct program *p) {
    struct cc_pace_result r = {.now = p->now,
                               .nodes = p->looked_at,
                               .garbage = p->found,
                               .bytes = (p->live + p->garbage) * OBJECT + p->buffer,
                               .gave = p->found * OBJECT};
    cc_pace_ended(&p->pace, &r);
    p->running = false;
    p->found = 0;
    p->collections++;
}

// As rc_pace_step.
static uint64_t step(struct program *p, uint64_t idle) {
    struct cc_pace_plan plan = ask(p);
    if (plan.delay)
        return plan.delay;
    uint64_t start = p->now, pause = p->pace.goals.longest_pause_ns;
    uint64_t length = idle < pause ? idle : pause;
    p->inbox = false;
    p->dead = 0;
    if (!p->running && plan.begin)
        begin(p, plan.all);
    if (p->left < length)
        length = p->left;
    p->left -= length;
    p->now += length;
    p->busy += length;
    if (p->running && !p->left)
        end(p);
    cc_pace_sliced(&p->pace, start, p->now);
    return ask(p).delay;
}

// The program does nothing from now on until [at]: it sleeps when it may. Returns how often it woke up for the collector.
static size_t idle_until(struct program *p, uint64_t at) {
    size_t wakes = 0;
    while (p->now < at) {
        uint64_t next = step(p, UINT64_MAX);
        if (next >= at - p->now) {
            p->now = at;
        } else if (next) {
            p->now += next;
            wakes++;
        }
    }
    return wakes;
}

// Collects what there is, when it is due.
static void settle(struct program *p) {
    for (int i = 0; i < 10000 && ask(p).delay != RC_PACE_NEVER; i++)
        idle_until(p, p->now + SEC);
}

// ---- when suspects are due

TEST(nothing_to_do_is_never) {
    struct program p = program_new(1000);
    EXPECT_EQ(RC_PACE_NEVER, ask(&p).delay);
    p.now += 3600 * SEC;
    EXPECT_EQ(RC_PACE_NEVER, ask(&p).delay);
    EXPECT(!ask(&p).urgent);
    EXPECT_EQ(0, idle_until(&p, p.now + 3600 * SEC));
    cc_pace_sliced(&p.pace, p.now - 10 * SEC, p.now); // more than its share of the time
    EXPECT_EQ(RC_PACE_NEVER, ask(&p).delay);
    p.live *= 100;
    EXPECT_EQ(RC_PACE_NEVER, ask(&p).delay);
    EXPECT(!ask(&p).urgent);
}

TEST(a_few_suspects_wait_a_quarter_of_a_second) {
    struct program p = program_new(1000);
    lose(&p, 1, 10);
    EXPECT_EQ(250 * MS, ask(&p).delay);
    p.now += 100 * MS;
    lose(&p, 1, 10); // later ones do not put it off
    EXPECT_EQ(150 * MS, ask(&p).delay);
    EXPECT(!ask(&p).begin);
    p.now += 150 * MS;
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(ask(&p).begin);
    EXPECT_EQ(RC_PACE_NEVER, step(&p, UINT64_MAX));
    EXPECT_EQ(1, p.collections);
    EXPECT_EQ(0, all_garbage(&p));
}

TEST(one_drop_costs_one_wake) {
    struct program p = program_new(1000);
    lose(&p, 1, 10);
    EXPECT_EQ(1, idle_until(&p, p.now + 3600 * SEC));
    EXPECT_EQ(1, p.collections);
}

TEST(finding_much_brings_the_next_one_sooner) {
    struct program p = program_new(10000000);
    uint64_t wait = 0;
    for (int i = 0; i < 5; i++) {
        lose(&p, 1, 5000);
        wait = ask(&p).delay;
        settle(&p);
    }
    EXPECT_EQ(5 * MS, wait);
    EXPECT_EQ(5, p.collections);
}

TEST(finding_little_leads_back_to_a_quarter_of_a_second) {
    struct program p = program_new(10000000);
    p.pace.wait = 5 * MS;
    lose(&p, 1, 10);
    settle(&p);
    lose(&p, 1, 10);
    EXPECT_EQ(250 * MS, ask(&p).delay);
}

TEST(finding_nothing_backs_off_up_to_200_times_the_cost) {
    struct program p = program_new(1000000);
    p.nodes = 100000; // 10 ms
    for (int i = 0; i < 20; i++) {
        lose(&p, 1, 0);
        settle(&p);
    }
    EXPECT_EQ(20, p.collections);
    lose(&p, 1, 0);
    uint64_t wait = ask(&p).delay;
    EXPECT_AT_MOST(wait, 2000 * MS);
    EXPECT_AT_MOST(2001 * MS, wait);
}

TEST(fruitless_collections_take_half_a_percent_of_the_time) {
    struct program p = program_new(1000000);
    p.nodes = 1000000; // 100 ms
    uint64_t start = p.now;
    while (p.now - start < 600 * SEC) {
        lose(&p, 100, 0);
        idle_until(&p, p.now + 16 * MS);
    }
    EXPECT_AT_MOST(600 * SEC / 150, p.busy);
    EXPECT(p.collections > 20); // it does go on
}

TEST(cheap_fruitless_collections_do_not_back_off) {
    struct program p = program_new(1000000);
    for (int i = 0; i < 20; i++) {
        lose(&p, 1, 0);
        settle(&p);
    }
    lose(&p, 1, 0);
    EXPECT_EQ(250 * MS, ask(&p).delay);
}

TEST(waiting_for_long_is_halved_by_a_find_that_is_small) {
    struct program p = program_new(1000000);
    p.nodes = 100000; // 10 ms: up to 2 s
    for (int i = 0; i < 20; i++) {
        lose(&p, 1, 0);
        settle(&p);
    }
    uint64_t wait = p.pace.wait;
    EXPECT(wait > 1000 * MS);
    p.nodes = 100;
    lose(&p, 1, 10);
    settle(&p);
    EXPECT_EQ(wait / 2, p.pace.wait);
}

TEST(waiting_never_takes_longer_than_a_minute) {
    struct program p = program_new(100000000);
    p.nodes = 100000000; // 10 s
    for (int i = 0; i < 20; i++) {
        lose(&p, 1, 0);
        settle(&p);
    }
    lose(&p, 1, 0);
    EXPECT_EQ(60 * SEC, ask(&p).delay);
}

TEST(a_quarter_of_the_garbage_that_is_allowed_is_due_at_once) {
    struct program p = program_new(1000000); // allowed: 100,000
    for (int i = 0; i < 10; i++) {
        lose(&p, 100, 1000); // ten for each suspect
        settle(&p);
    }
    lose(&p, 2400, 24000);
    EXPECT(ask(&p).delay > 0);
    lose(&p, 200, 2000);
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(ask(&p).begin);
    EXPECT(!ask(&p).urgent);
}

TEST(more_garbage_than_is_allowed_is_urgent) {
    struct program p = program_new(1000000);
    for (int i = 0; i < 10; i++) {
        lose(&p, 100, 1000);
        settle(&p);
    }
    lose(&p, 11000, 110000);
    EXPECT(ask(&p).urgent);
    p.pace.credit = -1000 * (int64_t)MS; // and does not ask for time
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT_EQ(0, step(&p, UINT64_MAX));
    EXPECT(p.running);
    EXPECT(ask(&p).urgent); // as long as it is there
    settle(&p);
    EXPECT(!ask(&p).urgent);
}

TEST(dead_objects_count_as_garbage) {
    struct program p = program_new(1000000);
    p.dead = 50000;
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(!ask(&p).begin);
    EXPECT(!ask(&p).urgent);
    p.dead = 120000;
    EXPECT(ask(&p).urgent);
}

TEST(a_heap_that_grew_is_due_at_once) {
    struct program p = program_new(1000000);
    lose(&p, 1, 0);
    p.live += 49000;
    EXPECT(ask(&p).delay > 0);
    p.live += 2000; // five percent
    EXPECT_EQ(0, ask(&p).delay);
}

TEST(a_heap_that_grew_by_twice_the_goal_is_urgent) {
    struct program p = program_new(1000000);
    p.suspects = 1;
    p.live += 190000;
    EXPECT(!ask(&p).urgent);
    p.live += 20000;
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(ask(&p).urgent);
}

TEST(growth_that_is_alive_is_asked_for_less_and_less) {
    struct program p = program_new(100000);
    size_t live = p.live;
    uint64_t second = p.now;
    while (p.live < 128 * live) { // within one second, so that only growth makes suspects due
        lose(&p, 1, 0);
        p.live += 100;
        while (step(&p, UINT64_MAX) == 0)
            continue;
        p.now = second;
        p.pace.appeared = p.suspects ? p.now : 0;
        p.pace.credit_at = p.now;
    }
    EXPECT_AT_MOST(12, p.collections); // five to reach a doubling each, and seven doublings
    EXPECT(p.collections >= 7);
}

// As of a buffer that is there for a moment again and again.
TEST(growth_that_came_and_went_is_none_when_it_comes_again) {
    struct program p = program_new(1000000);
    lose(&p, 1, 2000);
    p.buffer = 51000 * OBJECT;
    EXPECT_EQ(0, ask(&p).delay);
    p.buffer = 0;
    settle(&p);
    EXPECT_EQ(1, p.collections);
    lose(&p, 1, 0);
    p.buffer = 100000 * OBJECT;
    EXPECT(ask(&p).delay > 0);
    p.buffer = 106000 * OBJECT;
    EXPECT_EQ(0, ask(&p).delay);
}

TEST(growth_that_came_and_went_long_ago_is_growth) {
    for (size_t old = 0; old < 2; old++) {
        struct program p = program_new(1000000);
        for (int i = 0; i < 3; i++) {
            lose(&p, 1 - old, 2000);
            p.old = old;
            p.buffer = i == 1 ? 0 : 51000 * OBJECT;
            test_note("old %zu, round %d", old, i);
            EXPECT_EQ(i != 1, ask(&p).delay == 0);
            p.buffer = 0;
            settle(&p);
            EXPECT_EQ(i + 1, p.collections);
        }
    }
}

TEST(growth_that_a_collection_gave_back_is_growth_when_it_comes_again) {
    struct program p = program_new(10000000);
    for (int i = 0; i < 3; i++) {
        p.live += 510000;
        lose(&p, 1, 510000);
        EXPECT_EQ(0, ask(&p).delay);
        settle(&p);
        EXPECT_EQ(i + 1, p.collections);
        p.pace.yield = 1;
    }
}

// It may be garbage: who makes that faster than it is collected would take what there is then for what it needs.
TEST(growth_while_a_collection_is_under_way_is_growth) {
    struct program p = program_new(1000000);
    p.garbage_cost = 10000;
    lose(&p, 1, 2000);
    p.now += 250 * MS;
    EXPECT_EQ(0, step(&p, UINT64_MAX));
    EXPECT(p.running);
    p.suspects = 1;
    p.live += 210000;
    while (p.running)
        step(&p, UINT64_MAX);
    EXPECT(ask(&p).urgent);
}

TEST(growth_before_a_collection_that_was_called_off_is_not_forgotten) {
    struct program p = program_new(1000000);
    lose(&p, 1, 2000);
    p.buffer = 51000 * OBJECT;
    EXPECT_EQ(0, ask(&p).delay);
    p.buffer = 0;
    cc_pace_began(&p.pace, p.now, view(&p).bytes, p.suspects, 0, 0);
    cc_pace_ended(&p.pace, &(struct cc_pace_result){.now = p.now, .called_off = true});
    settle(&p);
    EXPECT_EQ(1, p.collections);
    lose(&p, 1, 0);
    p.buffer = 51000 * OBJECT;
    EXPECT(ask(&p).delay > 0);
}

// As rc_collect_heaps does it to one that is still at its inbox.
TEST(collection_that_was_called_off_before_it_began_needs_nothing) {
    struct program p = program_new(10000000);
    p.live += 510000;
    lose(&p, 1, 510000);
    settle(&p);
    EXPECT_EQ(1, p.collections);
    cc_pace_ended(&p.pace, &(struct cc_pace_result){.now = p.now, .called_off = true});
    lose(&p, 1, 0);
    settle(&p);
    EXPECT_EQ(2, p.collections);
    p.pace.yield = 1;
    p.live += 510000;
    lose(&p, 1, 510000);
    EXPECT_EQ(0, ask(&p).delay);
}

TEST(growth_is_asked_for_less_after_a_collection_in_vain) {
    struct program p = program_new(1000000);
    p.nodes = 100000;
    lose(&p, 1, 0);
    settle(&p);
    EXPECT_EQ(1, p.collections);
    lose(&p, 1, 0);
    p.live += 99000;
    EXPECT(ask(&p).delay > 0);
    p.live += 2000;
    EXPECT_EQ(0, ask(&p).delay);
}

// Who allows four times as much garbage as there are live objects does not ask for growth by less than two times that.
TEST(growth_in_vain_is_never_asked_for_more_than_the_goal_says) {
    struct program p = program_new(1000000);
    cc_pace_goals(&p.pace, &(struct rc_pace_goals){.garbage_share = 4});
    p.nodes = 1000;
    for (int i = 0; i < 2; i++) {
        lose(&p, 1, 0);
        p.live += p.live + p.live / 2;
        EXPECT(ask(&p).delay > 0);
        settle(&p);
    }
    EXPECT_EQ(2, p.collections);
}

TEST(goals_may_be_as_large_or_small_as_numbers_are) {
    struct program p = program_new(1000000);
    cc_pace_goals(&p.pace, &(struct rc_pace_goals){.garbage_share = INFINITY, .time_share = DBL_MIN});
    lose(&p, 1000, 1000);
    EXPECT(ask(&p).many > 1000000);
    p.nodes = 1000000;
    uint64_t waits = 0;
    for (int i = 0; i < 100 && p.busy < 4 * MS; i++, p.now += waits)
        waits = step(&p, UINT64_MAX);
    EXPECT_AT_MOST(61 * SEC, waits);
    EXPECT(ask(&p).delay > 59 * SEC);
}

TEST(small_heaps_are_not_in_a_hurry) {
    struct program p = program_new(100);
    lose(&p, 50, 50);
    EXPECT_EQ(250 * MS, ask(&p).delay);
    EXPECT(!ask(&p).urgent);
}

TEST(one_large_find_does_not_make_each_suspect_urgent) {
    struct program p = program_new(10000000);
    lose(&p, 1, 5000000);
    settle(&p);
    lose(&p, 1, 0);
    EXPECT(ask(&p).delay > 0);
}

// ---- old suspects

TEST(young_suspects_are_due_without_the_old_ones) {
    struct program p = program_new(1000000);
    lose(&p, 1, 10);
    p.now += 200 * MS;
    p.old = 1;
    EXPECT_EQ(50 * MS, ask(&p).delay);
    p.now += 50 * MS;
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(ask(&p).begin);
    EXPECT(!ask(&p).all);
    EXPECT(step(&p, UINT64_MAX) > 199 * MS); // the old one's turn
    EXPECT_EQ(1, p.old);
    p.now += 200 * MS;
    EXPECT(ask(&p).all);
    EXPECT_EQ(RC_PACE_NEVER, step(&p, UINT64_MAX));
    EXPECT_EQ(0, p.old);
    EXPECT_EQ(2, p.collections);
}

TEST(old_suspects_that_lead_to_nothing_are_looked_at_less_and_less) {
    struct program p = program_new(1000000);
    p.old_nodes = 100000; // 10 ms
    for (int i = 0; i < 20; i++) {
        p.old = 1;
        settle(&p);
    }
    p.old = 1;
    uint64_t wait = ask(&p).delay;
    EXPECT_AT_MOST(2001 * MS, wait);
    EXPECT_AT_MOST(wait, 2000 * MS);
    lose(&p, 1, 10);
    EXPECT_EQ(250 * MS, ask(&p).delay); // and young ones are none the later
}

TEST(old_suspects_that_lead_to_garbage_wait_a_quarter_of_a_second_again) {
    struct program p = program_new(1000000);
    p.pace.old.wait = 10 * SEC;
    p.old = 1;
    p.old_nodes = 1000;
    p.garbage = 500;
    EXPECT_EQ(10 * SEC, ask(&p).delay);
    settle(&p);
    p.old = 1;
    EXPECT_EQ(250 * MS, ask(&p).delay);
}

TEST(old_suspects_are_due_when_the_heap_grew_since_all_were_looked_at) {
    struct program p = program_new(1000000);
    p.pace.old.wait = 60 * SEC;
    p.old = 1;
    for (int i = 0; i < 8; i++) {
        EXPECT(!ask(&p).all);
        p.live += 9000;
        lose(&p, 1, 0);
        while (!p.old || !ask(&p).begin)
            p.now += MS;
        if (ask(&p).all)
            break;
        while (step(&p, UINT64_MAX) == 0)
            continue;
    }
    EXPECT(ask(&p).all); // five percent in all, though not since the last collection
    while (step(&p, UINT64_MAX) == 0)
        continue;
    p.old = 1;
    EXPECT(!ask(&p).all);
}

TEST(pressure_and_finalizers_are_reasons_to_look_at_old_suspects) {
    struct program p = program_new(1000000);
    p.old = 1;
    struct cc_pace_view v = view(&p);
    EXPECT(!ask(&p).all);
    cc_pace_pressed(&p.pace, &v);
    EXPECT(ask(&p).all);
    EXPECT(ask(&p).urgent);
    settle(&p);
    p.old = 1;
    p.pace.again = true;
    EXPECT(ask(&p).all);
}

TEST(old_suspects_in_a_large_heap_do_not_keep_garbage_waiting) {
    struct program p = program_new(1000000);
    size_t most = 0;
    p.garbage_cost = 60;
    p.old_nodes = 1000000; // 100 ms
    uint64_t start = p.now;
    for (int frame = 0; frame < 600 * 1000 / 16; frame++) { // as below
        uint64_t end = p.now + 16 * MS;
        p.now += 14 * MS;
        p.live += 4000;
        p.old = 100;
        lose(&p, 400, 4000);
        while (p.now < end && step(&p, end - p.now) == 0)
            continue;
        p.now = end;
        most = all_garbage(&p) > most ? all_garbage(&p) : most;
    }
    EXPECT_AT_MOST(50 * 4000 + 60000, most); // made while all is looked at, for 50 frames, and while that is caught up with
    uint64_t own = 600 * SEC / (16 * MS) * 4000 * 60;
    EXPECT_AT_MOST(own + (p.now - start) / 100, p.busy);
}

// ---- what overrides the wait

TEST(pressure_makes_what_is_suspect_urgent_until_it_was_looked_at) {
    struct program p = program_new(1000000);
    p.nodes = 1000000;
    lose(&p, 1, 10);
    struct cc_pace_view v = view(&p);
    cc_pace_pressed(&p.pace, &v);
    p.pace.credit = -1000 * (int64_t)MS;
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(ask(&p).urgent);
    EXPECT_EQ(0, step(&p, UINT64_MAX));
    EXPECT(p.running);
    EXPECT(ask(&p).urgent);
    EXPECT_EQ(0, ask(&p).delay);
    for (int i = 0; i < 1000 && p.running; i++)
        step(&p, UINT64_MAX);
    lose(&p, 1, 10);
    EXPECT(!ask(&p).urgent);
    EXPECT(ask(&p).delay > 0);
}

TEST(pressure_in_a_collection_hurries_that_and_what_came_after_it) {
    struct program p = program_new(1000000);
    p.nodes = 1000000;
    lose(&p, 1, 10);
    p.now += 250 * MS;
    step(&p, UINT64_MAX);
    EXPECT(p.running);
    EXPECT(!ask(&p).urgent);
    struct cc_pace_view v = view(&p);
    cc_pace_pressed(&p.pace, &v);
    EXPECT(ask(&p).urgent);
    lose(&p, 1, 10);
    v = view(&p);
    cc_pace_pressed(&p.pace, &v);
    size_t rounds = 0;
    for (; p.collections < 2 && rounds < 1000; rounds++) {
        EXPECT(ask(&p).urgent);
        EXPECT_EQ(0, ask(&p).delay);
        step(&p, UINT64_MAX);
    }
    EXPECT(rounds > 50);
    EXPECT(!ask(&p).urgent);
}

TEST(pressure_with_nothing_to_do_is_forgotten) {
    struct program p = program_new(1000);
    struct cc_pace_view v = view(&p);
    cc_pace_pressed(&p.pace, &v);
    EXPECT_EQ(RC_PACE_NEVER, ask(&p).delay);
    lose(&p, 1, 10);
    EXPECT_EQ(250 * MS, ask(&p).delay);
}

TEST(a_collection_that_was_called_off_is_not_tried_again_at_once) {
    struct program p = program_new(1000000);
    lose(&p, 10000, 1000000); // much of it, and urgent
    p.pace.yield = 100;
    EXPECT_EQ(0, ask(&p).delay);
    cc_pace_began(&p.pace, p.now, view(&p).bytes, p.suspects, 0, 0);
    cc_pace_ended(&p.pace, &(struct cc_pace_result){.now = p.now, .called_off = true});
    EXPECT_EQ(250 * MS, ask(&p).delay);
    struct cc_pace_view v = view(&p);
    cc_pace_pressed(&p.pace, &v);
    EXPECT_EQ(250 * MS, ask(&p).delay);
    p.now += 250 * MS;
    EXPECT_EQ(0, ask(&p).delay);
}

TEST(old_suspects_of_a_collection_that_was_called_off_wait_as_well) {
    struct program p = program_new(1000000);
    p.old = 10;
    struct cc_pace_view v = view(&p);
    cc_pace_pressed(&p.pace, &v);
    EXPECT_EQ(0, ask(&p).delay);
    cc_pace_began(&p.pace, p.now, view(&p).bytes, 0, p.old, 0);
    cc_pace_ended(&p.pace, &(struct cc_pace_result){.now = p.now, .called_off = true});
    EXPECT_EQ(250 * MS, ask(&p).delay); // and the pressure is as it was
    p.now += 250 * MS;
    EXPECT_EQ(0, ask(&p).delay);
}

TEST(garbage_that_was_finalized_is_due_at_once) {
    struct program p = program_new(1000000);
    lose(&p, 1, 100);
    double yield = p.pace.yield;
    cc_pace_began(&p.pace, p.now, view(&p).bytes, p.suspects, 0, 0);
    cc_pace_ended(&p.pace, &(struct cc_pace_result){.now = p.now, .nodes = 100, .garbage = 100,
                                                     .bytes = p.pace.base, .finalized = true});
    EXPECT(p.pace.yield > yield);
    yield = p.pace.yield;
    p.suspects = 100;
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(ask(&p).begin);
    cc_pace_began(&p.pace, p.now, view(&p).bytes, p.suspects, 0, 0);
    cc_pace_ended(&p.pace, &(struct cc_pace_result){.now = p.now, .nodes = 100, .garbage = 100,
                                                     .bytes = p.pace.base});
    EXPECT(p.pace.yield == yield); // it was a hundred for one suspect, not one for each
    p.suspects = 1;
    EXPECT_EQ(250 * MS, ask(&p).delay);
}

TEST(the_inbox_waits_five_milliseconds_and_begins_nothing) {
    struct program p = program_new(1000000);
    p.inbox = true;
    EXPECT_EQ(5 * MS, ask(&p).delay);
    p.now += 3 * MS;
    EXPECT_EQ(2 * MS, ask(&p).delay);
    lose(&p, 1, 10);
    p.now += 2 * MS;
    EXPECT_EQ(0, ask(&p).delay);
    EXPECT(!ask(&p).begin);
    EXPECT_EQ(248 * MS, step(&p, UINT64_MAX)); // the suspect's time has not come
    EXPECT_EQ(0, p.collections);
    p.inbox = true;
    EXPECT_EQ(5 * MS, ask(&p).delay); // anew
}

// ---- time

TEST(a_collection_under_way_takes_its_share_of_the_time) {
    static const double shares[] = {0.01, 0.1, 0.25, 0.5};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        test_note("share %.2f", shares[i]);
        struct program p = program_new(10000000);
        cc_pace_goals(&p.pace, &(struct rc_pace_goals){.time_share = shares[i]});
        p.pace.credit = 0;
        p.nodes = 1000000000; // does not end
        lose(&p, 1, 0);
        p.now += SEC;
        uint64_t start = p.now;
        step(&p, UINT64_MAX);
        p.pace.credit = 0;
        p.busy = 0;
        size_t wakes = idle_until(&p, start + 100 * SEC);
        EXPECT_AT_MOST((uint64_t)(100 * (double)SEC * shares[i]) + 4 * MS, p.busy);
        EXPECT_AT_MOST(p.busy, (uint64_t)(100 * (double)SEC * shares[i]));
        EXPECT_AT_MOST(p.busy / (2 * MS) + 1, wakes); // each of them for a whole slice
    }
    test_note("%s", "");
}

TEST(a_program_that_was_quiet_has_time_in_hand_for_a_quarter_of_a_second) {
    struct program p = program_new(10000000);
    p.nodes = 1000000000;
    lose(&p, 1, 0);
    p.now += 3600 * SEC;
    uint64_t start = p.now;
    while (p.now - start < SEC && step(&p, UINT64_MAX) == 0)
        continue;
    EXPECT_AT_MOST(340 * MS, p.now - start); // a second's share, and what that gains meanwhile
    EXPECT_AT_MOST(p.now - start, 250 * MS);
}

TEST(a_slice_that_has_been_due_for_a_second_is_urgent) {
    struct program p = program_new(1000000);
    lose(&p, 1, 10);
    p.now += 250 * MS;
    EXPECT(!ask(&p).urgent);
    p.now += 999 * MS;
    EXPECT(!ask(&p).urgent);
    p.now += 1 * MS;
    EXPECT(ask(&p).urgent);
    settle(&p);
    EXPECT(!ask(&p).urgent);
}

// Frames of 16 ms that leave 2 ms idle, and a collection that takes minutes; where that is urgent, it gets as long as the rest of
// the frame took. That is more than its share in idle time alone, but no more than its share.
TEST(a_slice_that_is_long_due_asks_for_no_more_than_the_share_of_time) {
    struct program p = program_new(10000000);
    p.nodes = 1000000000;
    lose(&p, 1, 0);
    uint64_t start = p.now, seconds = 60;
    while (p.now < start + seconds * SEC) {
        p.now += 14 * MS;
        for (uint64_t end = p.now + 14 * MS; p.now < end && ask(&p).urgent;)
            step(&p, end - p.now);
        for (uint64_t end = p.now + 2 * MS; p.now < end; p.now = end)
            step(&p, end - p.now);
    }
    EXPECT_EQ(0, p.collections);
    EXPECT_AT_MOST((seconds + 1) * SEC / 4, p.busy);
    EXPECT_AT_MOST(p.busy, seconds * SEC / 5);
}

TEST(goals_that_make_no_sense_are_the_defaults) {
    struct program p = program_new(1000);
    cc_pace_goals(&p.pace, &(struct rc_pace_goals){.time_share = -1, .garbage_share = -1});
    EXPECT(p.pace.goals.longest_pause_ns == 2 * MS);
    EXPECT(p.pace.goals.time_share == 0.25);
    EXPECT(p.pace.goals.garbage_share == 0.1);
    cc_pace_goals(&p.pace, &(struct rc_pace_goals){.longest_pause_ns = UINT64_MAX, .time_share = 5});
    EXPECT(p.pace.goals.longest_pause_ns == 60 * SEC);
    EXPECT(p.pace.goals.time_share == 1);
}

// ---- whole programs

// Frames of 16 ms with 2 ms of idle time each, in which a million objects a second become garbage in rings of ten.
static size_t frames(size_t live, size_t nodes, uint64_t cost, unsigned seconds, size_t *collections) {
    struct program p = program_new(live);
    size_t most = 0;
    p.garbage_cost = cost;
    p.nodes = nodes;
    for (uint64_t frame = 0; frame < seconds * SEC / (16 * MS); frame++) {
        uint64_t end = p.now + 16 * MS;
        p.now += 14 * MS;
        p.live += 16000;
        lose(&p, 1600, 16000);
        while (p.now < end && step(&p, end - p.now) == 0)
            continue;
        p.now = end;
        if (all_garbage(&p) > most)
            most = all_garbage(&p);
    }
    *collections = p.collections;
    return most;
}

TEST(garbage_of_a_million_objects_a_second_stays_within_the_goal) {
    size_t collections;
    test_note("10 million live, 100 ns an object");
    EXPECT_AT_MOST(1000000, frames(10000000, 0, 100, 600, &collections));
    test_note("1 million live, 100 ns an object");
    EXPECT_AT_MOST(100000, frames(1000000, 0, 100, 600, &collections));
    test_note("1 million live, 40 ns an object");
    EXPECT_AT_MOST(100000, frames(1000000, 0, 40, 600, &collections));
    test_note("10 million live of which each collection looks at 100,000");
    EXPECT_AT_MOST(1000000, frames(10000000, 100000, 60, 600, &collections));
    EXPECT_AT_MOST(600 * 20, collections); // and not with each frame
    test_note("%s", "");
}

// Frames of 16 ms with 3 ms of idle time each, a suspect that leads to a million living objects, and a buffer twice as large as
// they are, which lasts until the next frame in one of [every]. The share of time that all collections take.
static double time_in_vain(unsigned every, unsigned old) {
    struct program p = program_new(1000000);
    p.nodes = old ? 0 : 1000000;
    p.old_nodes = 1000000;
    uint64_t start = p.now;
    for (unsigned frame = 0; frame < 600 * 1000 / 16; frame++) {
        uint64_t end = p.now + 16 * MS;
        p.now += 13 * MS;
        p.buffer = frame % every ? 0 : 2 * p.live * OBJECT;
        p.old += old;
        lose(&p, 1 - old, 0);
        while (p.now < end && step(&p, end - p.now) == 0)
            continue;
        p.now = end;
    }
    EXPECT(p.collections > 20); // it does go on
    return (double)p.busy / (double)(p.now - start);
}

TEST(large_buffers_that_come_and_go_are_no_reason_to_collect) {
    for (unsigned every = 1; every < 100; every += 1 + every / 2) {
        test_note("one of %u", every);
        EXPECT(time_in_vain(every, 0) < 0.01);
        EXPECT(time_in_vain(every, 1) < 0.01);
    }
    test_note("%s", "");
}

TEST(an_idle_program_wakes_up_once_after_each_burst) {
    struct program p = program_new(1000000);
    size_t wakes = 0;
    for (int i = 0; i < 100; i++) {
        lose(&p, 10, 1000);
        wakes += idle_until(&p, p.now + 60 * SEC);
    }
    EXPECT_EQ(100, wakes);
    EXPECT_EQ(100, p.collections);
}

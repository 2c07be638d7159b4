// SPDX-License-Identifier: MIT
// Objects with many parts: destroy_some runs in pieces, whoever finds the object dead, and rc_visit_structs shows each
// slot of an array of structs once, in pieces of any size.
#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/steps.h"

enum { PARTS = 1000, PIECE = 16 };

struct fleet {
    struct fleet *other;
    bool part[PARTS];
};

static size_t destroyed, largest, calls_of_destroy;

static void fleet_destroy(void *obj) {
    (void)obj;
    EXPECT_EQ(0, destroyed);
    calls_of_destroy++;
}

static bool fleet_destroy_some(void *obj, size_t from, size_t to) {
    struct fleet *fleet = obj;
    EXPECT(calls_of_destroy > 0);
    if (to - from > largest && to < SIZE_MAX / 2)
        largest = to - from;
    for (size_t i = from; i < to && i < PARTS; i++) {
        EXPECT(fleet->part[i]);
        fleet->part[i] = false;
        destroyed++;
    }
    return to < PARTS;
}

static RC_TYPE(fleet, struct fleet, .slots = RC_SLOTS(RC_LINK(struct fleet, other)), .destroy = fleet_destroy,
               .destroy_some = fleet_destroy_some);

static struct fleet *fleet_new(void) {
    struct fleet *fleet = rc_new(&fleet_type);
    REQUIRE(fleet);
    memset(fleet->part, true, PARTS);
    destroyed = largest = calls_of_destroy = 0;
    return fleet;
}

TEST(parts_are_destroyed_once_at_the_last_release) {
    struct fleet *fleet = fleet_new();
    rc_release(fleet);
    EXPECT_EQ(PARTS, destroyed);
    EXPECT_EQ(1, calls_of_destroy);
    EXPECT_EQ(PIECE, largest);
}

TEST(parts_are_destroyed_in_slices_where_a_release_is_limited) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct fleet *fleet = fleet_new();
    rc_release(fleet);
    EXPECT_EQ(PIECE, destroyed);
    size_t steps = 0;
    for (size_t before = destroyed; rc_collect_step(0) == RC_STEP_MORE; before = destroyed, steps++)
        EXPECT_AT_MOST(PIECE, destroyed - before);
    EXPECT_EQ(PARTS, destroyed);
    EXPECT_AT_MOST(steps, PARTS / PIECE - 2);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(parts_are_destroyed_in_slices_by_the_collector) {
    struct fleet *fleet = fleet_new();
    rc_set(&fleet->other, fleet);
    rc_release(fleet);
    stop_in(RC_PHASE_DESTROY);
    size_t steps = 0;
    for (size_t before = destroyed; rc_collect_step(0) == RC_STEP_MORE; before = destroyed, steps++)
        EXPECT_AT_MOST(PIECE, destroyed - before);
    EXPECT_EQ(PARTS, destroyed);
    EXPECT_AT_MOST(steps, PARTS / PIECE);
    EXPECT_EQ(1, calls_of_destroy);
}

TEST(parts_are_destroyed_with_their_heap) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    fleet_new();
    rc_heap_leave(heap);
    EXPECT_EQ(1, rc_heap_free(heap));
    EXPECT_EQ(PARTS, destroyed);
}

static const struct rc_type bigger_fleet_type = {"bigger fleet", sizeof(struct fleet), .base = &fleet_type,
                                                 .destroy_some = fleet_destroy_some};

TEST(second_destroy_some_is_refused) {
    faults_begin();
    EXPECT_PTR(NULL, rc_new(&bigger_fleet_type));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
}

// ---- an array of structs

struct leg { int before; void *from; int between; void *via[2]; struct rc_weak *weak; };

static const struct rc_slot leg_slots[] = {RC_LINK(struct leg, from), RC_WEAK(struct leg, weak), RC_LINK(struct leg, via),
                                           RC_END};

struct route {
    struct leg *leg;
    size_t n;
};

static void route_trace(void *obj, struct rc_visitor *visitor) {
    struct route *route = obj;
    rc_visit_structs(visitor, route->leg, route->n, sizeof *route->leg, leg_slots);
}

static void route_free_slots(void *obj) {
    free(((struct route *)obj)->leg);
}

static RC_TYPE(route, struct route, .trace = route_trace, .free_slots = route_free_slots);

struct place { struct route *home; };
static size_t places;
static void place_destroy(void *obj) { (void)obj; places--; }
static RC_TYPE(place, struct place, .slots = RC_SLOTS(RC_LINK(struct place, home)), .destroy = place_destroy);

static struct place *place_new(struct route *home) {
    struct place *place = rc_new(&place_type);
    REQUIRE(place);
    rc_set(&place->home, home);
    places++;
    return place;
}

// route ==> 3 places a leg ==> route
static struct route *route_new(size_t n) {
    struct route *route = rc_new(&route_type);
    REQUIRE(route && (route->leg = calloc(n, sizeof *route->leg)));
    route->n = n;
    places = 0;
    for (size_t i = 0; i < n; i++) {
        struct leg *leg = &route->leg[i];
        void **slots[] = {&leg->from, &leg->via[0], &leg->via[1]};
        for (size_t k = 0; k < 3; k++)
            rc_give_slot(slots[k], place_new(route));
    }
    return route;
}

TEST(each_slot_of_each_struct_is_cleared) {
    struct route *route = route_new(3);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 2; k++)
            rc_clear(&((struct place *)route->leg[i].via[k])->home);
    EXPECT_EQ(3, rc_links(route));
    rc_release(route);
    EXPECT_EQ(9, places);
    EXPECT_EQ(10, rc_collect());
    EXPECT_EQ(0, places);
}

// A piece of 1024 slots ends in the middle of a struct of 3.
TEST(structs_are_traced_and_cleared_in_pieces) {
    size_t n = 2000;
    struct route *route = route_new(n);
    struct rc_stats before = stats();
    rc_release(route);
    for (uint64_t edges = before.edges; places > 0;) {
        REQUIRE(rc_collect_step(0) == RC_STEP_MORE);
        EXPECT_AT_MOST(1024 + 64, stats().edges - edges);
        edges = stats().edges;
    }
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

TEST(structs_die_by_count_in_pieces) {
    size_t n = 2000;
    struct route *route = route_new(n);
    for (size_t i = 0; i < n; i++) {
        struct place *all[] = {route->leg[i].from, route->leg[i].via[0], route->leg[i].via[1]};
        for (size_t k = 0; k < 3; k++)
            rc_clear(&all[k]->home);
    }
    rc_release(route);
    EXPECT_EQ(0, places);
    EXPECT_EQ(0, stats().objects);
}

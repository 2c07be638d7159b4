// SPDX-License-Identifier: MIT
// What collections cost, in objects that they visit and steps that they take up chains of owners: what was touched, not what
// lives. `make bench W='dom live'` measures the same in time.
#include "tests/harness.h"
#include "tests/heaps.h"

static uint32_t seed;
static uint32_t random_below(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

// ---- a document, of which one section after another is replaced

//   Each node knows parent, first and last child, previous and next sibling, and has a listener that refers back to it.
struct element {
    struct element *parent, *first, *last, *prev, *next;
    struct listener *listener;
};
struct listener {
    struct element *target;
};
RC_TYPE(element, struct element,
        .slots = RC_SLOTS(RC_OWNER(struct element, parent), RC_LINK(struct element, first), RC_LINK(struct element, last),
                          RC_LINK(struct element, prev), RC_LINK(struct element, next), RC_LINK(struct element, listener)));
RC_TYPE(listener, struct listener, .slots = RC_SLOTS(RC_OWNER(struct listener, target)));

static struct element *element_new(void) {
    struct element *e = rc_new(&element_type);
    struct listener *l = rc_new(&listener_type);
    REQUIRE(e && l);
    rc_set(&l->target, e);
    rc_give(&e->listener, l);
    return e;
}

// Appends [child] to [parent], which takes the caller's handle.
static void append(struct element *parent, struct element *child) {
    rc_set(&child->parent, parent);
    if (parent->last) {
        rc_set(&child->prev, parent->last);
        rc_set(&parent->last->next, child);
    } else {
        rc_set(&parent->first, child);
    }
    rc_give(&parent->last, child);
}

static void detach(struct element *child) {
    struct element *parent = child->parent, *prev = child->prev, *next = child->next;
    rc_set(prev ? &prev->next : &parent->first, next);
    rc_set(next ? &next->prev : &parent->last, prev);
    rc_clear(&child->parent);
    rc_clear(&child->prev);
    rc_clear(&child->next);
}

enum { SECTIONS = 1000 };
static struct element *section[SECTIONS]; // borrowed

// 50 to 150 nodes, each but the first the child of an earlier one.
static struct element *section_new(void) {
    struct element *made[150];
    uint32_t n = 50 + random_below(101);
    made[0] = element_new();
    for (uint32_t i = 1; i < n; i++) {
        made[i] = element_new();
        append(made[random_below(i)], made[i]);
    }
    return made[0];
}

//   document -> 10 divisions -> 10 divisions each -> 10 sections each
static struct element *document_new(void) {
    struct element *document = element_new();
    for (size_t i = 0; i < SECTIONS; i++) {
        if (i % 100 == 0)
            append(document, element_new());
        if (i % 10 == 0)
            append(document->last, element_new());
        section[i] = section_new();
        append(document->last->last, section[i]);
    }
    return document;
}

static void section_replace(void) {
    uint32_t k = random_below(SECTIONS);
    struct element *old = rc_retain(section[k]), *parent = old->parent;
    detach(old);
    rc_release(old);
    section[k] = section_new();
    append(parent, section[k]);
}

// 2,000 sections are replaced, and [collect] is called after each.
static void churn(void (*collect)(size_t round)) {
    seed = 1;
    struct element *document = document_new();
    rc_collect();
    struct rc_stats before = stats();
    EXPECT(before.objects > 190000); // nodes and listeners
    for (size_t round = 0; round < scaled(2000); round++) {
        section_replace();
        collect(round);
    }
    rc_collect();
    struct rc_stats after = stats();
    uint64_t reclaimed = after.reclaimed_collect - before.reclaimed_collect;
    EXPECT(reclaimed > scaled(2000) * 190);
    EXPECT_AT_MOST(2 * reclaimed, after.nodes - before.nodes);
    EXPECT_AT_MOST(12 * reclaimed, after.climbed - before.climbed);
    rc_release(document);
    rc_collect();
}

static void at_once(size_t round) {
    (void)round;
    rc_collect();
}

static void now_and_then(size_t round) {
    if (round % 50 == 49)
        rc_collect();
}

static void never(size_t round) {
    (void)round;
}

// About as much as there is to do, so that a collection is under way most of the time.
static void unit_by_unit(size_t round) {
    (void)round;
    for (int i = 0; i < 1000 && rc_collect_step(0) == RC_STEP_MORE; i++)
        continue;
}

TEST(churning_document_costs_two_nodes_for_each_reclaimed_collected_each_time, .limit = 60) { churn(at_once); }
TEST(churning_document_costs_two_nodes_for_each_reclaimed_collected_now_and_then, .limit = 60) { churn(now_and_then); }
TEST(churning_document_costs_two_nodes_for_each_reclaimed_collected_in_the_end, .limit = 60) { churn(never); }
TEST(churning_document_costs_two_nodes_for_each_reclaimed_collected_unit_by_unit, .limit = 60) { churn(unit_by_unit); }

// ---- a live tree, of which some nodes are touched

struct tree {
    struct tree *left, *right, *parent;
};
#define TREE_SLOTS(PARENT)                                                                                             \
    RC_SLOTS(RC_LINK(struct tree, left), RC_LINK(struct tree, right), PARENT(struct tree, parent))
RC_TYPE(owned_tree, struct tree, .slots = TREE_SLOTS(RC_OWNER));
RC_TYPE(linked_tree, struct tree, .slots = TREE_SLOTS(RC_LINK));

enum { TOUCHED = 1000 };
static size_t depth(void) {
    return is_slow_build() ? 17 : 20;
}

static struct tree *tree_new(const struct rc_type *type, size_t levels) {
    struct tree *t = rc_new(type);
    REQUIRE(t);
    if (levels > 1)
        for (int i = 0; i < 2; i++) {
            struct tree *child = tree_new(type, levels - 1);
            rc_set(&child->parent, t);
            rc_give(i ? &t->right : &t->left, child);
        }
    return t;
}

// A million nodes, of which a thousand are touched, anywhere. Returns nodes visited and steps up for these.
static uint64_t touch(const struct rc_type *type, int rounds) {
    seed = 1;
    struct tree *root = tree_new(type, depth());
    rc_collect();
    struct rc_stats before = {0}, after;
    for (; rounds > 0; rounds--) {
        for (int i = 0; i < TOUCHED; i++) {
            struct tree *t = root;
            for (uint32_t level = random_below((uint32_t)depth()); level > 0; level--)
                t = random_below(2) ? t->left : t->right;
            touch_object(t);
        }
        before = stats();
        EXPECT_EQ(0, rc_collect());
    }
    after = stats();
    rc_release(root);
    EXPECT_EQ(((size_t)1 << depth()) - 1, rc_collect());
    return after.nodes - before.nodes + after.climbed - before.climbed;
}

TEST(touched_nodes_of_a_live_tree_cost_their_ways_up_at_most, .limit = 60) {
    EXPECT_AT_MOST(TOUCHED * depth(), touch(&owned_tree_type, 1));
}

// The first time the collector learns which slot is the way up.
TEST(touched_nodes_of_a_live_tree_cost_their_ways_up_without_owners, .limit = 60) {
    EXPECT_AT_MOST(4 * TOUCHED * depth(), touch(&linked_tree_type, 2));
}

// ---- garbage with a way to something that need not be entered

//   s --> itself, of a type with a destructor, so that it is no island
//   s --> target --> a chain of 1,000, with links back
struct hub {
    struct hub *self;
    void *target;
    struct hub *owner;
};
static void hub_destroy(void *obj) { (void)obj; }
#define HUB_SLOTS RC_LINK(struct hub, self), RC_LINK(struct hub, target)
RC_TYPE(hub, struct hub, .slots = RC_SLOTS(HUB_SLOTS), .destroy = hub_destroy);
RC_TYPE(owned_hub, struct hub, .slots = RC_SLOTS(HUB_SLOTS, RC_OWNER(struct hub, owner)), .destroy = hub_destroy);
RC_TYPE(acyclic_hub, struct hub, .slots = RC_SLOTS(RC_LINK(struct hub, target)), .destroy = hub_destroy, .acyclic = true);

enum { CHAIN = 1000 };

// Has a chain, which is no suspect any more.
static struct hub *target_new(const struct rc_type *type) {
    struct hub *target = rc_new(type), *last = target;
    for (int i = 0; i < CHAIN; i++) {
        struct hub *next = rc_new(&hub_type);
        if (i)
            rc_set(&next->self, last);
        rc_give(&last->target, (void *)next);
        last = next;
    }
    rc_collect();
    return target;
}

// The target is known to be alive, or not to be in a cycle: its chain is not visited.
static void expect_not_entered(struct hub *target) {
    struct hub *s = rc_new(&hub_type);
    rc_set(&s->self, s);
    rc_set(&s->target, (void *)target);
    uint64_t before = stats().nodes;
    rc_release(s);
    EXPECT_EQ(1, rc_collect());
    EXPECT_AT_MOST(10, stats().nodes - before);
}

static void *upgrade_there(void *weak) {
    return rc_weak_get(weak);
}

TEST(object_held_by_another_thread_is_not_entered) {
    struct hub *target = target_new(&hub_type), *holder = rc_new(&hub_type);
    struct rc_weak *weak = rc_weak_new(target);
    rc_give(&holder->target, (void *)target);
    rc_collect();
    void *theirs = elsewhere(upgrade_there, weak); // counted in no handle here
    EXPECT(theirs == target);
    expect_not_entered(target);
    elsewhere(release_there, theirs);
    rc_weak_release(weak);
    rc_release(holder);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

TEST(object_with_a_held_owner_is_not_entered) {
    struct hub *target = target_new(&owned_hub_type), *holder = rc_new(&hub_type);
    rc_set(&target->owner, holder);
    rc_give(&holder->target, (void *)target);
    rc_collect();
    expect_not_entered(target);
    rc_clear(&holder->target);
    rc_release(holder);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

TEST(object_of_an_acyclic_type_is_not_entered) {
    struct hub *target = target_new(&acyclic_hub_type), *holder = rc_new(&hub_type);
    rc_give(&holder->target, (void *)target);
    rc_collect();
    expect_not_entered(target);
    rc_release(holder);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

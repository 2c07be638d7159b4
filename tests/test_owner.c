// SPDX-License-Identifier: MIT
// Owner slots: a link to the object that holds a link to this one. They are links like others, and let the collector prove
// a suspect alive by walking up to a handle.
#include "rc/object.h"
#include "tests/harness.h"
#include "tests/vector.h"

//   a tree as in a DOM: parent, first child, next sibling
struct element { struct element *parent, *first, *next; };
static size_t destroyed;
static void element_destroy(void *obj) { (void)obj, destroyed++; }
RC_TYPE(element, struct element,
        .slots = RC_SLOTS(RC_OWNER(struct element, parent), RC_LINK(struct element, first),
                          RC_LINK(struct element, next)),
        .destroy = element_destroy);

// A new element as the first child of [parent], borrowed.
static struct element *add(struct element *parent) {
    struct element *e = rc_new(&element_type);
    REQUIRE(e);
    rc_move(&e->next, &parent->first);
    rc_set(&e->parent, parent);
    rc_give(&parent->first, e);
    return e;
}

static struct element *detach_first(struct element *parent) {
    struct element *e = rc_take(&parent->first);
    rc_move(&parent->first, &e->next);
    rc_clear(&e->parent);
    return e;
}

// With a handle, it loses what may have led to it; so it matters what leads to it when it loses that.
static void take_up_and_let_go(void *obj) {
    (void)rc_retain(obj);
    touch_object(obj);
    rc_release(obj);
}

// A tree of [depth] levels with [width] children each. Returns how many elements there are under [e].
static size_t grow(struct element *e, int depth, int width) {
    size_t n = 0;
    for (int i = 0; depth > 0 && i < width; i++)
        n += 1 + grow(add(e), depth - 1, width);
    return n;
}

static struct element *some_leaf(struct element *e) {
    while (e->first)
        e = e->first;
    return e;
}

TEST(tree_with_owners_is_collected_when_its_root_goes) {
    struct element *root = rc_new(&element_type);
    size_t n = grow(root, 4, 4);
    EXPECT_EQ(0, rc_collect());
    rc_release(root);
    EXPECT_EQ(n + 1, rc_collect());
    EXPECT_EQ(n + 1, destroyed);
}

// Touched: suspect, and proved alive by its way up.
TEST(touched_leaf_costs_its_way_up_not_the_tree) {
    struct element *root = rc_new(&element_type);
    size_t n = grow(root, 7, 4);
    rc_collect();
    touch_object(some_leaf(root));
    EXPECT_EQ(1, stats().suspects);
    uint64_t before = stats().nodes;
    EXPECT_EQ(0, rc_collect());
    EXPECT_AT_MOST(8, stats().nodes - before);
    rc_release(root);
    EXPECT_EQ(n + 1, rc_collect());
}

//   root --> e --> f: e and f are let go where their owners are held; and proved alive by them, when they have lost a link
TEST(taken_up_and_let_go_is_no_suspect_whatever_has_become_of_its_owner) {
    struct element *root = rc_new(&element_type), *e = rc_retain(add(root)), *f = add(e);
    rc_release(e);
    EXPECT_EQ(0, stats().suspects);
    for (int i = 0; i < 2; i++) {
        rc_release(rc_retain(f)); // whose owner is not held now
        EXPECT_EQ(0, stats().suspects);
        touch_object(f);
        EXPECT_EQ(1, stats().suspects);
        EXPECT_EQ(0, rc_collect());
    }
    rc_release(root);
    EXPECT_EQ(3, rc_collect());
}

//   root --> e --> f: the owner leads to what is given to it, so that this is no suspect
TEST(what_is_given_to_an_owner_that_is_held_is_no_suspect) {
    struct element *root = rc_new(&element_type);
    struct element *e = add(root);
    EXPECT_EQ(0, stats().suspects);
    take_up_and_let_go(e);
    EXPECT_EQ(0, stats().suspects);
    struct element *f = add(e); // whose owner is not held
    EXPECT_EQ(1, stats().suspects);
    EXPECT_EQ(0, rc_collect());
    rc_release(root); // which is one, and leads to the others
    EXPECT_EQ(1, stats().suspects);
    take_up_and_let_go(e);
    EXPECT_EQ(1, stats().suspects);
    take_up_and_let_go(f);
    EXPECT_EQ(2, stats().suspects);
    EXPECT_EQ(3, rc_collect());
}

//   root --> e <--> f: root lets go of e, and only then does e give up its owner
TEST(what_is_unlinked_before_it_gives_up_its_owner_is_a_suspect) {
    struct element *root = rc_new(&element_type);
    struct element *e = add(root);
    add(e);
    rc_collect();
    rc_clear(&root->first);
    EXPECT_EQ(1, stats().suspects);
    rc_clear(&e->parent);
    EXPECT_EQ(2, rc_collect());
    rc_release(root);
}

//   root --> e --> f: f is touched, and e let go, at any two moments of a collection
TEST(what_an_owner_stands_for_is_collected_with_it) {
    for (unsigned both = 0; both < 20 * 20; both++) {
        test_note("after %u units and %u more", both / 20, both % 20);
        struct element *root = rc_new(&element_type);
        struct element *f = add(add(root));
        touch_object(root->first);
        rc_set(&f->first, f);
        rc_clear(&f->first); // a suspect for the collection to begin with
        for (unsigned i = 0; i < both / 20; i++)
            rc_collect_step(0);
        touch_object(f);
        for (unsigned i = 0; i < both % 20; i++)
            rc_collect_step(0);
        struct element *e = detach_first(root);
        rc_release(e);
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
        EXPECT_EQ(1, stats().objects);
        rc_release(root);
        REQUIRE(stats().objects == 0);
    }
}

TEST(many_touched_leaves_walk_each_way_once) {
    struct element *root = rc_new(&element_type);
    size_t n = grow(root, 1, 1);
    struct element *deep = root;
    for (int i = 0; i < 2000; i++, n++) { // one long way down ...
        deep = add(deep);
    }
    for (int i = 0; i < 1000; i++, n++)
        add(deep); // ... with a thousand leaves at its end
    rc_collect();
    for (struct element *e = deep->first; e; e = e->next) {
        struct element *mine = rc_retain(e);
        rc_release(mine);
    }
    uint64_t before = stats().nodes;
    EXPECT_EQ(0, rc_collect());
    EXPECT_AT_MOST(4 * 3000, stats().nodes - before);
    rc_release(root);
    EXPECT_EQ(n + 1, rc_collect());
}

TEST(detached_subtree_is_collected_though_it_has_owners_within) {
    struct element *root = rc_new(&element_type);
    grow(root, 5, 3);
    rc_collect();
    struct element *sub = detach_first(root);
    EXPECT_EQ(0, rc_collect());
    destroyed = 0;
    rc_release(sub);
    EXPECT_EQ(1 + 3 + 9 + 27 + 81, rc_collect());
    EXPECT_EQ(1 + 3 + 9 + 27 + 81, destroyed);
    rc_release(root);
    rc_collect();
}

//   a --> b with b.parent = a, and a.parent = b: owners in a ring, nobody holds them
TEST(ring_of_owners_is_collected) {
    struct element *a = rc_new(&element_type), *b = rc_new(&element_type);
    rc_set(&a->parent, b);
    rc_set(&b->parent, a);
    rc_set(&a->first, b);
    rc_set(&b->first, a);
    EXPECT_EQ(0, rc_collect());
    rc_release(a);
    EXPECT_EQ(0, rc_collect());
    rc_release(b);
    EXPECT_EQ(2, rc_collect());
    a = rc_new(&element_type);
    rc_set(&a->parent, a);
    rc_give(&a->first, a);
    EXPECT_EQ(1, rc_collect());
}

//   owners 100,000 deep: longer than any walk in one go
TEST(long_chain_of_owners_is_judged_right) {
    struct element *root = rc_new(&element_type), *deep = root;
    size_t n = scaled(100000);
    for (size_t i = 0; i < n; i++)
        deep = add(deep);
    EXPECT_EQ(0, rc_collect());
    struct element *leaf = rc_retain(deep);
    rc_release(leaf);
    EXPECT_EQ(0, rc_collect());
    rc_release(root);
    EXPECT_EQ(n + 1, rc_collect());
}

//   root --> e --> f, suspects all of them: the first one is looked at, and stands for the others
TEST(suspect_below_another_is_judged_with_it) {
    for (int last = 0; last < 3; last++) { // which is looked at first
        destroyed = 0;
        struct element *root = rc_new(&element_type), *e = add(root), *f = add(e);
        rc_collect();
        for (int i = 1; i <= 3; i++) {
            struct element *one = (struct element *[]){root, e, f}[(last + i) % 3];
            rc_set(&one->next, one);
            rc_clear(&one->next); // loses a link
            if (one == root)
                rc_release(root);
        }
        EXPECT_EQ(3, stats().suspects);
        while (rc_collect_phase() != RC_PHASE_BUILD)
            rc_collect_step(0);
        EXPECT_EQ(1, rc_heap_default()->cc.roots);
        EXPECT_EQ(0, stats().suspects);
        EXPECT_EQ(3, rc_collect());
        EXPECT_EQ(3, destroyed);
    }
}

// The promise broken: the owner holds no link. At worst a leak, for as long as the owner lives.
//   root --> x <--> y <--> root, x before y: x is below y, and that below the root, which is garbage
TEST(way_up_to_garbage_in_the_graph_proves_nothing) {
    struct element *root = rc_new(&element_type), *x = rc_new(&element_type), *y = rc_new(&element_type);
    rc_set(&root->first, x);
    rc_set(&root->next, y);
    rc_set(&y->first, x);
    rc_set(&x->parent, y);
    rc_set(&y->parent, root);
    rc_release(x);
    rc_release(y);
    rc_release(root);
    EXPECT_EQ(1, stats().suspects);
    while (rc_collect_step(0) == RC_STEP_MORE) { // no island is looked for
    }
    EXPECT_EQ(3, destroyed);
}

TEST(broken_promise_leaks_at_worst_until_the_owner_goes) {
    struct element *a = rc_new(&element_type), *b = rc_new(&element_type);
    rc_set(&b->parent, a);
    rc_set(&b->first, b);
    rc_release(b); // garbage, but for its word that a holds it
    rc_collect();
    EXPECT(rc_is_a(a, &element_type));
    rc_release(a);
    rc_collect();
    if (stats().objects > 0) // b keeps a by the link in its owner slot, and nobody else does
        rc_heap_free(rc_heap_default());
    EXPECT_EQ(2, destroyed);
}

// Owner slots change in the middle of a collection.
TEST(subtree_that_changes_its_owner_at_any_moment_survives) {
    for (unsigned units = 0; units < 120; units++) {
        test_note("after %u units", units);
        struct element *root = rc_new(&element_type), *other = rc_new(&element_type);
        size_t n = grow(root, 2, 2);
        struct element *leaf = rc_retain(some_leaf(root));
        rc_release(leaf);
        for (unsigned i = 0; i < units; i++)
            rc_collect_step(0);
        struct element *sub = detach_first(root);
        rc_set(&sub->parent, other);
        rc_give(&other->first, sub);
        EXPECT_EQ(0, rc_collect());
        destroyed = 0;
        rc_release(other);
        EXPECT_EQ(4, rc_collect());
        rc_release(root);
        EXPECT_EQ(n + 2 - 4, rc_collect());
        EXPECT_EQ(n + 2, destroyed);
        REQUIRE(stats().objects == 0);
    }
}

//   q <--> c, another pair p <--> d: c is proved alive by q's handle, which goes while suspects are still taken
TEST(proof_whose_handle_goes_is_looked_at_again) {
    for (int stop = 0; stop < 12; stop++) {
        test_note("%d units before the handle goes", stop);
        destroyed = 0;
        struct element *p = rc_new(&element_type), *q = rc_new(&element_type);
        struct element *d = add(p), *c = add(q);
        touch_object(d);
        touch_object(c); // suspects, d and then c
        for (int i = 0; i < stop; i++)
            rc_collect_step(0);
        rc_release(q);
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
        EXPECT_EQ(2, destroyed);
        rc_release(p);
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
        EXPECT_EQ(4, destroyed);
    }
}

//   p <--> q, where q was taken up when only p led to it. As p's owner it stands for p when p is let go, or proves it alive
TEST(owner_that_was_taken_up_stands_for_nothing_by_itself) {
    for (int later = 0; later < 2; later++) {
        struct element *p = rc_new(&element_type), *q = rc_new(&element_type);
        rc_set(&p->first, q);
        rc_release(q);
        (void)rc_retain(q);
        if (!later)
            rc_set(&p->parent, q);
        rc_set(&q->first, p);
        rc_release(p);
        if (later) {
            rc_set(&p->parent, q);
            EXPECT_EQ(0, rc_collect());
        }
        rc_release(q);
        EXPECT_EQ(2, rc_collect());
    }
}

//   x --parent--> x, y --> x; then x --> y and x --parent--> y, which is a suspect by then, instead
TEST(owner_stands_for_nothing_in_the_graph) {
    for (unsigned units = 0; units < 12; units++) {
        test_note("after %u units", units);
        struct element *x = rc_new(&element_type), *y = rc_new(&element_type);
        rc_set(&x->parent, x);
        rc_set(&y->first, x);
        rc_release(x);
        for (unsigned i = 0; i < units; i++)
            rc_collect_step(0);
        (void)rc_retain(x);
        rc_give(&x->first, y);
        rc_set(&x->parent, y);
        rc_release(x); // the links it had when the collector met it are not those that it has
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
        REQUIRE(stats().objects == 0);
    }
}

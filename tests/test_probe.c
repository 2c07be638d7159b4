// SPDX-License-Identifier: MIT
// What is proved alive while the graph is built, and what that saves (cc/build.c).
#include "tests/harness.h"

struct wide {
    struct wide *x[16];
};
RC_TYPE(wide, struct wide, .slots = RC_SLOTS(RC_LINK(struct wide, x)));

static struct rc_stats stats_now(void) {
    struct rc_stats s;
    rc_stats(&s);
    return s;
}

//   a ring of 16 garbage objects, each holding 15 objects that have a handle and hold 16 more each: what the garbage meets
//   is alive, and all of that is more than the collector keeps in flight
TEST(garbage_that_meets_many_held_objects_is_collected) {
    enum { RING = 16, HELD = 15 };
    static struct wide *held[RING][HELD];
    struct wide *ring[RING];
    for (int i = 0; i < RING; i++)
        ring[i] = rc_new(&wide_type);
    for (int i = 0; i < RING; i++) {
        rc_set(&ring[i]->x[0], ring[(i + 1) % RING]);
        for (int k = 0; k < HELD; k++) {
            held[i][k] = rc_new(&wide_type);
            rc_set(&ring[i]->x[k + 1], held[i][k]);
            for (int j = 0; j < 16; j++) {
                struct wide *leaf = rc_new(&wide_type);
                rc_give(&held[i][k]->x[j], leaf);
            }
        }
    }
    for (int i = 0; i < RING; i++)
        rc_release(ring[i]);
    EXPECT_EQ(RING, rc_collect());
    EXPECT_EQ(RING * HELD * 17, stats_now().objects);
    for (int i = 0; i < RING; i++)
        for (int k = 0; k < HELD; k++) {
            EXPECT_EQ(0, rc_links(held[i][k]));
            rc_release(held[i][k]);
        }
}

struct tree {
    struct tree *left, *right, *up;
};
RC_TYPE(tree, struct tree, .slots = RC_SLOTS(RC_LINK(struct tree, left), RC_LINK(struct tree, right), RC_LINK(struct tree, up)));

static struct tree *tree_new(int depth) {
    struct tree *t = rc_new(&tree_type);
    if (depth > 0) {
        struct tree *left = tree_new(depth - 1), *right = tree_new(depth - 1);
        rc_set(&left->up, t);
        rc_set(&right->up, t);
        rc_give(&t->left, left);
        rc_give(&t->right, right);
    }
    return t;
}

//   a live tree whose nodes know their parents, without owner slots: a touched leaf costs about the way up, once the
//   collector has learned which slot that is
TEST(touched_leaves_of_a_live_tree_do_not_cost_the_tree) {
    struct tree *root = tree_new(15); // 65,535 nodes
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 100; i++) {
            struct tree *t = root;
            for (unsigned bits = i * 2654435761u; t->left; bits >>= 1)
                t = bits & 1 ? t->left : t->right;
            rc_retain(t);
            rc_release(t);
        }
        uint64_t before = stats_now().nodes;
        EXPECT_EQ(0, rc_collect());
        if (round > 0)
            EXPECT_AT_MOST(100 * 16 * 4, stats_now().nodes - before);
    }
    rc_release(root);
    EXPECT_EQ(65535, rc_collect());
}

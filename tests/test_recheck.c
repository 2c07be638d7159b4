// SPDX-License-Identifier: MIT
// The second look at a white set before it is committed (cc/recheck.c), and that of checked builds after each phase
// (cc/check.c). Only a program that breaks a rule can make them fail.
#include "tests/faults.h"
#include "tests/harness.h"

struct shy {
    struct shy *x;
    int shown; // so often its slot is reported
};

static void shy_trace(void *obj, struct rc_visitor *visitor) {
    struct shy *shy = obj;
    if (shy->shown-- > 0)
        rc_visit(visitor, &shy->x);
}
static const struct rc_type shy_type = {.name = "shy", .size = sizeof(struct shy), .trace = shy_trace};

//   a <--> b, whose traces report their slots [times] times
static struct shy *shy_pair(int times) {
    struct shy *a = rc_new(&shy_type), *b = rc_new(&shy_type);
    a->shown = b->shown = times;
    rc_set(&a->x, b);
    rc_set(&b->x, a);
    rc_release(a);
    rc_release(b);
    return a;
}

TEST(set_whose_trace_changes_its_mind_is_kept_and_reported, .counts = true) {
#ifdef RC_NO_RECHECK
    SKIP("built with RECHECK=0");
#endif
    faults_begin();
    struct shy *a = shy_pair(1);
    EXPECT_EQ(0, rc_collect());
    EXPECT_FAULT(RC_FAULT_TRACE, "rc_collect");
    EXPECT_HAS("it", last_fault()->message);
    EXPECT_EQ(0, rc_collect()); // kept for good: reported once
    EXPECT_NO_FAULT();
    a->shown = a->x->shown = 100;
    rc_clear(&a->x);
}

TEST(set_that_passes_is_collected) {
    faults_begin();
    shy_pair(100);
    EXPECT_EQ(2, rc_collect());
    EXPECT_NO_FAULT();
}

//   a <--> b, with a weak reference to a: kept by the second look, so an upgrade gives it
TEST(kept_set_is_not_condemned_any_more, .counts = true) {
#ifdef RC_NO_RECHECK
    SKIP("built with RECHECK=0");
#endif
    faults_begin();
    struct shy *a = shy_pair(1);
    struct rc_weak *weak = rc_weak_new(a);
    EXPECT_EQ(0, rc_collect());
    EXPECT_FAULT(RC_FAULT_TRACE, "rc_collect");
    struct shy *got = rc_weak_get(weak);
    EXPECT_PTR(a, got);
    a->shown = a->x->shown = 100;
    rc_release(got);
    rc_weak_release(weak);
    EXPECT_EQ(2, rc_collect());
}

#ifdef RC_CHECK
//   a <--> b, and a gets a link while the graph is built that nothing has marked
TEST(checked_builds_look_at_the_graph_after_each_phase, .aborts = "cc_check: after build: shy ") {
    struct shy *a = shy_pair(100);
    while (rc_collect_phase() != RC_PHASE_BUILD)
        rc_collect_step(0);
    RC__HEADER(a)->word += UINT64_C(1) << 36;
    rc_collect();
}
#endif

// SPDX-License-Identifier: MIT
// Pacing as the program sees it: the policy of pace.c, with a clock and a heap.
#include "cc/graph.h"

size_t cc_pace_bytes(const struct rc_heap *heap) {
    return heap->bytes / 2 + heap->memory / 2;
}

static struct cc_pace_view view_of(const struct rc_heap *heap) {
    assert(heap->old_count <= heap->suspect_count);
    bool inbox = rc__bell(heap);
    return (struct cc_pace_view){.now = cc_now(),
                                 .suspects = heap->suspect_count - heap->old_count,
                                 .old = heap->old_count,
                                 .dead = heap->dead_count,
                                 .objects = heap->objects,
                                 .bytes = cc_pace_bytes(heap),
                                 .busy = cc_pending(heap) - heap->suspect_count - inbox != 0,
                                 .inbox = inbox};
}

static struct cc_pace_plan plan_for(struct rc_heap *heap) {
    assert(rc__is_mine(heap) && cc_is_free(heap));
    struct cc_pace_view view = view_of(heap);
    struct cc_pace_plan plan = cc_pace_plan(&heap->cc.pace, &view);
    cc_pace_seen(&heap->cc.pace, &view, &plan);
    return plan;
}

// The heap that [call] is about, if it can be collected now.
static struct rc_heap *free_heap(const char *call) {
    assert(call != NULL);
    struct rc_heap *heap = rc__enter_default(call);
    return heap && cc_is_free(heap) ? heap : NULL;
}

// How long this thread may sleep. Another thread that leaves [heap] wakes it earlier if there is something to do then where
// there was nothing, or much more than there was: at least twice as much, so that what can wait does not wake it again and
// again.
static uint64_t sleep_for(struct rc_heap *heap, const struct cc_pace_plan *plan) {
    assert(rc__is_mine(heap));
    size_t pending = cc_pending(heap);
    heap->rouse_at = !plan->delay ? 0 : pending ? 2 * pending + plan->many : 1;
    heap->sleeper = pthread_self();
    return plan->delay;
}

uint64_t rc_pace_next(void) {
    struct rc_heap *heap = free_heap("rc_pace_next");
    if (!heap)
        return RC_PACE_NEVER;
    struct cc_pace_plan plan = plan_for(heap);
    return sleep_for(heap, &plan);
}

bool rc_pace_is_urgent(void) {
    struct rc_heap *heap = free_heap("rc_pace_is_urgent");
    return heap && plan_for(heap).urgent;
}

uint64_t rc_pace_step(uint64_t idle_ns) {
    struct rc_heap *heap = free_heap("rc_pace_step");
    if (!heap)
        return RC_PACE_NEVER;
    struct cc_pace_plan plan = plan_for(heap);
    if (plan.delay || !idle_ns)
        return sleep_for(heap, &plan);
    uint64_t pause = heap->cc.pace.goals.longest_pause_ns;
    cc_slice(heap, idle_ns < pause ? idle_ns : pause,
             !plan.begin ? CC_BEGIN_NONE : plan.all ? CC_BEGIN_ONE : CC_BEGIN_YOUNG);
    plan = plan_for(heap);
    return sleep_for(heap, &plan);
}

void rc_pace_pressure(void) {
    struct rc_heap *heap = rc__enter_default("rc_pace_pressure");
    if (!heap)
        return;
    struct cc_pace_view view = view_of(heap);
    cc_pace_pressed(&heap->cc.pace, &view);
}

void rc_pace_set(const struct rc_pace_goals *goals) {
    struct rc_heap *heap = rc__enter_default("rc_pace_set");
    if (heap)
        cc_pace_goals(&heap->cc.pace, goals);
}

void rc_pace_get(struct rc_pace_goals *goals) {
    if (!goals) {
        rc__fault(RC_FAULT_NULL, "rc_pace_get", NULL, "there is nowhere to put the goals");
        return;
    }
    *goals = (struct rc_pace_goals){0};
    struct rc_heap *heap = rc__enter_default("rc_pace_get");
    if (heap)
        *goals = heap->cc.pace.goals;
}

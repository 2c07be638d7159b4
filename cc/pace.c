// SPDX-License-Identifier: MIT
// The pacing policy.
//
// Suspects may wait for p->wait, which adapts. A collection that reclaims a good part of what it looks at, and much of it,
// quarters the wait, down to MIN_WAIT; one that finds nothing doubles it, as long as that makes a difference: up to 200
// times what the collection cost. One that finds little leads it back to NORMAL_WAIT.
//
// They are due at once
//   - when they probably stand for a quarter of the garbage that the goal allows: suspects times the yield of late;
//   - when the heap has grown by half of what the goal allows, wherever that comes from, beyond what it needed: the most that
//     it had at a time before the last collection began, since the one before had, less what it gave back. (What goes by
//     counting was no garbage, and is not growth when it comes again; what came since it began may be garbage.) Growth that
//     turned out to be needed doubles the growth that the next one takes, and so does a collection in vain. Four times as much
//     is urgent: a few objects may have much memory, and what makes it may never idle;
//   - when there is pressure.
//
// Old suspects (suspect.c) have a wait, a growth and a base of their own: a collection that looks at them, too, is begun
// for their sake, and doubles the wait unless a quarter of what it looks at is garbage. What comes while that lasts is for the
// young ones, and no growth to it.
//
// The share of time is an account: it gains `time_share` of each nanosecond that passes, CREDIT_SPAN of them at most, and
// pays for each slice. A slice is taken when the account is not in debt, so its length need not be known. What is urgent
// does not ask the account, unless it is only for having been due for long: that is for the share to be had, not for more.
#include "cc/pace.h"

#include <assert.h>
#include <stddef.h>

#define MS UINT64_C(1000000)
#define MIN_WAIT (5 * MS)
#define NORMAL_WAIT (250 * MS)
#define MAX_WAIT (60000 * MS)
#define CREDIT_SPAN (1000 * MS)
#define STARVED (1000 * MS) // a slice that has been due for so long is urgent

enum {
    FRUITLESS_COST = 200, // a fruitless collection may take one 200th of the time
    MANY = 1000,          // reclaimed objects: worth to come sooner
    SMALL_HEAP = 40960,   // objects; and bytes 64 times that: with less, the goal's share is reckoned as if it were this much
    SMALL_OBJECT = 64
};

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static uint64_t most(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}
// From now on until [wait] after [from], which is 0 if it has only now begun.
static uint64_t until(uint64_t now, uint64_t from, uint64_t wait) {
    uint64_t at = (from ? from : now) + wait;
    return at > now ? at - now : 0;
}
static double at_least(double a, double b) {
    return a > b ? a : b;
}
static double at_most(double a, double b) {
    return a < b ? a : b;
}

void cc_pace_goals(struct cc_pace *p, const struct rc_pace_goals *goals) {
    assert(p != NULL);
    p->goals = goals ? *goals : (struct rc_pace_goals){0};
    if (!p->goals.longest_pause_ns)
        p->goals.longest_pause_ns = 2 * MS;
    p->goals.longest_pause_ns = least(p->goals.longest_pause_ns, MAX_WAIT);
    if (!(p->goals.time_share > 0))
        p->goals.time_share = 0.25;
    if (p->goals.time_share > 1)
        p->goals.time_share = 1;
    if (!(p->goals.garbage_share > 0))
        p->goals.garbage_share = 0.1;
    p->growth = p->old.growth = p->goals.garbage_share / 2;
    assert(p->goals.longest_pause_ns > 0 && p->goals.longest_pause_ns <= MAX_WAIT);
    assert(p->goals.time_share > 0 && p->goals.time_share <= 1);
    assert(p->goals.garbage_share > 0);
}

void cc_pace_init(struct cc_pace *p, uint64_t now) {
    *p = (struct cc_pace){.wait = NORMAL_WAIT, .yield = 1, .credit_at = now, .since = now};
    p->old.wait = NORMAL_WAIT;
    p->old.since = now;
    cc_pace_goals(p, NULL);
    p->credit = (int64_t)(p->goals.time_share * (double)CREDIT_SPAN);
}

static int64_t credit(const struct cc_pace *p, uint64_t now) {
    assert(now >= p->credit_at);
    double full = p->goals.time_share * (double)CREDIT_SPAN;
    double c = (double)p->credit + p->goals.time_share * (double)(now - p->credit_at);
    return (int64_t)at_most(c, full);
}

// Objects that the goal allows to be garbage.
static double allowed(const struct cc_pace *p, const struct cc_pace_view *v, double garbage) {
    assert(garbage >= 0);
    return p->goals.garbage_share * at_least((double)v->objects - garbage, SMALL_HEAP);
}

// Objects that are garbage, as far as can be told.
static double expected(const struct cc_pace *p, const struct cc_pace_view *v) {
    assert(p->yield >= 0);
    return p->yield * (double)(v->suspects + p->roots) + (double)v->dead;
}

// From [base] to [bytes], by [share].
static bool is_grown(size_t base, size_t bytes, double share) {
    assert(share > 0);
    double room = share * at_least((double)base, (double)SMALL_HEAP * SMALL_OBJECT);
    return bytes > base && (double)(bytes - base) >= room;
}

// So long until the young suspects are due.
static uint64_t young_delay(const struct cc_pace *p, const struct cc_pace_view *v) {
    assert(p->wait >= MIN_WAIT && p->wait <= MAX_WAIT);
    if (!v->suspects)
        return RC_PACE_NEVER;
    uint64_t hold = p->hold > v->now ? p->hold - v->now : 0;
    double garbage = p->yield * (double)v->suspects;
    if (p->pressed || p->again || garbage * 4 >= allowed(p, v, garbage) ||
        is_grown(p->base, v->bytes, p->growth))
        return hold;
    return most(hold, until(v->now, p->appeared, p->wait));
}

// The same of the old ones.
static uint64_t old_delay(const struct cc_pace *p, const struct cc_pace_view *v) {
    assert(p->old.wait >= MIN_WAIT && p->old.wait <= MAX_WAIT);
    if (!v->old)
        return RC_PACE_NEVER;
    uint64_t hold = p->hold > v->now ? p->hold - v->now : 0;
    if (p->pressed || p->again || is_grown(p->old.base, v->bytes, p->old.growth))
        return hold;
    return most(hold, until(v->now, p->old.appeared, p->old.wait));
}

struct cc_pace_plan cc_pace_plan(const struct cc_pace *p, const struct cc_pace_view *v) {
    uint64_t old = old_delay(p, v);
    struct cc_pace_plan plan = {.delay = least(young_delay(p, v), old), .all = old == 0};
    plan.begin = plan.delay == 0;
    plan.many = (size_t)at_most(allowed(p, v, 0) / (4 * at_least(p->yield, 1)), UINT32_MAX);
    if (v->inbox)
        plan.delay = least(plan.delay, until(v->now, p->rung, MIN_WAIT)); // so that what comes together goes together
    if (v->busy)
        plan.delay = 0;
    if (plan.delay)
        return plan;
    double garbage = expected(p, v);
    int64_t c = credit(p, v->now);
    plan.urgent = p->pressed || p->pressing || garbage >= allowed(p, v, garbage) ||
                  is_grown(p->base, v->bytes, 4 * p->growth) ||
                  (p->due && v->now - p->due >= STARVED && c >= 0);
    if (!plan.urgent && c < 0)
        plan.delay = (uint64_t)at_most((double)-c / p->goals.time_share, (double)MAX_WAIT) + 1;
    return plan;
}

static void note_time(uint64_t *at, bool holds, uint64_t now) {
    if (!holds)
        *at = 0;
    else if (!*at)
        *at = now;
}

void cc_pace_seen(struct cc_pace *p, const struct cc_pace_view *v, const struct cc_pace_plan *plan) {
    assert(v && plan);
    p->peak = most(p->peak, v->bytes);
    note_time(&p->appeared, v->suspects, v->now);
    note_time(&p->rung, v->inbox, v->now);
    note_time(&p->due, plan->delay == 0, v->now);
    note_time(&p->old.appeared, v->old, v->now);
    if (!v->suspects && !v->old)
        p->pressed = p->again = false;
    if (!v->suspects)
        p->since = v->now;
    if (!v->old)
        p->old.since = v->now;
}

void cc_pace_pressed(struct cc_pace *p, const struct cc_pace_view *v) {
    assert(v != NULL);
    p->pressed = v->suspects || v->old;
    p->pressing = v->busy;
}

void cc_pace_began(struct cc_pace *p, uint64_t now, size_t bytes, size_t suspects, size_t old, size_t left) {
    p->roots = suspects;
    p->roots_since = old ? least(p->since, p->old.since) : p->since;
    p->since = now;
    p->with_old = old;
    p->all = !left;
    if (p->all) {
        p->old.appeared = 0;
        p->old.since = now;
    }
    p->took = 0;
    p->had = most(p->peak, bytes);
    p->peak = bytes;
    p->pressing = p->pressed;
    p->second = p->again;
    p->pressed = p->again = false;
    p->appeared = 0;
}

void cc_pace_sliced(struct cc_pace *p, uint64_t start, uint64_t end) {
    assert(end >= start);
    int64_t debt = 2 * (int64_t)least(p->goals.longest_pause_ns, 1000 * MS); // more is not carried over
    int64_t c = credit(p, end) - (int64_t)(end - start);
    p->credit = c > -debt ? c : -debt;
    p->credit_at = end;
    p->took += end - start;
}

void cc_pace_hold(struct cc_pace *p, uint64_t now) {
    p->hold = now + NORMAL_WAIT;
}

// After a collection that found nothing: what appeared meanwhile waits from now on, and longer; but not for so long that
// cheap ones are put off.
static void back_off(const struct cc_pace *p, uint64_t now, uint64_t *appeared, uint64_t *wait) {
    assert(*wait >= MIN_WAIT);
    *appeared = *appeared ? now : 0;
    *wait = least(2 * *wait, most(NORMAL_WAIT, least(FRUITLESS_COST * p->took, MAX_WAIT)));
}

static void adapt_wait(struct cc_pace *p, const struct cc_pace_result *r) {
    assert(p->wait >= MIN_WAIT && p->old.wait >= MIN_WAIT);
    if (p->with_old && (r->garbage < r->nodes / 4 || !r->garbage))
        back_off(p, r->now, &p->old.appeared, &p->old.wait);
    else if (p->with_old)
        p->old.wait = NORMAL_WAIT;
    else if (r->garbage < r->nodes / 64 || !r->garbage)
        back_off(p, r->now, &p->appeared, &p->wait);
    else if (r->garbage >= r->nodes / 4 && r->garbage >= MANY)
        p->wait = most(p->wait / 4, MIN_WAIT);
    else
        p->wait = p->wait > 2 * NORMAL_WAIT ? p->wait / 2 : NORMAL_WAIT;
}

static void adapt_growth(const struct cc_pace *p, const struct cc_pace_result *r, size_t needed, size_t *base,
                         double *growth) {
    assert(*growth > 0);
    double usual = p->goals.garbage_share / 2;
    if (is_grown(*base, needed, *growth) || r->garbage < r->nodes / 64)
        *growth = at_most(2 * *growth, at_least(usual, 1));
    else
        *growth = usual;
    *base = needed;
    assert(*growth > 0);
}

static void adapt_yield(struct cc_pace *p, const struct cc_pace_result *r) {
    assert(p->yield >= 0 && p->yield <= MANY);
    if (p->second || p->with_old || !p->roots)
        return;
    double yield = (p->yield + (double)r->garbage / (double)p->roots) / 2;
    p->yield = yield < MANY ? yield : MANY;
}

void cc_pace_ended(struct cc_pace *p, const struct cc_pace_result *r) {
    assert(p->growth > 0 && p->old.growth > 0);
    if (r->called_off) {
        cc_pace_hold(p, r->now);
        p->peak = most(p->peak, p->had);
    } else {
        adapt_yield(p, r);
        adapt_wait(p, r);
        size_t needed = p->had - least(p->had, r->gave);
        p->peak = most(r->bytes, p->peak - least(p->peak, r->gave));
        adapt_growth(p, r, needed, &p->base, &p->growth);
        p->old.peak = most(p->old.peak, needed);
        if (p->all) {
            adapt_growth(p, r, most(p->old.peak, r->bytes), &p->old.base, &p->old.growth);
            p->old.peak = 0;
        }
    }
    if (r->called_off || r->finalized || r->pardoned) { // what was garbage then may still be
        p->since = p->roots_since;
        p->old.since = least(p->old.since, p->roots_since);
    }
    p->again = r->finalized;
    p->roots = p->had = 0; // another collection may be called off before it has begun with any suspects
    p->pressed |= p->pressing && (r->called_off || r->finalized);
    p->pressing = p->second = false;
}

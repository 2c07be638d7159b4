// SPDX-License-Identifier: MIT
// The pacing policy.
//
// Suspects may wait for p->wait, which adapts. A collection that reclaims a good part of what it looks at, and much of it,
// quarters the wait, down to MIN_WAIT; one that finds nothing doubles it, as long as that makes a difference: up to 200
// times what the collection cost. One that finds little leads it back to NORMAL_WAIT.
//
// They are due at once
//   - when they probably stand for a quarter of the garbage that the goal allows: suspects times the yield of late;
//   - when the heap has grown by half of what the goal allows since the last collection, wherever that comes from. Growth
//     that turned out to be alive doubles the growth that the next one takes;
//   - when there is pressure.
//
// The share of time is an account: it gains `time_share` of each nanosecond that passes, CREDIT_SPAN of them at most, and
// pays for each slice. A slice is taken when the account is not in debt, so its length need not be known. What is urgent
// does not ask the account.
#include "cc/pace.h"

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

void cc_pace_goals(struct cc_pace *p, const struct rc_pace_goals *goals) {
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
    p->growth = p->goals.garbage_share / 2;
}

void cc_pace_init(struct cc_pace *p, uint64_t now) {
    *p = (struct cc_pace){.wait = NORMAL_WAIT, .yield = 1, .credit_at = now, .since = now};
    cc_pace_goals(p, NULL);
    p->credit = (int64_t)(p->goals.time_share * (double)CREDIT_SPAN);
}

static int64_t credit(const struct cc_pace *p, uint64_t now) {
    double full = p->goals.time_share * (double)CREDIT_SPAN;
    double c = (double)p->credit + p->goals.time_share * (double)(now - p->credit_at);
    return (int64_t)(c < full ? c : full);
}

// Objects that the goal allows to be garbage.
static double allowed(const struct cc_pace *p, const struct cc_pace_view *v, double garbage) {
    return p->goals.garbage_share * at_least((double)v->objects - garbage, SMALL_HEAP);
}

// Objects that are garbage, as far as can be told.
static double expected(const struct cc_pace *p, const struct cc_pace_view *v) {
    return p->yield * (double)(v->suspects + p->roots) + (double)v->dead;
}

static bool is_grown(const struct cc_pace *p, const struct cc_pace_view *v) {
    double room = p->growth * at_least((double)p->base, (double)SMALL_HEAP * SMALL_OBJECT);
    return v->bytes > p->base && (double)(v->bytes - p->base) >= room;
}

// So long until the suspects are due.
static uint64_t suspects_delay(const struct cc_pace *p, const struct cc_pace_view *v) {
    if (!v->suspects)
        return RC_PACE_NEVER;
    uint64_t hold = p->hold > v->now ? p->hold - v->now : 0;
    double garbage = p->yield * (double)v->suspects;
    if (p->pressed || p->again || garbage * 4 >= allowed(p, v, garbage) || is_grown(p, v))
        return hold;
    return most(hold, until(v->now, p->appeared, p->wait));
}

struct cc_pace_plan cc_pace_plan(const struct cc_pace *p, const struct cc_pace_view *v) {
    struct cc_pace_plan plan = {.delay = suspects_delay(p, v)};
    plan.begin = plan.delay == 0;
    if (v->inbox)
        plan.delay = least(plan.delay, until(v->now, p->rung, MIN_WAIT)); // so that what comes together goes together
    if (v->busy)
        plan.delay = 0;
    if (plan.delay)
        return plan;
    double garbage = expected(p, v);
    plan.urgent = p->pressed || p->pressing || garbage >= allowed(p, v, garbage) ||
                  (p->due && v->now - p->due >= STARVED);
    int64_t c = credit(p, v->now);
    if (!plan.urgent && c < 0)
        plan.delay = (uint64_t)((double)-c / p->goals.time_share) + 1;
    return plan;
}

static void note_time(uint64_t *at, bool holds, uint64_t now) {
    if (!holds)
        *at = 0;
    else if (!*at)
        *at = now;
}

void cc_pace_seen(struct cc_pace *p, const struct cc_pace_view *v, const struct cc_pace_plan *plan) {
    note_time(&p->appeared, v->suspects, v->now);
    note_time(&p->rung, v->inbox, v->now);
    note_time(&p->due, plan->delay == 0, v->now);
    if (!v->suspects) {
        p->pressed = p->again = false;
        p->since = v->now;
    }
}

void cc_pace_pressed(struct cc_pace *p, const struct cc_pace_view *v) {
    p->pressed = v->suspects;
    p->pressing = v->busy;
}

void cc_pace_began(struct cc_pace *p, uint64_t now, size_t suspects) {
    p->roots = suspects;
    p->roots_since = p->since;
    p->since = now;
    p->took = 0;
    p->pressing = p->pressed;
    p->second = p->again;
    p->pressed = p->again = false;
    p->appeared = 0;
}

void cc_pace_sliced(struct cc_pace *p, uint64_t start, uint64_t end) {
    int64_t debt = 2 * (int64_t)least(p->goals.longest_pause_ns, 1000 * MS); // more is not carried over
    int64_t c = credit(p, end) - (int64_t)(end - start);
    p->credit = c > -debt ? c : -debt;
    p->credit_at = end;
    p->took += end - start;
}

void cc_pace_hold(struct cc_pace *p, uint64_t now) {
    p->hold = now + NORMAL_WAIT;
}

static void adapt_wait(struct cc_pace *p, const struct cc_pace_result *r) {
    if (r->garbage < r->nodes / 64 || !r->garbage)
        p->wait = least(2 * p->wait, most(NORMAL_WAIT, least(FRUITLESS_COST * p->took, MAX_WAIT)));
    else if (r->garbage >= r->nodes / 4 && r->garbage >= MANY)
        p->wait = most(p->wait / 4, MIN_WAIT);
    else
        p->wait = p->wait > 2 * NORMAL_WAIT ? p->wait / 2 : NORMAL_WAIT;
}

static void adapt_growth(struct cc_pace *p, const struct cc_pace_result *r) {
    struct cc_pace_view after = {.bytes = r->bytes};
    if (is_grown(p, &after))
        p->growth = 2 * p->growth < 1 ? 2 * p->growth : 1;
    else if (r->garbage >= r->nodes / 64)
        p->growth = p->goals.garbage_share / 2;
    p->base = r->bytes;
}

void cc_pace_ended(struct cc_pace *p, const struct cc_pace_result *r) {
    if (r->called_off)
        cc_pace_hold(p, r->now);
    else if (!p->second && p->roots) {
        double yield = (p->yield + (double)r->garbage / (double)p->roots) / 2;
        p->yield = yield < MANY ? yield : MANY;
    }
    if (!r->called_off) {
        adapt_wait(p, r);
        adapt_growth(p, r);
    }
    if (r->called_off || r->finalized || r->pardoned)
        p->since = p->roots_since; // what was garbage then may still be
    p->again = r->finalized;
    p->roots = 0;
    p->pressed |= p->pressing && (r->called_off || r->finalized);
    p->pressing = p->second = false;
}

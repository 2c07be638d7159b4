// SPDX-License-Identifier: MIT
// See steps.h. A sweep counts like an odometer: steps[k] is how many units the k-th call of some_work() does in this round.
// The last call that has not yet outlasted the collector goes one further, those behind it begin again at 0.
#include "tests/steps.h"
#include "tests/graph.h"
#include "tests/harness.h"

enum { CALLS_MAX = 4 };

static unsigned steps[CALLS_MAX];
static bool outlasted[CALLS_MAX]; // the collector was idle after so many units
static unsigned calls;
static unsigned phases;
static char letters_now[16];

static bool is_idle(void) {
    return rc_collect_phase() == RC_PHASE_IDLE && rc_collect_pending() == 0;
}

// Whether the library finds its own heap in order. In a slow build, a sample of the stops is looked at.
static bool is_verified(void) {
    static unsigned stops;
    return (is_slow_build() && stops++ % 16) || EXPECT_EQ(0, rc_verify(NULL, NULL));
}

void some_work(void) {
    REQUIRE(calls < CALLS_MAX);
    for (unsigned i = 0; i < steps[calls]; i++)
        rc_collect_step(0);
    is_verified();
    outlasted[calls++] = is_idle();
    phases |= 1u << rc_collect_phase();
}

// A weak reference: there is such a function only where ThreadSanitizer is linked in.
extern void __tsan_init(void) __attribute__((weak));

// In a slow build, of three stops and more a sample: some of the units are left out, not always the same. Of two stops, too,
// where only other threads are looked for, of which a sweep has none.
static unsigned stride(void) {
    unsigned sum = 0;
    for (unsigned k = 0; k < calls; k++)
        sum += steps[k];
    return is_slow_build() && calls > (__tsan_init ? 1 : 2) ? 1 + sum % 3 : 1;
}

static bool next_round(void) {
    unsigned k = calls;
    while (k > 0 && outlasted[k - 1])
        k--;
    if (k == 0)
        return false;
    steps[k - 1] += stride();
    memset(steps + k, 0, (CALLS_MAX - k) * sizeof *steps);
    return true;
}

unsigned sweep_loudly(void (*scenario)(void)) {
    memset(steps, 0, sizeof steps);
    phases = 0;
    do {
        calls = 0;
        forget();
        test_note("%sorder %s, units before each stop: %u %u %u %u", is_graph_quiet() ? "quiet, " : "", letters_now, steps[0],
                  steps[1], steps[2], steps[3]);
        scenario();
        EXPECT_EQ(0, stats().objects);
    } while (test_failures() == 0 && next_round());
    test_note("%s", "");
    EXPECT(calls > 0);
    return phases;
}

unsigned sweep(void (*scenario)(void)) {
    unsigned seen = sweep_loudly(scenario);
    if (test_failures() == 0) {
        graph_quietly(true);
        seen |= sweep_loudly(scenario);
        graph_quietly(false);
    }
    return seen;
}

const char *order(void) {
    return letters_now;
}

// The next permutation in the order of the alphabet; false after the last.
static bool next_order(char *s, size_t n) {
    size_t i = n - 1, j = n - 1;
    while (i > 0 && s[i - 1] >= s[i])
        i--;
    if (i == 0)
        return false;
    while (s[j] <= s[i - 1])
        j--;
    char swapped = s[i - 1];
    s[i - 1] = s[j], s[j] = swapped;
    for (j = n - 1; i < j; i++, j--)
        swapped = s[i], s[i] = s[j], s[j] = swapped;
    return true;
}

static unsigned for_each_order(unsigned (*swept)(void (*)(void)), void (*scenario)(void), const char *letters) {
    unsigned seen = 0;
    size_t n = strlen(letters);
    REQUIRE(n > 0 && n < sizeof letters_now);
    strcpy(letters_now, letters);
    do
        seen |= swept(scenario);
    while (test_failures() == 0 && next_order(letters_now, n));
    letters_now[0] = 0;
    return seen;
}

unsigned sweep_orders(void (*scenario)(void), const char *letters) {
    return for_each_order(sweep, scenario, letters);
}

unsigned sweep_orders_loudly(void (*scenario)(void), const char *letters) {
    return for_each_order(sweep_loudly, scenario, letters);
}

void stop_in(enum rc_phase phase) {
    while (rc_collect_phase() != phase) {
        enum rc_step step = rc_collect_step(0);
        if (step == RC_STEP_IDLE || step == RC_STEP_OUT_OF_MEMORY) {
            test_note("never came to the phase %s", rc_phase_name(phase));
            REQUIRE(rc_collect_phase() == phase);
        }
    }
}

void finish_sound(void) {
    for (size_t units = 0; !is_idle(); units++) {
        REQUIRE(units < 100000);
        rc_collect_step(0);
        if (!is_sound(false) || !is_verified())
            test_stop();
    }
    is_sound(true);
}

struct node *a_dead_node(void) {
    graph("gd dd");
    struct node *d = at('d');
    drop("d");
    stop_in(RC_PHASE_BUILD);
    rc_clear(&d->x);
    rc_clear(&at('g')->x);
    EXPECT_STR("d", gone());
    return d;
}

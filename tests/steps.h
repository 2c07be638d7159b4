// SPDX-License-Identifier: MIT
// The collector stopped where a test wants it, one smallest unit of work at a time.
//
// The bugs of a sliced collector are made of a change at the wrong moment, so most tests do not pick the moment but try
// all of them: a scenario calls some_work() wherever the collector may have worked, and sweep() runs the scenario again and
// again, for every number of units at every one of these calls, until the collector has nothing left to do there.
//
//     static void unlinked_while_collected(void) {
//         graph("ab ba gb");
//         drop("ab");
//         some_work();                  // 0, 1, 2 ... units of work, one more each round
//         rc_clear(&at('b')->x);
//         finish_sound();               // and on to the end; nothing reachable may be gone
//         ...
//     }
//     TEST(...) { EXPECT_PHASES(sweep(unlinked_while_collected), PHASE(BUILD) | PHASE(VALIDATE)); }
#ifndef TESTS_STEPS_H
#define TESTS_STEPS_H

#include <refcyc/refcyc.h>

struct node; // tests/graph.h

#define PHASE(name) (1u << RC_PHASE_##name)

// Runs [scenario] for every way to stop it, twice: with nodes that have destructors and with quiet ones (graph.h). Each
// round begins with forget() and an empty heap, which it must leave empty. Returns the set of phases in which some_work()
// has stopped the collector.
unsigned sweep(void (*scenario)(void));
// With destructors only: for scenarios that have a heap of their own.
unsigned sweep_loudly(void (*scenario)(void));
void some_work(void);

// The same for each order of [letters], which the scenario has from order() and gives to drop(): which of its suspects the
// collector meets first makes all the difference.
unsigned sweep_orders(void (*scenario)(void), const char *letters);
unsigned sweep_orders_loudly(void (*scenario)(void), const char *letters);
const char *order(void);

// A sweep proves nothing about a phase in which it never stopped.
#define EXPECT_PHASES(seen, wanted) EXPECT_EQ((wanted), (seen) & (wanted))

// Lets the collector work until it is in [phase]; the test ends with a failure if it gets idle before.
void stop_in(enum rc_phase phase);
// Lets the collection go on, unit by unit, until nothing is to do, and looks at the graph after each unit (graph.h): a
// reachable node is never gone, an unreachable one is at the end.
void finish_sound(void);

// A node d that died while it was in the graph of a collection, which is stopped there: dead, and its memory is there. (And g,
// which the caller has a handle of.)
struct node *a_dead_node(void);

#endif

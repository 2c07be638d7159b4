// SPDX-License-Identifier: MIT
// Small graphs, written as they are drawn. Each node has a letter, and two slots, x and y:
//
//     graph("ab ba gb");     //   a <--> b <-- g      "ab": a link from a to b, in the first slot of a that is free
//     graph("c");            //   and c, without links
//     drop("ab");            // the handles that graph() holds of each node, released in this order
//     rc_collect();
//     EXPECT_STR("", gone());
//
// A capital letter makes a node with a finalizer. Destructors and finalizers note the letter in gone() and finalized(), in
// their order, each time they run. at('a') is the node, for as long as it is there.
//
// Objects without a destructor take shorter ways through the library. graph_quietly(true) makes nodes of that sort from then
// on, in a heap of its own, whose allocator notes in gone() whose memory came back: later than a destructor would, if the
// node dies while it is in the graph of a collection.
//
// is_sound() compares with a plain search from the handles that are left: it is what counting and collecting must agree
// with, whatever was done.
#ifndef TESTS_GRAPH_H
#define TESTS_GRAPH_H

#include <refcyc/refcyc.h>

struct node {
    struct node *x, *y;
    unsigned handles; // those that graph() and hold() have, for the search
    char name;
};

extern const struct rc_type node_type;      // lower-case letters
extern const struct rc_type finalized_type; // capital letters: extends node_type
extern void (*on_destroy)(struct node *node);  // called by the destructors, after the note; NULL: nothing
extern void (*on_finalize)(struct node *node); // the same of finalizers

void graph(const char *edges);
void graph_quietly(bool on);
bool is_graph_quiet(void);
// The node of that letter. The test ends with a failure if there is none.
struct node *at(char name);
bool is_there(char name);
// One more handle, or one less, of each.
void hold(const char *names);
void drop(const char *names);
// touch_object (harness.h) of each.
void touch(const char *names);
// The handle was moved into a slot, or came out of one: notes it for the search.
void handle_given(char name);
void handle_taken(char name);

// The letters of nodes whose destructor (finalizer) ran, in that order; sorted; and both forgotten.
const char *gone(void);
const char *gone_sorted(void);
const char *finalized(void);
void forget(void);

// Every node that a handle leads to is there, destroyed never; with [quiet], every other node is gone. Says which is not.
bool is_sound(bool quiet);

#endif

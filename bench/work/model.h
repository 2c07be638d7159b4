// SPDX-License-Identifier: MIT
// The objects of the workloads, in terms of a model that each C program brings, so that one source does the same work
// on Refcyc, plain C, the Boehm collector, GObject and CPython. Before this header a program defines
//
//     HEAD                      what each object begins with
//
// and after it, before the workloads:
//
//     void *make(enum kind)     a new object, its references NULL, with one reference for the caller
//     RETAIN(p)                 p, with another reference for the caller
//     DROP(p)                   gives up a reference of the caller
//     SET(slot, p)              *slot = p; the slot counts for itself, the caller keeps its own reference
//     GIVE(slot, p)             *slot = p; the caller's reference goes into the slot
//     DROP_LIST, DROP_CELLS, DROP_NODES(p)   DROP of the last reference to a list, tree or section: plain C walks and
//                               frees; in all others they are DROP
//     QUIET()                   no collection from here on unless it is asked for
//     size_t COLLECT()          a whole collection; number of objects freed, if the model knows
//     TURN()                    what the collector is given once a round
//     THREAD_BEGIN(), THREAD_END()   around what a thread does on objects of its own
#ifndef BENCH_MODEL_H
#define BENCH_MODEL_H

#include "../harness.h"

struct pair { // the object with two references
    HEAD struct pair *a, *b;
};

struct tree { // three references; the random graph uses them as it likes
    HEAD struct tree *left, *right, *parent;
};

struct cell { // GCBench's node
    HEAD struct cell *left, *right;
    int i, j;
};

struct node { // of a document
    HEAD struct node *parent, *first, *last, *prev, *next;
    struct listener *listener;
};

struct listener {
    HEAD struct node *target;
};

enum kind { PAIR, TREE, OWNED_TREE, CELL, NODE, LISTENER, KINDS };

#endif

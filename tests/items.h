// SPDX-License-Identifier: MIT
// What the tests put into containers: objects with a number, which note that they are gone, and may link back to what
// holds them; and structs with two links, a weak reference and a resource that has to be closed once.
#ifndef TESTS_ITEMS_H
#define TESTS_ITEMS_H

#include <refcyc/element.h>
#include <refcyc/refcyc.h>

struct item {
    void *back; // a link to anything
    int id;
};

extern const struct rc_type item_type;
extern void (*on_item_destroy)(struct item *item); // NULL: nothing
extern size_t items_alive;

// With a handle. Ends the test if there is no memory.
struct item *item_new(int id);
int item_id(const void *item); // -1 for NULL
// [n] items with a link to [back] each, in items[0..n), numbered from 0. The handles are the caller's.
void items_new(struct item **items, size_t n, void *back);
void items_release(struct item **items, size_t n);

// A struct by value. Resources are numbers; open ones are counted.
struct wire {
    struct item *a;
    int resource; // 0: none
    struct rc_weak *weak;
    struct item *b;
};

extern const struct rc_element wire_element;       // can be copied
extern const struct rc_element given_wire_element; // cannot
extern size_t resources_open;
extern bool copies_fail;                    // the copy function says so
extern void (*on_wire_destroy)(struct wire *wire);
extern void (*on_wire_copy)(void);

int resource_open(void);
// A value with handles of [a] and [b], to be given.
struct wire wire_of(struct item *a, struct item *b);
// Gives up what a value that was not given, or was taken, owns.
void wire_close(struct wire *wire);

// An object that holds something by a link, so that this is alive without a handle.
struct holder { void *held; };
extern const struct rc_type item_holder_type;
struct holder *holder_of(void *held); // the caller's handle of [held] moves into it
// Makes a suspect of what is held.
void stir(struct holder *holder);

#endif

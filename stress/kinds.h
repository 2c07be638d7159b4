// SPDX-License-Identifier: MIT
// Random types. A kind is a type table made from four bytes of a program, and what the harness has to know to use it by
// the rules: where its slots lie, what each may point to, what its callbacks are.
//
//     struct body | cell 0 | cell 1 | ... | tail 0 | tail 1 | ...        outside: -> | slot | slot | ...
//
// Slots have numbers, the same in the shadow graph as here. A slot is a declared field (alone or in an inline array),
// an element of the tail, a field that only the trace function knows, an element of an array outside of the object, or one
// of a container of the library.
// Of a tail or an outside array only a few places are ever used, which the object's layout number moves about; in a
// wide kind they lie around multiples of 1024, where the library cuts long objects into pieces.
//
// Rank keeps the promise of acyclic types: what is below 9 links only to lower ranks.
#ifndef STRESS_KINDS_H
#define STRESS_KINDS_H

#include <refcyc/array.h>
#include <refcyc/list.h>
#include <refcyc/map.h>
#include <refcyc/refcyc.h>
#include <refcyc/weak_map.h>

enum {
    KINDS = 6,      // of a program at most
    KIND_BYTES = 4, // that describe one
    SLOTS = 20,     // strong slots of an object at most
    WEAK_SLOTS = 2,
    ROW = 8, // places of a tail or an outside array that are used
    CELLS = 40,
    RANK_ANY = 9
};

#define BODY_ALIVE 0xA11FE00Du
#define BODY_DEAD 0xDEAD00EEu

struct body {
    uint32_t magic;
    uint32_t id; // of the shadow
    uint32_t kind;
    uint32_t unused;
    void *keep;     // a handle, or NULL
    void **outside; // or NULL
    size_t outside_count, tail_count;
    void *cell[];
};

enum where { IN_CELL, IN_TAIL, IN_OUTSIDE, IN_CONTAINER };

// Some kinds are the library's own containers: an array, a list and a map of links, a type that extends the array, with
// a body behind it, and a weak map, which has entries in place of slots.
enum container { NO_CONTAINER, ARRAY, LIST, MAP, EXTENDED, WEAK_MAP };

struct kind {
    struct rc_type type; // unless it is the library's
    const struct rc_type *object_type;
    enum container container;
    bool has_body;
    struct rc_slot slots[16];
    char name[16];
    int base; // or -1
    int rank;
    int links; // strong slots, with those of the base
    struct {
        uint8_t where, at; // the cell, or the number in the row
        int8_t target;     // the kind that it may point to (or one that extends it), -1: any
    } slot[SLOTS];
    int owner; // its slot number, or -1
    int weak_count;
    int weak_cell[WEAK_SLOTS];
    int cells;
    int traced, traced_cell; // cells that only the trace function knows, of this level
    bool has_tail, has_outside, outside_here, wide, keeps;
    int finalizers, destructors; // callbacks that run for one object
};

// Makes kind [n] of [kinds] from [spec]; those before it are made. [wide]: the program may have wide kinds, [containers]:
// and containers.
void kind_make(struct kind *kinds, int n, const uint8_t *spec, bool wide, bool containers);
// A short description, for a script.
void kind_print(const struct kind *kinds, int n);

// Slots in a tail or an outside array under [layout].
size_t row_count(const struct kind *kind, unsigned layout);
size_t row_place(const struct kind *kind, int at, unsigned layout);
size_t row_capacity(const struct kind *kind);
// Of a container: the elements before those that are used. Of a map: the key of a place.
size_t padding(const struct kind *kind, unsigned layout);
int64_t map_key(int at);
struct body *body_of(const struct kind *kind, void *object); // NULL: it has none
struct body *body_of_extended(void *object);
// [pos]: where the elements of a list are. NULL if a container has lost the element.
void *slot_address(const struct kind *kind, void *object, int slot, unsigned layout, const struct rc_list_pos *pos);

// The callbacks of all kinds; the program's side of them is in callbacks.c.
void on_finalize(void *obj);
void on_destroy(void *obj);
void on_finalize_extended(void *obj); // of the type that extends the array
void on_destroy_extended(void *obj);
void on_free_slots(void *obj);
void on_trace(void *obj, struct rc_visitor *visitor);
void on_trace_base(void *obj, struct rc_visitor *visitor);

#endif

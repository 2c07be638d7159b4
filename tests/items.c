// SPDX-License-Identifier: MIT
// See items.h.
#include "tests/items.h"
#include "tests/harness.h"

void (*on_item_destroy)(struct item *item);
size_t items_alive;

static void item_destroy(void *obj) {
    struct item *item = obj;
    EXPECT(item->id >= 0);
    if (on_item_destroy)
        on_item_destroy(item);
    item->id = -2;
    items_alive--;
}

RC_TYPE(item, struct item, .slots = RC_SLOTS(RC_LINK(struct item, back)), .destroy = item_destroy);

struct item *item_new(int id) {
    struct item *item = rc_new(&item_type);
    REQUIRE(item);
    item->id = id;
    items_alive++;
    return item;
}

int item_id(const void *item) {
    return item ? ((const struct item *)item)->id : -1;
}

void items_new(struct item **items, size_t n, void *back) {
    for (size_t i = 0; i < n; i++) {
        items[i] = item_new((int)i);
        rc_set(&items[i]->back, back);
    }
}

void items_release(struct item **items, size_t n) {
    for (size_t i = 0; i < n; i++)
        rc_release(items[i]);
}

// ---- wires

size_t resources_open;
bool copies_fail;
void (*on_wire_destroy)(struct wire *wire);
void (*on_wire_copy)(void);
static int next_resource;

int resource_open(void) {
    resources_open++;
    return ++next_resource;
}

static void resource_close(int resource) {
    EXPECT(resource > 0);
    if (resource > 0)
        resources_open--;
}

static bool wire_copy(void *to, const void *from) {
    struct wire *wire = to;
    EXPECT(((const struct wire *)from)->resource == wire->resource);
    if (on_wire_copy)
        on_wire_copy();
    if (copies_fail)
        return false;
    if (wire->resource)
        wire->resource = resource_open();
    return true;
}

static void wire_destroy(void *element) {
    struct wire *wire = element;
    EXPECT(!wire->a || item_id(wire->a) != -1); // what it links to may be read
    if (on_wire_destroy)
        on_wire_destroy(wire);
    if (wire->resource)
        resource_close(wire->resource);
    wire->resource = -1;
}

static uint64_t wire_hash(const void *element) {
    const struct wire *wire = element;
    return (uint64_t)(item_id(wire->a) + 1);
}

static bool wire_equal(const void *a, const void *b) {
    return item_id(((const struct wire *)a)->a) == item_id(((const struct wire *)b)->a);
}

static int wire_compare(const void *a, const void *b) {
    return item_id(((const struct wire *)a)->a) - item_id(((const struct wire *)b)->a);
}

#define WIRE_SLOTS                                                                                                     \
    .slots = RC_SLOTS(RC_LINK(struct wire, a), RC_LINK(struct wire, b), RC_WEAK(struct wire, weak)),                   \
    .destroy = wire_destroy, .hash = wire_hash, .equal = wire_equal, .compare = wire_compare
RC_ELEMENT(wire, struct wire, WIRE_SLOTS, .copy = wire_copy);
RC_ELEMENT(given_wire, struct wire, WIRE_SLOTS);

struct wire wire_of(struct item *a, struct item *b) {
    struct wire wire = {rc_retain(a), resource_open(), NULL, rc_retain(b)};
    wire.weak = rc_weak_new(a);
    return wire;
}

void wire_close(struct wire *wire) {
    rc_release(wire->a);
    rc_release(wire->b);
    rc_weak_release(wire->weak);
    if (wire->resource)
        resource_close(wire->resource);
}

// ---- holders

RC_TYPE(item_holder, struct holder, .slots = RC_SLOTS(RC_LINK(struct holder, held)));

struct holder *holder_of(void *held) {
    struct holder *holder = rc_new(&item_holder_type);
    REQUIRE(holder);
    rc_give_slot(&holder->held, held);
    return holder;
}

void stir(struct holder *holder) {
    touch_object(holder->held);
}

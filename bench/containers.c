// SPDX-License-Identifier: MIT
// How long is a slice where one object has N references (10 million)? Containers of N elements, one after the other, are
// traced, found alive, destroyed as garbage, destroyed by count, and cleared, in slices of 1 ms.
//
//     containers N [BUDGET_US]
//
// The elements are links to a tenth as many objects, ten links to each, in another order than in memory; each object has
// a link back to the container, so that whoever meets one of them meets them all. A set has N members of its own. Structs
// have a destructor and a link each; names are texts, which a map owns. A weak map has N / 10 entries, with a key and a
// value of their own each; the value links back to the map, the key to an array that keeps the keys. The stages of each
// container:
//
//   traced      it is alive, by a link from an object that is held, and was touched
//   garbage     it was let go, in a cycle with its elements
//   by count    the same without the links back: the last release destroys it, which may be 1,000 objects at once
//   cleared     and so does clear
#include "slices.h"

enum { TIMES = 10, RELEASE_LIMIT = 1000 };

struct item {
    void *back;
};
struct holder {
    void *held, *keys;
};
static RC_TYPE(item, struct item, .slots = RC_SLOTS(RC_LINK(struct item, back)));
static RC_TYPE(holder, struct holder, 
               .slots = RC_SLOTS(RC_LINK(struct holder, held), RC_LINK(struct holder, keys)));

static bool cyclic;        // elements link back
static struct item **items; // the elements, or keys

static void *need(void *p) {
    DEMAND(p);
    return p;
}

static struct item *item_new(void *back) {
    struct item *item = need(rc_new(&item_type));
    rc_set(&item->back, back);
    return item;
}

static void *array_new(void) { return need(rc_array_new(&rc_link_element)); }
static void array_add(void *a, size_t i, void *obj) { (void)i; DEMAND(rc_array_push(a, obj)); }
static void array_clear(void *a) { rc_array_clear(a); }

static void *list_new(void) { return need(rc_list_new(&rc_link_element)); }
static void list_add(void *l, size_t i, void *obj) { (void)i; DEMAND(!rc_list_is_none(rc_list_push_back(l, obj))); }
static void list_clear(void *l) { rc_list_clear(l); }

static void *map_new(void) { return need(rc_map_new(&rc_int64_element, &rc_link_element)); }
static void map_add(void *m, size_t i, void *obj) { DEMAND(rc_map_set_int(m, (int64_t)i, obj)); }
static void map_clear(void *m) { rc_map_clear(m); }

static void *set_new(void) { return need(rc_set_new(&rc_link_element)); }
static void set_add(void *s, size_t i, void *obj) { (void)i; DEMAND(rc_set_add(s, &obj)); }
static void set_clear(void *s) { rc_set_clear(s); }

struct part {
    struct item *item;
    size_t number; // 0: none
};
static size_t parts_open;
static void part_destroy(void *element) { parts_open -= ((struct part *)element)->number != 0; }
static RC_ELEMENT(part, struct part, .slots = RC_SLOTS(RC_LINK(struct part, item)), .destroy = part_destroy);

static void *parts_new(void) { return need(rc_array_new(&part_element)); }
static void parts_add(void *a, size_t i, void *obj) {
    struct part part = {rc_retain(obj), i + 1};
    DEMAND(rc_array_push_give(a, &part));
    parts_open++;
}

static void *names_new(void) { return need(rc_map_new(&rc_string_element, &rc_link_element)); }
static void names_add(void *m, size_t i, void *obj) {
    char name[24];
    snprintf(name, sizeof name, "name-%zu", i);
    DEMAND(rc_map_set_text(m, name, obj));
}

static void *weak_map_new(void) { return need(rc_weak_map_new()); }
static void weak_map_add(void *m, size_t i, void *key) {
    if (i % TIMES)
        return;
    struct item *value = item_new(cyclic ? m : NULL);
    DEMAND(rc_weak_map_put(m, key, value));
    rc_release(value);
}
static void weak_map_clear(void *m) { rc_weak_map_clear(m); }

static const struct kind {
    const char *name;
    void *(*make)(void);
    void (*add)(void *container, size_t i, void *obj);
    void (*clear)(void *container);
    bool keeps, distinct; // its elements; and these are all different
} kinds[] = {{"array", array_new, array_add, array_clear, true, false},
             {"list", list_new, list_add, list_clear, true, false},
             {"map", map_new, map_add, map_clear, true, false},
             {"set", set_new, set_add, set_clear, true, true},
             {"structs", parts_new, parts_add, array_clear, true, false},
             {"names", names_new, names_add, map_clear, true, false},
             {"weak map", weak_map_new, weak_map_add, weak_map_clear, false, false}};

// A container of [n] elements, with a handle. What it does not keep goes into *keys.
static void *filled(const struct kind *kind, size_t n, struct rc_array **keys) {
    size_t count = kind->distinct ? n : n / TIMES;
    void *c = kind->make();
    uint32_t seed = 1;
    *keys = kind->keeps ? NULL : array_new();
    void *back = kind->keeps ? c : *keys;
    for (size_t i = 0; i < count; i++) {
        items[i] = item_new(cyclic ? back : NULL);
        if (*keys)
            array_add(*keys, i, items[i]);
    }
    for (size_t i = 0; i < n; i++)
        kind->add(c, i, items[kind->distinct               ? i
                              : kind->keeps && i % TIMES ? random_below(&seed, (uint32_t)count)
                                                         : i / TIMES]);
    for (size_t i = 0; i < count; i++)
        rc_release(items[i]);
    return c;
}

static void drain(const struct kind *kind, const char *stage) {
    char name[64];
    snprintf(name, sizeof name, "%s, %s", kind->name, stage);
    slices_drain(name, NULL);
}

static void measure(const struct kind *kind, size_t n) {
    struct holder *holder = need(rc_new(&holder_type));
    struct rc_array *keys;
    cyclic = true;
    void *c = filled(kind, n, &keys);
    rc_give(&holder->held, c);
    rc_give(&holder->keys, keys);
    drain(kind, "traced");
    rc_release(holder);
    drain(kind, "garbage");
    cyclic = false;
    c = filled(kind, n, &keys);
    rc_release(c);
    drain(kind, "by count");
    rc_release(keys);
    c = filled(kind, n, &keys);
    kind->clear(c);
    drain(kind, "cleared");
    rc_release(c);
    rc_release(keys);
    drain(kind, "and the rest");
}

int main(int argc, char **argv) {
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 0) : 10000000;
    budget = argc > 2 ? strtoul(argv[2], NULL, 0) * 1000 : budget;
    items = malloc(n * sizeof *items);
    if (n < 10000 || !items) {
        fprintf(stderr, "usage: %s N [BUDGET_US]; N is at least 10000\n", argv[0]);
        return 64;
    }
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = RELEASE_LIMIT});
    DEMAND(heap);
    rc_heap_enter(heap);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        measure(&kinds[i], n);
    slices_print();
    DEMAND(parts_open == 0);
    free(items);
    DEMAND(rc_heap_free(heap) == 0);
    return slices_verdict() ? 0 : 1;
}

// SPDX-License-Identifier: MIT
// Elements that have their links at times only (has_links): numbers that look like pointers are left alone, links are
// counted, in each container, in each phase of a collection.
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"
#include <float.h>
#include <math.h>

struct value {
    enum { NUMBER, OBJECT } is;
    union {
        uint64_t number;
        struct item *object;
    } as;
};

static bool value_has_links(const void *element) {
    return ((const struct value *)element)->is == OBJECT;
}
static uint64_t value_hash(const void *element) {
    const struct value *v = element;
    return v->is == OBJECT ? (uint64_t)item_id(v->as.object) : v->as.number;
}
static bool value_equal(const void *a, const void *b) {
    const struct value *x = a, *y = b;
    return x->is == y->is && value_hash(x) == value_hash(y);
}
static int value_compare(const void *a, const void *b) { // numbers before objects
    const struct value *x = a, *y = b;
    if (x->is != y->is)
        return x->is == NUMBER ? -1 : 1;
    return value_hash(x) < value_hash(y) ? -1 : value_hash(x) > value_hash(y);
}
static RC_ELEMENT(value, struct value, .slots = RC_SLOTS(RC_LINK(struct value, as.object)), .hash = value_hash,
                  .equal = value_equal, .compare = value_compare, .has_links = value_has_links);

enum { ITEMS = 10 };
static struct item *item[ITEMS];

// No address of anything.
static struct value number(uint64_t n) {
    return (struct value){NUMBER, {.number = UINT64_C(0xDEADBEEF00000001) + 16 * n}};
}
static struct value object(int i) {
    return (struct value){OBJECT, {.object = item[i]}};
}
static struct value mixed(int i) {
    return i % 2 ? object(i % ITEMS) : number((uint64_t)i);
}
static bool is_mixed(const void *element, int i) {
    struct value v = mixed(i);
    return element && value_equal(element, &v);
}

// Each item of odd number has so many links, the others none.
static void expect_links(size_t n) {
    for (int i = 0; i < ITEMS; i++)
        EXPECT_EQ(i % 2 ? n : 0, rc_links(item[i]));
}

static struct rc_array *array_of_mixed(int n) {
    struct rc_array *a = rc_array_new(&value_element);
    for (int i = 0; i < n; i++) {
        struct value v = mixed(i);
        if (i % 4 < 2) {
            REQUIRE(rc_array_push_value(a, &v));
        } else {
            if (v.is == OBJECT)
                v.as.object = rc_retain(v.as.object);
            REQUIRE(rc_array_push_give(a, &v));
        }
    }
    return a;
}

static void let_go(void *container) {
    rc_release(container);
    expect_links(0);
    items_release(item, ITEMS);
    EXPECT_EQ(0, items_alive);
}

static bool is_number(const void *element, void *arg) {
    (void)arg;
    return ((const struct value *)element)->is == NUMBER;
}

TEST(array_of_objects_and_numbers) {
    items_new(item, ITEMS, NULL);
    struct rc_array *a = array_of_mixed(2 * ITEMS), *b = rc_array_slice(a, 0, ITEMS);
    expect_links(3);
    EXPECT_PTR(NULL, rc_array_get(a, 1)); // no array of links
    EXPECT_EQ(EINVAL, errno);
    for (int i = 0; i < 2 * ITEMS; i++)
        EXPECT(is_mixed(rc_array_at(a, (size_t)i), i));
    EXPECT(rc_array_insert_range(a, 3, b, 0, SIZE_MAX));
    expect_links(4);
    EXPECT(rc_array_move_range(b, 0, a, 3, ITEMS));
    expect_links(4);
    struct value taken;
    EXPECT(rc_array_take_value(a, 0, &taken) && is_mixed(&taken, 0));
    EXPECT(rc_array_take_value(a, 0, &taken) && is_mixed(&taken, 1));
    EXPECT_EQ(2, rc_handles(item[1]));
    EXPECT_EQ(3, rc_links(item[1]));
    EXPECT(rc_array_insert_give(a, 0, &taken));
    expect_links(4);
    EXPECT(rc_array_sort(a, NULL));
    EXPECT_EQ(NUMBER, ((struct value *)rc_array_at(a, 0))->is);
    struct value v = object(3);
    size_t at = SIZE_MAX;
    EXPECT(rc_array_search(a, &v, NULL, &at));
    EXPECT(rc_array_set_value(a, at, &(struct value){NUMBER, {7}}));
    EXPECT_EQ(3, rc_links(item[3]));
    EXPECT(rc_array_set_value(a, 0, &v));
    EXPECT(rc_array_remove_if(a, is_number, NULL, NULL));
    EXPECT(rc_array_resize(a, 100)); // all zero
    expect_links(4);
    rc_release(b);
    expect_links(2);
    rc_array_clear(a);
    let_go(a);
}

TEST(list_of_objects_and_numbers) {
    items_new(item, ITEMS, NULL);
    struct rc_list *l = rc_list_new(&value_element), *m = rc_list_new(&value_element);
    struct rc_list_pos pos[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        struct value v = mixed(i);
        pos[i] = rc_list_insert_value(l, RC_LIST_NONE, &v);
    }
    expect_links(1);
    EXPECT(rc_list_splice(m, RC_LIST_NONE, l, pos[2], pos[5]));
    expect_links(1);
    EXPECT(rc_list_remove(l, pos[0]) && rc_list_remove(l, pos[1]));
    EXPECT_EQ(0, rc_links(item[1]));
    EXPECT(rc_list_shrink(l));
    struct rc_list *copy = rc_list_copy(m);
    EXPECT_EQ(2, rc_links(item[3]));
    rc_release(copy);
    rc_release(m);
    let_go(l);
}

TEST(map_and_set_of_objects_and_numbers) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&value_element, &value_element);
    struct rc_set *set = rc_set_new(&value_element);
    for (int i = 0; i < ITEMS; i++) {
        struct value k = mixed(i);
        EXPECT(rc_map_put(map, &k, &k) && rc_set_add(set, &k) && rc_set_add(set, &k));
    }
    expect_links(3);
    struct rc_map *copy = rc_map_copy(map);
    EXPECT(rc_map_put_all(copy, map));
    expect_links(5);
    for (int i = 0; i < ITEMS; i++) {
        struct value k = mixed(i), taken;
        EXPECT(is_mixed(rc_map_find(copy, &k), i) && is_mixed(rc_set_find(set, &k), i));
        EXPECT(rc_map_take(copy, &k, &taken) && is_mixed(&taken, i));
        if (taken.is == OBJECT)
            rc_release(taken.as.object);
    }
    expect_links(3);
    rc_release(copy);
    rc_release(set);
    let_go(map);
}

struct watched {
    struct value value;
    struct rc_weak *weak;
};
static RC_ELEMENT(watched, struct watched, .has_links = value_has_links,
                  .slots = RC_SLOTS(RC_LINK(struct watched, value.as.object), RC_WEAK(struct watched, weak)));

TEST(number_beside_a_weak_reference_is_a_number) {
    items_new(item, ITEMS, NULL);
    struct rc_array *a = rc_array_new(&watched_element);
    for (int i = 0; i < 2; i++) {
        struct watched w = {mixed(i), rc_weak_new(item[2])};
        EXPECT(rc_array_push_value(a, &w));
        rc_weak_release(w.weak);
        const struct watched *copy = rc_array_at(a, (size_t)i);
        EXPECT(is_mixed(&copy->value, i));
        EXPECT_PTR(w.weak, copy->weak);
    }
    EXPECT_EQ(1, rc_links(item[1]));
    let_go(a);
}

TEST(box_of_an_object_or_a_number) {
    items_new(item, ITEMS, NULL);
    for (int i = 0; i < 2; i++) {
        struct value v = mixed(i), taken;
        struct rc_box *a = rc_box_new(&value_element, &v), *b = rc_box_new(&value_element, &v);
        EXPECT(is_mixed(rc_box_value(a), i));
        EXPECT_EQ(2 * i, rc_links(item[1]));
        rc_box_close(a);
        EXPECT(rc_box_take(b, &taken) && is_mixed(&taken, i));
        if (taken.is == OBJECT)
            rc_release(taken.as.object);
        rc_release(a);
        rc_release(b);
    }
    let_go(NULL);
}

TEST(copies_without_memory_change_nothing) {
    struct rc_heap *heap = scarce_enter();
    items_new(item, ITEMS, NULL);
    struct rc_array *a = array_of_mixed(3 * ITEMS), *b;
    expect_links(3);
    EACH_FAILURE_OF(b, rc_array_slice(a, 0, SIZE_MAX)) {
        EXPECT_PTR(NULL, b);
        expect_links(3);
    }
    EACH_FAILURE(ok, rc_array_insert_range(a, 5, b, 0, SIZE_MAX)) {
        EXPECT(!ok);
        expect_links(6);
    }
    expect_links(9);
    rc_release(b);
    let_go(a);
    scarce_leave(heap);
}

// 3,000 of them, read in pieces, half of them links back and forth; some become the other sort in the middle.
TEST(r9_values_change_while_read_in_pieces) {
    enum { MANY = 3000 };
    for (int early = 0; early < 2; early++) {
        struct rc_array *a = rc_array_new(&value_element);
        for (int i = 0; i < MANY; i++) {
            struct value v = number((uint64_t)i);
            if (i % 2) {
                v = (struct value){OBJECT, {.object = item_new(i)}};
                rc_set(&v.as.object->back, a);
            }
            REQUIRE(rc_array_push_give(a, &v));
        }
        items_new(item, ITEMS, a);
        struct holder *way = holder_of(a);
        uint64_t edges = stats().edges;
        stir(way);
        stop_in(RC_PHASE_BUILD);
        while (stats().edges - edges < MANY / 4)
            REQUIRE(rc_collect_step(0) == RC_STEP_MORE && rc_collect_phase() == RC_PHASE_BUILD);
        for (size_t i = 0; i < MANY; i += 100) {
            struct value *v = rc_array_at(a, i);
            v->as.object = NULL;
            v->is = OBJECT;
            rc_set(&v->as.object, item[i / 100 % ITEMS]);
            v = rc_array_at(a, i + 1);
            rc_clear(&v->as.object);
            *v = number(i);
        }
        EXPECT_EQ(0, rc_verify(NULL, NULL));
        items_release(item, ITEMS);
        if (early)
            rc_release(way);
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
        if (!early) {
            EXPECT_EQ(ITEMS + MANY / 2 - MANY / 100, items_alive);
            EXPECT_EQ(0, rc_verify(NULL, NULL));
            rc_release(way);
        }
        rc_collect();
        EXPECT_EQ(0, items_alive);
    }
}

//   way -> a -> x -> a, and back to a number; y comes to where a number was
static void changed_while_collected(void) {
    items_new(item, ITEMS, NULL);
    struct rc_array *a = array_of_mixed(3); // number, item 1, number
    rc_set(&item[1]->back, a);
    rc_set(&item[2]->back, a);
    struct holder *way = holder_of(a);
    items_release(item, 2);
    stir(way);
    some_work();
    struct value *v = rc_array_at(a, 2);
    v->as.object = NULL, v->is = OBJECT;
    rc_set(&v->as.object, item[2]);
    items_release(item + 2, ITEMS - 2);
    some_work();
    EXPECT_EQ(2, items_alive);
    v = rc_array_at(a, 1);
    rc_clear(&v->as.object);
    *v = number(1);
    some_work();
    rc_collect();
    EXPECT_EQ(1, items_alive);
    EXPECT_EQ(2, item_id(((struct value *)rc_array_at(a, 2))->as.object));
    rc_release(way);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

TEST(value_that_changes_its_sort_at_any_moment_is_safe) {
    EXPECT_PHASES(sweep(changed_while_collected), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE));
}

TEST(values_that_are_garbage_are_collected_with_their_numbers) {
    struct rc_array *a = rc_array_new(&value_element);
    items_new(item, ITEMS, a);
    for (int i = 0; i < 1000; i++) {
        struct value v = mixed(i);
        REQUIRE(rc_array_push_value(a, &v));
    }
    items_release(item, ITEMS);
    rc_release(a);
    EXPECT_EQ(ITEMS / 2, items_alive);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, stats().objects);
}

// ---- an object or a number in one word (element.h)

union word {
    void *object;
    uint64_t bits;
};
static bool word_has_links(const void *element) {
    return ((const union word *)element)->bits >> 48 == 0;
}
static RC_ELEMENT(word, union word, .slots = RC_SLOTS(RC_LINK(union word, object)), .has_links = word_has_links);

static union word word_of(double number) {
    union word w;
    memcpy(&w, &number, sizeof w);
    w.bits += UINT64_C(1) << 49;
    return w;
}

TEST(word_is_an_object_or_a_number_whose_bits_are_moved) {
    static const double numbers[] = {0.0, -0.0, 1.5, -1.5, 5e-324, DBL_MAX, -DBL_MAX, INFINITY, -INFINITY};
    struct rc_array *a = rc_array_new(&word_element);
    items_new(item, ITEMS, a);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        union word w = word_of(numbers[i]), o = {item[i]};
        REQUIRE(rc_array_push_value(a, &w) && rc_array_push_value(a, &o));
        EXPECT_EQ(1, rc_links(item[i]));
        EXPECT_PTR(o.object, ((union word *)rc_array_at(a, 2 * i + 1))->object);
    }
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    items_release(item, ITEMS);
    rc_release(a);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, stats().objects);
}

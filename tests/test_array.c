// SPDX-License-Identifier: MIT
// rc_array: what it promises, what it does with bad input, without memory, in the middle of a collection, and against a
// plain array of numbers that is told to do the same.
#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"
#include <refcyc/array.h>

static struct rc_array *array_of(size_t n, struct item **items) {
    struct rc_array *a = rc_array_new(&rc_link_element);
    REQUIRE(a);
    for (size_t i = 0; i < n; i++)
        REQUIRE(rc_array_push(a, items[i]));
    return a;
}

// The numbers of the items of [a], each a digit; '-' for NULL.
static const char *digits(const struct rc_array *a) {
    static char text[64];
    size_t n = rc_array_size(a);
    REQUIRE(n < sizeof text);
    for (size_t i = 0; i < n; i++) {
        void *item = a->element == &rc_link_element ? rc_array_get(a, i) : ((struct wire *)rc_array_at(a, i))->a;
        text[i] = item ? (char)('0' + item_id(item)) : '-';
    }
    text[n] = 0;
    return text;
}

// Items 0 to 9, and an array of those that [order] says.
static struct item *item[10];
static struct rc_array *arrayed(const char *order) {
    items_new(item, 10, NULL);
    struct rc_array *a = rc_array_new(&rc_link_element);
    REQUIRE(a);
    for (; *order; order++)
        REQUIRE(rc_array_push(a, *order == '-' ? NULL : item[*order - '0']));
    return a;
}
static void done(struct rc_array *a) {
    items_release(item, 10);
    rc_release(a);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

// ---- one element

TEST(array_holds_a_link_of_its_own) {
    struct item *x = item_new(1);
    struct rc_array *a = array_of(1, &x);
    EXPECT_EQ(1, rc_links(x));
    EXPECT_EQ(1, rc_handles(x));
    rc_release(x);
    EXPECT_EQ(1, items_alive);
    EXPECT_PTR(x, rc_array_get(a, 0));
    rc_release(a);
    EXPECT_EQ(0, items_alive);
}

TEST(insert_moves_the_others_up) {
    struct rc_array *a = arrayed("02");
    EXPECT(rc_array_insert(a, 1, item[1]));
    EXPECT(rc_array_insert(a, 3, item[3]));
    EXPECT(rc_array_insert(a, 0, NULL));
    EXPECT_STR("-0123", digits(a));
    done(a);
}

TEST(remove_closes_the_gap_and_remove_fast_fills_it_with_the_last) {
    struct rc_array *a = arrayed("01234");
    EXPECT(rc_array_remove(a, 1));
    EXPECT_STR("0234", digits(a));
    EXPECT(rc_array_remove_fast(a, 0));
    EXPECT_STR("423", digits(a));
    EXPECT(rc_array_remove_fast(a, 2));
    EXPECT_STR("42", digits(a));
    EXPECT_EQ(0, rc_links(item[1]) + rc_links(item[0]) + rc_links(item[3]));
    done(a);
}

TEST(take_and_pop_turn_the_link_into_a_handle) {
    struct rc_array *a = arrayed("0-1");
    items_release(item, 10);
    struct item *one = rc_array_pop(a);
    EXPECT_EQ(1, item_id(one));
    EXPECT_EQ(1, rc_handles(one));
    EXPECT_EQ(0, rc_links(one));
    EXPECT_PTR(NULL, rc_array_pop(a));
    struct item *zero = rc_array_take(a, 0);
    EXPECT_EQ(0, rc_array_size(a));
    errno = 0;
    EXPECT_PTR(NULL, rc_array_pop(a));
    EXPECT_EQ(ERANGE, errno);
    rc_release(one);
    rc_release(zero);
    rc_release(a);
    EXPECT_EQ(0, items_alive);
}

TEST(set_replaces_and_find_finds) {
    struct rc_array *a = arrayed("0120");
    EXPECT(rc_array_set(a, 0, item[5]));
    EXPECT_EQ(3, rc_array_find(a, item[0]));
    EXPECT_EQ(0, rc_array_find(a, item[5]));
    EXPECT_EQ(RC_NOT_FOUND, rc_array_find(a, item[9]));
    EXPECT_EQ(2, rc_array_find_value(a, 1, &item[2]));
    EXPECT_EQ(RC_NOT_FOUND, rc_array_find_value(a, 3, &item[2]));
    done(a);
}

// ---- ranges and order

TEST(ranges_are_copied_moved_and_removed) {
    struct rc_array *a = arrayed("012345");
    struct rc_array *b = rc_array_slice(a, 2, 3);
    EXPECT_STR("234", digits(b));
    EXPECT_EQ(2, rc_links(item[2]));
    EXPECT(rc_array_remove_range(a, 1, 2));
    EXPECT_STR("0345", digits(a));
    EXPECT(rc_array_insert_range(a, 1, b, 0, SIZE_MAX));
    EXPECT_STR("0234345", digits(a));
    EXPECT(rc_array_insert_range(a, 2, a, 5, 2));
    EXPECT_STR("024534345", digits(a));
    EXPECT(rc_array_move_range(a, 0, b, 1, 1));
    EXPECT_STR("3024534345", digits(a));
    EXPECT_STR("24", digits(b));
    EXPECT(rc_array_remove_range(a, 3, SIZE_MAX));
    EXPECT_STR("302", digits(a));
    EXPECT(rc_array_resize(a, 5));
    EXPECT_STR("302--", digits(a));
    EXPECT(rc_array_resize(a, 1));
    EXPECT_STR("3", digits(a));
    rc_array_clear(a);
    EXPECT_EQ(0, rc_array_size(a));
    EXPECT(rc_array_push(a, item[1]));
    EXPECT_STR("1", digits(a));
    rc_release(b);
    done(a);
}

static int by_id(const void *a, const void *b) {
    struct item *const *x = a, *const *y = b;
    return item_id(*x) - item_id(*y);
}

static int by_parity(const void *a, const void *b) {
    struct item *const *x = a, *const *y = b;
    return item_id(*x) % 2 - item_id(*y) % 2;
}

TEST(sort_is_stable_and_search_finds_the_first) {
    struct rc_array *a = arrayed("9142785036");
    EXPECT(rc_array_sort(a, by_parity));
    EXPECT_STR("4280691753", digits(a));
    EXPECT(rc_array_sort(a, by_id));
    EXPECT_STR("0123456789", digits(a));
    size_t at;
    EXPECT(rc_array_remove(a, 4));
    EXPECT(rc_array_insert(a, 3, item[3]));
    EXPECT(rc_array_search(a, &item[3], by_id, &at));
    EXPECT_EQ(3, at);
    EXPECT(!rc_array_search(a, &item[4], by_id, &at));
    EXPECT_EQ(5, at);
    EXPECT(rc_array_reverse(a));
    EXPECT_STR("9876533210", digits(a));
    EXPECT(rc_array_swap(a, 0, 9));
    EXPECT_STR("0876533219", digits(a));
    done(a);
}

static int item_to_number(const void *a, const void *b) {
    return item_id(*(struct item *const *)a) - *(const int *)b;
}

TEST(search_is_for_anything_that_compares) {
    struct rc_array *a = arrayed("0123579");
    size_t at;
    EXPECT(rc_array_search(a, &(int){5}, item_to_number, &at));
    EXPECT_EQ(4, at);
    EXPECT(!rc_array_search(a, &(int){8}, item_to_number, &at));
    EXPECT_EQ(6, at);
    done(a);
}

static int by_distance(const void *a, const void *b, void *from) {
    struct item *const *x = a, *const *y = b;
    return abs(item_id(*x) - *(int *)from) - abs(item_id(*y) - *(int *)from);
}

TEST(sort_with_an_argument) {
    struct rc_array *a = arrayed("9142785036");
    EXPECT(rc_array_sort_with(a, by_distance, &(int){4}));
    EXPECT_STR("4532617809", digits(a));
    EXPECT_PTR(a->data, rc_array_data(a));
    EXPECT_PTR(item[4], *(void **)rc_array_data(a));
    rc_array_clear(a);
    EXPECT_PTR(NULL, rc_array_data(a));
    EXPECT_PTR(NULL, rc_array_data(NULL));
    EXPECT(rc_array_sort_with(a, by_distance, &(int){4}));
    faults_begin();
    EXPECT(!rc_array_sort_with(a, NULL, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_sort_with");
    EXPECT(!rc_array_sort_with(NULL, by_distance, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_sort_with");
    EXPECT_NO_FAULT();
    done(a);
}

TEST(plain_values_are_removed) {
    struct rc_array *a = rc_array_new(&rc_int_element);
    EXPECT(rc_array_insert_values(a, 0, (int[]){1, 2, 3}, 3));
    EXPECT(rc_array_remove(a, 1));
    EXPECT_EQ(2, rc_array_size(a));
    EXPECT_EQ(1, *(int *)rc_array_at(a, 0));
    EXPECT_EQ(3, *(int *)rc_array_at(a, 1));
    rc_release(a);
}

TEST(plain_values_are_sorted_by_their_table) {
    struct rc_array *a = rc_array_new(&rc_int_element);
    unsigned seed = 1;
    for (int i = 0; i < 5000; i++) {
        seed = seed * 1664525u + 1013904223u;
        int value = (int)(seed >> 16) - 30000;
        REQUIRE(rc_array_push_value(a, &value));
    }
    EXPECT(rc_array_sort(a, NULL));
    const int *v = rc_array_at(a, 0);
    for (size_t i = 1; i < 5000; i++)
        if (!EXPECT(v[i - 1] <= v[i]))
            break;
    size_t at;
    EXPECT(rc_array_search(a, &v[4000], NULL, &at));
    EXPECT_EQ(v[4000], v[at]);
    EXPECT_EQ(0, stats().suspects);
    rc_release(a);
}

static bool is_even(const void *element, void *arg) {
    ++*(int *)arg;
    return item_id(*(struct item *const *)element) % 2 == 0;
}

TEST(remove_if_asks_once_and_keeps_the_order, .counts = true) {
    struct rc_array *a = arrayed("4123404567");
    int asked = 0;
    size_t removed = 99;
    EXPECT(rc_array_remove_if(a, is_even, &asked, &removed));
    EXPECT_EQ(10, asked);
    EXPECT_EQ(6, removed);
    EXPECT_STR("1357", digits(a));
    EXPECT(rc_array_remove_if(a, is_even, &asked, &removed));
    EXPECT_EQ(0, removed);
    done(a);
}

// ---- iteration

TEST(iteration_meets_what_is_pushed_and_survives_its_own_removals) {
    struct rc_array *a = arrayed("012345");
    struct rc_array_iter it = rc_array_iter(a);
    char met[32] = "";
    while (rc_array_next(&it) == RC_ITER_ITEM) {
        int id = item_id(rc_array_get(a, it.index));
        sprintf(met + strlen(met), "%d", id);
        if (id == 0 || id == 3 || id == 7)
            EXPECT(rc_array_iter_remove(&it));
        if (id == 4)
            EXPECT(rc_array_push(a, item[7]));
        if (id == 5)
            EXPECT(rc_array_set(a, it.index, NULL));
    }
    EXPECT_STR("0123457", met);
    EXPECT_STR("124-", digits(a));
    EXPECT_EQ(RC_ITER_END, rc_array_next(&it));
    done(a);
}

TEST(iterator_removes_only_what_it_stands_on) {
    struct rc_array *a = arrayed("01234");
    struct rc_array_iter it = rc_array_iter(a);
    errno = 0;
    EXPECT(!rc_array_iter_remove(&it)); // on nothing yet
    EXPECT_EQ(ERANGE, errno);
    EXPECT_EQ(RC_ITER_ITEM, rc_array_next(&it));
    EXPECT_EQ(RC_ITER_ITEM, rc_array_next(&it));
    EXPECT(rc_array_iter_remove(&it));
    errno = 0;
    EXPECT(!rc_array_iter_remove(&it)); // twice
    EXPECT_EQ(ERANGE, errno);
    EXPECT_STR("0234", digits(a));
    while (rc_array_next(&it) == RC_ITER_ITEM)
        ;
    errno = 0;
    EXPECT(!rc_array_iter_remove(&it)); // at the end
    EXPECT_EQ(ERANGE, errno);
    EXPECT_STR("0234", digits(a));
    done(a);
}

TEST(iteration_says_that_the_array_was_changed) {
    struct rc_array *a = arrayed("012345");
    for (int change = 0; change < 8; change++) {
        struct rc_array_iter it = rc_array_iter(a);
        EXPECT_EQ(RC_ITER_ITEM, rc_array_next(&it));
        EXPECT_EQ(RC_ITER_ITEM, rc_array_next(&it));
        switch (change) {
        case 0: rc_array_insert(a, 0, item[9]); break;
        case 1: rc_array_remove(a, 0); break;
        case 2: rc_array_sort(a, by_id); break;
        case 3: rc_array_reverse(a); break;
        case 4: rc_array_swap(a, 1, 2); break;
        case 5: rc_array_remove_fast(a, 0); break;
        case 6: rc_array_remove_range(a, 0, 2); break;
        case 7: rc_array_clear(a); break;
        }
        EXPECT_EQ(RC_ITER_CHANGED, rc_array_next(&it));
        errno = 0;
        EXPECT(!rc_array_iter_remove(&it));
        EXPECT_EQ(ESTALE, errno);
    }
    done(a);
}

static struct rc_array *changed_by_destroy;
static void push_another(struct item *x) {
    if (x->id == 1)
        EXPECT(rc_array_insert(changed_by_destroy, 0, item[9]));
}

TEST(iteration_notices_what_a_destructor_does_to_the_array) {
    struct rc_array *a = arrayed("0123");
    items_release(item, 9);
    struct rc_array_iter it = rc_array_iter(a);
    rc_array_next(&it);
    rc_array_next(&it);
    changed_by_destroy = a;
    on_item_destroy = push_another;
    EXPECT(rc_array_iter_remove(&it)); // item 1 dies
    EXPECT_STR("9023", digits(a));
    EXPECT_EQ(RC_ITER_CHANGED, rc_array_next(&it));
    rc_release(item[9]);
    rc_release(a);
    EXPECT_EQ(0, items_alive);
}

static size_t size_at_destroy;
static void push_at_the_end(struct item *x) {
    size_at_destroy = rc_array_size(changed_by_destroy);
    if (x->id < 2)
        EXPECT(rc_array_push(changed_by_destroy, item[8]));
}

TEST(last_one_removed_is_out_of_the_array_before_it_is_destroyed) {
    struct rc_array *a = arrayed("012");
    items_release(item, 8);
    changed_by_destroy = a;
    on_item_destroy = push_at_the_end;
    EXPECT(rc_array_remove(a, 2));
    EXPECT_EQ(2, size_at_destroy);
    EXPECT(rc_array_remove(a, 1));
    EXPECT_EQ(1, size_at_destroy);
    EXPECT_STR("08", digits(a));
    on_item_destroy = NULL;
    rc_release(item[8]);
    rc_release(item[9]);
    rc_release(a);
    EXPECT_EQ(0, items_alive);
}

// ---- elements by value

static struct rc_array *wires(size_t n) {
    items_new(item, 10, NULL);
    struct rc_array *a = rc_array_new(&wire_element);
    REQUIRE(a);
    for (size_t i = 0; i < n; i++) {
        struct wire w = wire_of(item[i], item[9]);
        REQUIRE(rc_array_push_give(a, &w));
    }
    return a;
}

TEST(given_value_moves_and_comes_back_by_take) {
    struct rc_array *a = wires(2);
    EXPECT_EQ(1, rc_handles(item[0]));
    EXPECT_EQ(1, rc_links(item[0]));
    EXPECT_EQ(2, rc_links(item[9]));
    EXPECT_EQ(2, resources_open);
    struct wire w;
    EXPECT(rc_array_take_value(a, 0, &w));
    EXPECT_PTR(item[0], w.a);
    EXPECT_EQ(2, rc_handles(item[0]));
    EXPECT_EQ(0, rc_links(item[0]));
    EXPECT_EQ(2, resources_open);
    wire_close(&w);
    EXPECT_EQ(1, rc_array_size(a));
    done(a);
    EXPECT_EQ(0, resources_open);
}

TEST(value_is_copied_with_links_weak_references_and_resource) {
    struct rc_array *a = wires(1);
    struct wire w = wire_of(item[3], NULL);
    EXPECT(rc_array_insert_value(a, 0, &w));
    EXPECT(rc_array_set_value(a, 1, &w));
    EXPECT_EQ(2, rc_links(item[3]));
    EXPECT_EQ(0, rc_links(item[0]));
    EXPECT_EQ(3, resources_open);
    const struct wire *first = rc_array_at(a, 0);
    EXPECT(first->resource != w.resource);
    EXPECT_PTR(w.weak, first->weak);
    wire_close(&w);
    done(a);
    EXPECT_EQ(0, resources_open);
}

TEST(value_may_be_an_element_of_the_same_array) {
    struct rc_array *a = wires(4);
    for (int i = 0; i < 20; i++)
        EXPECT(rc_array_insert_value(a, (size_t)i % 3, rc_array_at(a, rc_array_size(a) - 1)));
    EXPECT_EQ(21, rc_links(item[3]));
    EXPECT(rc_array_set_value(a, 0, rc_array_at(a, 0)));
    EXPECT_EQ(24, resources_open);
    done(a);
    EXPECT_EQ(0, resources_open);
}

TEST(values_die_in_a_cycle_with_their_array) {
    struct rc_array *a = wires(5);
    rc_set(&item[2]->back, a);
    struct wire w = wire_of(item[2], item[2]);
    EXPECT(rc_array_push_give(a, &w));
    items_release(item, 10);
    rc_release(a);
    EXPECT_EQ(10 - 4, items_alive); // 5 to 8 were in no wire
    EXPECT_EQ(6, resources_open);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, resources_open);
}

TEST(elements_that_cannot_be_copied_are_given) {
    items_new(item, 10, NULL);
    struct rc_array *a = rc_array_new(&given_wire_element);
    struct wire w = wire_of(item[0], item[1]);
    faults_begin();
    EXPECT(!rc_array_push_value(a, &w));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_insert_value");
    EXPECT(rc_array_push_give(a, &w));
    EXPECT(!rc_array_push_value(a, rc_array_at(a, 0))); // nor where there is room
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_insert_value");
    EXPECT_EQ(1, rc_array_size(a));
    EXPECT_PTR(NULL, rc_array_slice(a, 0, 1));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_slice");
    EXPECT(!rc_array_resize(a, 5));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_NO_FAULT();
    done(a);
    EXPECT_EQ(0, resources_open);
}

TEST(copy_that_fails_changes_nothing) {
    struct rc_array *a = wires(3);
    struct wire w = wire_of(item[5], item[6]);
    copies_fail = true;
    EXPECT(!rc_array_insert_value(a, 1, &w));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT(!rc_array_set_value(a, 1, &w));
    EXPECT_PTR(NULL, rc_array_slice(a, 0, 2));
    EXPECT(!rc_array_insert_range(a, 1, a, 0, 2));
    EXPECT_STR("012", digits(a));
    EXPECT_EQ(4, resources_open);
    EXPECT_EQ(1, rc_handles(item[5]) - 1);
    EXPECT_EQ(0, rc_links(item[5]));
    wire_close(&w);
    done(a);
    EXPECT_EQ(0, resources_open);
}

// An element that is removed is in no array any more when its destructor runs.
static void look(struct wire *wire) {
    for (size_t i = 0; i < rc_array_size(changed_by_destroy); i++)
        EXPECT(((struct wire *)rc_array_at(changed_by_destroy, i))->resource != wire->resource);
    EXPECT(rc_array_reserve(changed_by_destroy, 1));
}

TEST(removed_values_are_out_of_the_array_before_they_are_destroyed) {
    struct rc_array *a = wires(8);
    changed_by_destroy = a;
    on_wire_destroy = look;
    EXPECT(rc_array_remove(a, 0));
    EXPECT(rc_array_remove_fast(a, 0));
    EXPECT(rc_array_remove_range(a, 1, 2));
    EXPECT(rc_array_resize(a, 3));
    rc_array_clear(a);
    EXPECT_EQ(0, resources_open);
    on_wire_destroy = NULL;
    done(a);
}

TEST(weak_references_are_elements) {
    items_new(item, 10, NULL);
    struct rc_array *a = rc_array_new(&rc_weak_element);
    for (int i = 0; i < 10; i++) {
        struct rc_weak *weak = rc_weak_new(item[i]);
        EXPECT(rc_array_push_give(a, &weak));
    }
    struct rc_array *b = rc_array_slice(a, 0, 5);
    rc_release(item[3]);
    EXPECT_EQ(9, items_alive);
    struct item *back = rc_weak_get(*(struct rc_weak **)rc_array_at(b, 4));
    EXPECT_PTR(item[4], back);
    EXPECT_PTR(NULL, rc_weak_get(*(struct rc_weak **)rc_array_at(b, 3)));
    rc_release(back);
    rc_release(b);
    item[3] = NULL;
    done(a);
}

TEST(arrays_of_arrays) {
    struct rc_array *outer = rc_array_new(&rc_link_element), *inner = rc_array_new(&rc_link_element);
    struct item *x = item_new(7);
    EXPECT(rc_array_push(inner, x));
    EXPECT(rc_array_push(outer, inner));
    EXPECT(rc_array_push(inner, outer)); // a cycle
    rc_release(x);
    rc_release(inner);
    rc_release(outer);
    EXPECT_EQ(1, items_alive);
    EXPECT_EQ(3, rc_collect());
    EXPECT_EQ(0, items_alive);
}

struct named_array {
    struct rc_array array;
    int number;
};
static const struct rc_type named_type = {"named array", sizeof(struct named_array), .base = &rc_array_type};

TEST(type_that_extends_the_array_is_one) {
    struct named_array *a = rc_new(&named_type);
    struct item *x = item_new(1);
    faults_begin();
    EXPECT(!rc_array_push_value(&a->array, &x));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_insert_value");
    EXPECT(!rc_array_push(&a->array, x));
    EXPECT(rc_array_init(&a->array, &rc_link_element));
    EXPECT(!rc_array_init(&a->array, &rc_int_element));
    EXPECT(rc_array_push(&a->array, x));
    EXPECT(rc_is_a(a, &rc_array_type));
    EXPECT_NO_FAULT();
    rc_release(x);
    rc_release(a);
    EXPECT_EQ(0, items_alive);
}

// ---- the last one

TEST(last_object_is_borrowed_and_stays) {
    struct rc_array *a = arrayed("012");
    EXPECT_PTR(item[2], rc_array_last(a));
    EXPECT_STR("012", digits(a));
    rc_array_remove(a, 2);
    EXPECT_PTR(item[1], rc_array_last(a));
    rc_array_clear(a);
    errno = 0;
    EXPECT_PTR(NULL, rc_array_last(a));
    EXPECT_EQ(ERANGE, errno);
    done(a);
    struct rc_array *numbers = rc_array_new(&rc_int_element);
    EXPECT(rc_array_push_value(numbers, &(int){1}));
    EXPECT_PTR(NULL, rc_array_last(numbers));
    EXPECT_EQ(EINVAL, errno);
    rc_release(numbers);
    faults_begin();
    EXPECT_PTR(NULL, rc_array_last(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_last");
}

TEST(last_value_is_popped_until_there_is_none) {
    struct rc_array *a = wires(2);
    struct wire w;
    for (int i = 1; i >= 0; i--) {
        EXPECT(rc_array_pop_value(a, &w));
        EXPECT_PTR(item[i], w.a);
        EXPECT_EQ(i, rc_array_size(a));
        wire_close(&w);
    }
    errno = 0;
    EXPECT(!rc_array_pop_value(a, &w));
    EXPECT_EQ(ERANGE, errno);
    done(a);
    EXPECT_EQ(0, resources_open);
    faults_begin();
    EXPECT(!rc_array_pop_value(NULL, &w));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_take_value");
}

// ---- bad input

TEST(index_out_of_range_is_an_error) {
    struct rc_array *a = arrayed("012");
    struct wire w;
    faults_begin();
#define OUT_OF_RANGE(call)                                                                                             \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        EXPECT(!(call));                                                                                               \
        EXPECT_EQ(ERANGE, errno);                                                                                      \
    } while (0)
    OUT_OF_RANGE(rc_array_get(a, 3));
    OUT_OF_RANGE(rc_array_get(a, SIZE_MAX));
    OUT_OF_RANGE(rc_array_at(a, 3));
    OUT_OF_RANGE(rc_array_at(a, SIZE_MAX));
    OUT_OF_RANGE(rc_array_insert(a, 4, item[0]));
    OUT_OF_RANGE(rc_array_insert_value(a, SIZE_MAX, &item[0]));
    OUT_OF_RANGE(rc_array_insert_give(a, 4, &item[0]));
    OUT_OF_RANGE(rc_array_set(a, 3, item[0]));
    OUT_OF_RANGE(rc_array_set_value(a, 3, &item[0]));
    OUT_OF_RANGE(rc_array_remove(a, 3));
    OUT_OF_RANGE(rc_array_remove_fast(a, SIZE_MAX));
    OUT_OF_RANGE(rc_array_take(a, 3));
    OUT_OF_RANGE(rc_array_take_value(a, 3, &w));
    OUT_OF_RANGE(rc_array_remove_range(a, 1, 3));
    OUT_OF_RANGE(rc_array_remove_range(a, 4, SIZE_MAX));
    OUT_OF_RANGE(rc_array_slice(a, 2, 2));
    OUT_OF_RANGE(rc_array_insert_range(a, 4, a, 0, 1));
    OUT_OF_RANGE(rc_array_insert_range(a, 0, a, SIZE_MAX, 1));
    OUT_OF_RANGE(rc_array_swap(a, 0, 3));
    EXPECT_NO_FAULT();
    EXPECT_STR("012", digits(a));
    EXPECT_EQ(1, rc_links(item[0]));
    done(a);
}

TEST(sizes_that_overflow_are_out_of_memory) {
    struct rc_array *a = arrayed("012");
    errno = 0;
    EXPECT(!rc_array_reserve(a, SIZE_MAX));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT(!rc_array_reserve(a, SIZE_MAX / 8 + 2));
    EXPECT(!rc_array_resize(a, SIZE_MAX - 1));
    EXPECT_STR("012", digits(a));
    done(a);
}

TEST(no_array_is_a_fault) {
    struct item *x = item_new(1);
    faults_begin();
    EXPECT(!rc_array_push(NULL, x));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_push");
    EXPECT_PTR(NULL, rc_array_get(NULL, 0));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_get");
    EXPECT_PTR(NULL, rc_array_at(NULL, 0));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_at");
    EXPECT_PTR(NULL, rc_array_pop(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_take");
    EXPECT(!rc_array_sort(NULL, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_sort");
    rc_array_clear(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_clear");
    EXPECT_EQ(0, rc_array_size(NULL));
    struct rc_array_iter it = rc_array_iter(NULL);
    EXPECT_EQ(RC_ITER_END, rc_array_next(&it));
    EXPECT_PTR(NULL, rc_array_new(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_array_new");
    EXPECT_EQ(1, rc_handles(x));
    rc_release(x);
}

TEST(ranges_go_between_arrays_of_the_same_elements_only) {
    struct rc_array *a = rc_array_new(&rc_int_element), *b = rc_array_new(&rc_int64_element);
    int64_t one = 1;
    EXPECT(rc_array_push_value(b, &one));
    faults_begin();
    EXPECT(!rc_array_insert_range(a, 0, b, 0, 1));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_insert_range");
    EXPECT(!rc_array_move_range(a, 0, b, 0, 1));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_move_range");
    EXPECT_EQ(0, rc_array_size(a));
    EXPECT_EQ(1, rc_array_size(b));
    rc_release(a);
    rc_release(b);
}

TEST(link_functions_refuse_other_elements) {
    struct rc_array *a = rc_array_new(&rc_int_element);
    int one = 1;
    EXPECT(rc_array_push_value(a, &one));
    errno = 0;
    EXPECT_PTR(NULL, rc_array_get(a, 0));
    EXPECT_EQ(EINVAL, errno);
    errno = 0;
    EXPECT_PTR(NULL, rc_array_get(a, 1));
    EXPECT_EQ(EINVAL, errno);
    EXPECT(!rc_array_push(a, NULL));
    EXPECT(!rc_array_set(a, 0, NULL));
    EXPECT_PTR(NULL, rc_array_pop(a));
    EXPECT_EQ(RC_NOT_FOUND, rc_array_find(a, NULL));
    EXPECT_EQ(1, rc_array_size(a));
    rc_release(a);
}

TEST(array_of_another_heap_is_a_fault) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct rc_array *a = rc_array_new(&rc_link_element);
    rc_heap_leave(heap);
    struct rc_array *own = rc_array_new(&rc_link_element); // enters the default heap
    faults_begin();
    EXPECT(!rc_array_push(a, own));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_array_push");
    EXPECT(!rc_array_move_range(own, 0, a, 0, SIZE_MAX));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_array_move_range");
    rc_release(own);
    rc_release(a);
    free_heap(heap);
}

//   heap: x --> y        own: [y y]     y's links are those in its heap; in the array it has handles
TEST(last_element_of_another_heap_goes_as_a_handle) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct item *x = item_new(1), *y = item_new(2);
    rc_set(&x->back, y);
    rc_heap_leave(heap);
    struct rc_array *own = rc_array_new(&rc_link_element);
    EXPECT(rc_array_push(own, y) && rc_array_push(own, y));
    EXPECT_EQ(1, rc_links(y));
    EXPECT(rc_array_remove(own, 1));
    EXPECT_EQ(1, rc_links(y));
    EXPECT_EQ(2, rc_handles(y));
    EXPECT_PTR(y, rc_array_pop(own));
    EXPECT_EQ(1, rc_links(y));
    EXPECT_EQ(2, rc_handles(y));
    rc_release(y);
    rc_release(y);
    rc_release(x);
    rc_release(own);
    free_heap(heap);
}

TEST(last_element_written_by_hand_is_a_fault) {
    struct rc_array *a = arrayed("01");
    void **row = rc_array_data(a);
    row[1] = item[5];
    faults_begin();
    EXPECT_PTR(NULL, rc_array_pop(a));
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_take");
    row[0] = item[5];
    EXPECT(rc_array_remove(a, 0));
    EXPECT_FAULT(RC_FAULT_SLOT, "rc_release");
    EXPECT_EQ(0, rc_links(item[5]));
    EXPECT_EQ(1, rc_handles(item[5]));
    for (int i = 0; i < 2; i++) // what should have been in the row
        rc_clear(&(void *){item[i]});
    done(a);
}

TEST(pop_of_one_with_all_the_handles_that_fit) {
    struct rc_array *a = arrayed("01");
    size_t most = 0x4000;
    while (rc_handles(item[1]) < most)
        rc_retain(item[1]);
    EXPECT_PTR(item[1], rc_array_pop(a));
    rc_retain(item[1]);
    EXPECT_EQ(most + 2, rc_handles(item[1]));
    EXPECT_EQ(0, rc_links(item[1]));
    for (size_t n = most + 1; n; n--)
        rc_release(item[1]);
    done(a);
}

TEST(null_comes_and_goes_at_the_end) {
    struct rc_array *a = rc_array_new(&rc_link_element);
    for (int i = 0; i < 3; i++) {
        EXPECT(rc_array_push(a, NULL));
        EXPECT_PTR(NULL, rc_array_get(a, (size_t)i));
    }
    EXPECT(rc_array_remove(a, 2));
    EXPECT_PTR(NULL, rc_array_take(a, 1));
    EXPECT_PTR(NULL, rc_array_pop(a));
    EXPECT_EQ(0, rc_array_size(a));
    rc_release(a);
}

TEST(dead_object_is_not_taken_in) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct rc_array *a = rc_array_new(&rc_link_element);
    struct item *x = item_new(1), *y = item_new(2);
    rc_give(&x->back, y);
    rc_release(x); // y waits to be destroyed
    faults_begin();
    EXPECT(!rc_array_push(a, y));
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_set");
    EXPECT_EQ(0, rc_array_size(a));
    rc_release(a);
    rc_heap_leave(heap);
    free_heap(heap);
}

static const struct rc_element bad_elements[] = {
    {NULL, 8, .slots = NULL},
    {"no size", 0, .slots = NULL},
    {"too large", RC_ELEMENT_MAX + 1, .slots = NULL},
    {"outside", 8, .slots = RC_SLOTS(RC_LINK(struct wire, b))},
    {"odd size", sizeof(struct wire) + 4, .slots = RC_SLOTS(RC_LINK(struct wire, a))},
    {"odd offset", sizeof(struct wire), .slots = RC_SLOTS({RC_SLOT_LINK, 4, 1, "odd", NULL})},
    {"owner", sizeof(struct wire), .slots = RC_SLOTS(RC_OWNER(struct wire, a))},
    {"twice", sizeof(struct wire), .slots = RC_SLOTS(RC_LINK(struct wire, a), RC_WEAK(struct wire, a))},
    {"huge", sizeof(struct wire), .slots = RC_SLOTS({RC_SLOT_LINK, 0, SIZE_MAX / 8 + 2, "huge", NULL})},
};

TEST(element_tables_that_break_their_laws_are_refused) {
    faults_begin();
    for (size_t i = 0; i < sizeof bad_elements / sizeof *bad_elements; i++) {
        test_note("element %zu", i);
        errno = 0;
        EXPECT_PTR(NULL, rc_array_new(&bad_elements[i]));
        EXPECT_EQ(EINVAL, errno);
        EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_new");
    }
}

// ---- callbacks that misbehave

static struct rc_array *victim;
static unsigned refusals;

static void try_to_change(void) {
    struct item *x = item[0];
    size_t size = rc_array_size(victim);
    bool changed = rc_array_push(victim, x) || rc_array_remove(victim, 0) || rc_array_set(victim, 0, x) ||
                   rc_array_insert(victim, 0, x) || rc_array_take(victim, 0) || rc_array_resize(victim, 0) ||
                   rc_array_sort(victim, by_id) || rc_array_reserve(victim, 1000) || rc_array_shrink(victim);
    rc_array_clear(victim);
    EXPECT_EQ(EBUSY, errno);
    EXPECT(!changed);
    EXPECT_EQ(size, rc_array_size(victim));
    rc_collect();
    refusals++;
}

static int changing_compare(const void *a, const void *b) {
    try_to_change();
    return by_id(a, b);
}
static bool changing_test(const void *element, void *arg) {
    try_to_change();
    return is_even(element, arg);
}

TEST(callbacks_cannot_change_the_array_that_called_them) {
    victim = arrayed("3120");
    int asked = 0;
    size_t at;
    EXPECT(rc_array_sort(victim, changing_compare));
    EXPECT_STR("0123", digits(victim));
    EXPECT(rc_array_search(victim, &item[2], changing_compare, &at));
    EXPECT_EQ(2, at);
    EXPECT(rc_array_remove_if(victim, changing_test, &asked, NULL));
    EXPECT_STR("13", digits(victim));
    EXPECT(refusals > 8);
    EXPECT(rc_array_push(victim, item[5])); // no harm done
    done(victim);
}

static int lying_compare(const void *a, const void *b) {
    (void)a, (void)b;
    static unsigned seed = 7;
    seed = seed * 1664525u + 1013904223u;
    return (int)(seed >> 8) % 3 - 1;
}

TEST(comparison_that_lies_loses_nothing) {
    struct rc_array *a = arrayed("");
    for (int i = 0; i < 500; i++)
        REQUIRE(rc_array_push(a, item[i % 10]));
    for (int round = 0; round < 20; round++) {
        EXPECT(rc_array_sort(a, lying_compare));
        rc_array_search(a, &item[3], lying_compare, NULL);
        for (int i = 0; i < 10; i++)
            EXPECT_EQ(50, rc_links(item[i]));
    }
    size_t count[10] = {0};
    for (size_t i = 0; i < 500; i++)
        count[item_id(rc_array_get(a, i))]++;
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(50, count[i]);
    done(a);
}

static void shrink_meanwhile(void) {
    errno = 0;
    EXPECT(!rc_array_resize(victim, 0));
    EXPECT_EQ(EBUSY, errno);
    refusals++;
}

TEST(copies_cannot_change_the_array_they_are_made_for, .counts = true) {
    victim = wires(5);
    struct rc_array *other = rc_array_slice(victim, 2, 2);
    struct wire w = wire_of(item[7], NULL);
    refusals = 0;
    on_wire_copy = shrink_meanwhile;
    EXPECT(rc_array_insert_value(victim, 4, &w));
    EXPECT_STR("012374", digits(victim));
    EXPECT(rc_array_push_value(victim, &w));
    EXPECT(rc_array_set_value(victim, 0, &w));
    EXPECT(rc_array_push_values(victim, &w, 1));
    EXPECT_STR("71237477", digits(victim));
    EXPECT(rc_array_insert_range(victim, 1, other, 0, SIZE_MAX));
    EXPECT(rc_array_insert_range(victim, 0, victim, 1, 1));
    EXPECT_STR("27231237477", digits(victim));
    EXPECT_EQ(7, refusals);
    on_wire_copy = NULL;
    wire_close(&w);
    rc_release(other);
    EXPECT(rc_array_resize(victim, 1));
    done(victim);
    EXPECT_EQ(0, resources_open);
}

static void let_go_of_victim(struct item *x) {
    (void)x;
    struct rc_array *a = victim;
    victim = NULL;
    rc_release(a);
}

TEST(array_may_die_of_what_it_gives_up) {
    for (int how = 0; how < 6; how++) {
        struct item *x[] = {item_new(0), item_new(1)};
        victim = array_of(2, x);
        items_release(x, 2);
        on_item_destroy = let_go_of_victim;
        switch (how) {
        case 0: rc_array_remove(victim, 0); break;
        case 1: rc_array_set(victim, 0, NULL); break;
        case 2: rc_array_remove_fast(victim, 0); break;
        case 3: rc_array_remove_range(victim, 0, 1); break;
        case 4: rc_array_resize(victim, 1); break;
        case 5: rc_array_clear(victim); break;
        }
        on_item_destroy = NULL;
        EXPECT_PTR(NULL, victim);
        EXPECT_EQ(0, items_alive);
    }
}

static void empty_victim(struct item *x) {
    (void)x;
    rc_array_clear(victim);
    EXPECT(rc_array_push(victim, NULL));
}

TEST(destructor_may_empty_the_array_it_was_in) {
    victim = arrayed("01234567");
    items_release(item, 10);
    on_item_destroy = empty_victim;
    EXPECT(rc_array_remove(victim, 3));
    EXPECT_STR("-", digits(victim));
    EXPECT_EQ(0, items_alive);
    on_item_destroy = NULL;
    rc_release(victim);
}

// ---- memory

static void expect_links_of(const struct rc_array *a) {
    size_t n = rc_array_size(a);
    for (size_t i = 0; i < n; i++) {
        size_t times = 0;
        for (size_t k = 0; k < n; k++)
            times += rc_array_get(a, k) == rc_array_get(a, i);
        EXPECT_EQ(rc_array_get(a, i) ? times : 0, rc_links(rc_array_get(a, i)));
    }
}

TEST(without_memory_nothing_changes) {
    struct rc_heap *heap = scarce_enter();
    struct rc_array *a = arrayed("0123"), *b = array_of(4, item + 4), *slice;
    items_release(item, 10);
    int asked;
#define UNCHANGED(call)                                                                                                \
    do {                                                                                                               \
        EXPECT(rc_array_shrink(a));                                                                                    \
        char before[64];                                                                                               \
        strcpy(before, digits(a));                                                                                     \
        EACH_FAILURE(ok, call) {                                                                                       \
            EXPECT(!ok);                                                                                               \
            EXPECT_EQ(ENOMEM, errno);                                                                                  \
            EXPECT_STR(before, digits(a));                                                                             \
            expect_links_of(a);                                                                                        \
            EXPECT_STR("4567", digits(b));                                                                             \
        }                                                                                                              \
        EXPECT(ok);                                                                                                    \
    } while (0)
    UNCHANGED(rc_array_reserve(a, 100));
    UNCHANGED(rc_array_sort(a, by_id));
    UNCHANGED(rc_array_push(a, NULL));
    EXPECT(rc_array_remove(a, 4));
    UNCHANGED(rc_array_insert(a, 2, NULL));
    EXPECT(rc_array_remove(a, 2));
    UNCHANGED(rc_array_insert_value(a, 2, &(void *){NULL}));
    EXPECT(rc_array_remove(a, 2));
    UNCHANGED(rc_array_insert_give(a, 2, &(void *){NULL}));
    EXPECT(rc_array_remove(a, 2));
    UNCHANGED(rc_array_resize(a, 9));
    UNCHANGED(rc_array_resize(a, 4));
    UNCHANGED(rc_array_insert_range(a, 2, a, 1, 2));
    UNCHANGED(rc_array_remove_range(a, 2, 2));
    EACH_FAILURE_OF(slice, rc_array_slice(a, 0, 4)) {
        EXPECT_PTR(NULL, slice);
        EXPECT_EQ(1, rc_links(item[0]));
    }
    rc_release(slice);
    asked = 0;
    UNCHANGED(rc_array_remove_if(a, is_even, &asked, NULL));
    EXPECT_STR("13", digits(a));
    UNCHANGED(rc_array_remove_range(a, 0, 1));
    UNCHANGED(rc_array_move_range(a, 0, b, 0, SIZE_MAX));
    EXPECT_STR("45673", digits(a));
    EACH_FAILURE(cleared, (rc_array_clear(a), true)) {
        EXPECT_EQ(0, rc_array_size(a));
    }
    EXPECT(cleared);
    EXPECT_EQ(0, items_alive);
    rc_release(a);
    rc_release(b);
    rc_collect();
    scarce_leave(heap);
}

TEST(eight_links_need_memory_once) {
    struct rc_heap *heap = scarce_enter();
    struct rc_array *a = arrayed("0");
    fail_allocation(1, true);
    for (int i = 1; i < 8; i++)
        EXPECT(rc_array_push(a, item[i]));
    EXPECT(!rc_array_push(a, item[8]));
    EXPECT_EQ(1, refused());
    EXPECT_STR("01234567", digits(a));
    items_release(item, 10);
    rc_release(a);
    scarce_leave(heap);
}

TEST(clear_needs_no_memory) {
    struct rc_heap *heap = scarce_enter();
    struct rc_array *a = arrayed("0123456789");
    items_release(item, 10);
    fail_allocation(1, true);
    rc_array_clear(a);
    EXPECT(refused() > 0);
    EXPECT_EQ(0, rc_array_size(a));
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, a->capacity);
    rc_release(a);
    scarce_leave(heap);
}

// ---- in the middle of a collection

static struct rc_array *middle;
static struct holder *kept;

//   kept --> x <-- [x ... 3000 items ... y]      the array is garbage, but for its last handle, which is dropped
static struct rc_array *long_array(struct item **x, struct item **y) {
    enum { N = 3000 };
    struct rc_array *a = rc_array_new(&rc_link_element);
    for (int i = 0; i < N; i++) {
        struct item *each = item_new(i);
        rc_set(&each->back, a);
        EXPECT(rc_array_push(a, each));
        if (i == 0)
            *x = each;
        if (i == N - 1)
            *y = each;
        rc_release(each);
    }
    kept = holder_of(rc_retain(*x));
    return a;
}

// Stops when the first piece of the array has been read, and no more.
static void stop_in_the_middle(void) {
    uint64_t edges = stats().edges;
    stop_in(RC_PHASE_BUILD);
    while (stats().edges - edges < 1000)
        REQUIRE(rc_collect_step(0) == RC_STEP_MORE && rc_collect_phase() == RC_PHASE_BUILD);
    REQUIRE(stats().edges - edges < 2000);
}

static void swap_ends(void) { EXPECT(rc_array_swap(middle, 0, 2999)); }
static void reverse(void) { EXPECT(rc_array_reverse(middle)); }
static int by_id_down(const void *a, const void *b) { return by_id(b, a); }
static void sort_down(void) { EXPECT(rc_array_sort(middle, by_id_down)); }
static void insert_at_first(void) { EXPECT(rc_array_insert(middle, 0, NULL)); }
static void remove_first_of_all(void) { EXPECT(rc_array_remove(middle, 0)); }
static void take_fast(void) { EXPECT(rc_array_remove_fast(middle, 1)); }
static void grow(void) { EXPECT(rc_array_reserve(middle, 100000)); }
static void clear_it(void) { rc_array_clear(middle); }
static void remove_many(void) { EXPECT(rc_array_remove_range(middle, 1, 2000)); }
static void push_back(void) { EXPECT(rc_array_push(middle, kept->held)); }
static void pop_back(void) { rc_release(rc_array_pop(middle)); }
// What was read goes, comes again where nothing was read yet, and the other way round.
static void turn_over(void) {
    static struct item *popped[3000];
    for (int i = 0; i < 3000; i++)
        popped[i] = rc_array_pop(middle);
    for (int i = 0; i < 3000; i++) {
        EXPECT(rc_array_push(middle, popped[i]));
        EXPECT(rc_array_push(middle, popped[i]));
        EXPECT(i % 2 || rc_array_remove(middle, rc_array_size(middle) - 1));
        rc_release(popped[i]);
    }
}

// Whatever is done to an array that is read in part, the item that is held from elsewhere lives, and nothing leaks.
static void expect_sound(void (*change)(void)) {
    struct item *x = NULL, *y = NULL;
    middle = long_array(&x, &y);
    struct holder *way = holder_of(middle); // how the program gets at the array
    stir(way);
    stop_in_the_middle();
    change();
    rc_release(way);
    while (rc_collect_step(0) == RC_STEP_MORE)
        EXPECT_EQ(0, ((struct item *)kept->held)->id);
    EXPECT_EQ(0, ((struct item *)kept->held)->id);
    rc_clear(&x->back);
    rc_collect();
    EXPECT_EQ(1, items_alive);
    rc_release(kept);
    EXPECT_EQ(0, items_alive);
}

TEST(r9_elements_swapped_while_read_in_pieces) { expect_sound(swap_ends); }
TEST(r9_reversed_while_read_in_pieces) { expect_sound(reverse); }
TEST(r9_sorted_while_read_in_pieces) { expect_sound(sort_down); }
TEST(r9_insertion_while_read_in_pieces) { expect_sound(insert_at_first); }
TEST(r9_removal_while_read_in_pieces) { expect_sound(remove_first_of_all); }
TEST(r9_fast_removal_while_read_in_pieces) { expect_sound(take_fast); }
TEST(r9_growth_while_read_in_pieces) { expect_sound(grow); }
TEST(r9_clear_while_read_in_pieces) { expect_sound(clear_it); }
TEST(r9_range_removed_while_read_in_pieces) { expect_sound(remove_many); }
TEST(push_while_read_in_pieces) { expect_sound(push_back); }
TEST(pop_while_read_in_pieces) { expect_sound(pop_back); }
TEST(popped_and_pushed_again_while_read_in_pieces) { expect_sound(turn_over); }

//   way --> [x y z]     permuted at every moment; after that the array is dropped
static void (*permute)(struct rc_array *a);

static void permuted_while_collected(void) {
    struct rc_array *a = arrayed("012");
    for (int i = 0; i < 3; i++)
        rc_set(&item[i]->back, a);
    struct holder *way = holder_of(a), *other = holder_of(rc_retain(item[1]));
    items_release(item, 10);
    stir(way);
    some_work();
    permute(a);
    some_work();
    rc_release(way);
    some_work();
    EXPECT_EQ(1, item_id(other->held));
    EXPECT_EQ(3, items_alive);
    rc_release(other);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

static void permute_swap(struct rc_array *a) { rc_array_swap(a, 0, 1); }
static void permute_reverse(struct rc_array *a) { rc_array_reverse(a); }
static void permute_sort(struct rc_array *a) { rc_array_sort(a, by_id_down); }

TEST(permutation_of_an_array_at_any_moment_is_sound, .limit = 60) {
    void (*all[])(struct rc_array *) = {permute_swap, permute_reverse, permute_sort};
    for (int i = 0; i < 3; i++) {
        permute = all[i];
        EXPECT_PHASES(sweep(permuted_while_collected), PHASE(BUILD));
    }
}

//   g --> b --> v = [a], a --> b      while v is still to be read it gets links to b that were not there when b was discovered
static void pushed_while_collected(void) {
    struct rc_array *v = rc_array_new(&rc_link_element);
    struct item *a = item_new(0), *b = item_new(1);
    EXPECT(rc_array_push(v, a));
    rc_set(&a->back, b);
    rc_set(&b->back, v);
    struct holder *g = holder_of(rc_retain(b));
    rc_release(b);
    rc_release(a);
    rc_release(v);
    stir(g);
    some_work();
    EXPECT(rc_array_push(v, b) && rc_array_push(v, b) && rc_array_push(v, b));
    some_work();
    EXPECT_EQ(1, item_id(g->held));
    EXPECT_EQ(2, items_alive);
    rc_release(g);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

TEST(push_at_any_moment_is_sound) { EXPECT_PHASES(sweep(pushed_while_collected), PHASE(BUILD)); }

// A permutation leaves no mark: the garbage is found in the collection that was under way.
TEST(permutation_of_a_traced_array_delays_nothing) {
    struct rc_array *a = arrayed("012");
    for (int i = 0; i < 3; i++)
        rc_set(&item[i]->back, a);
    items_release(item, 10);
    struct rc_array *same = a;
    rc_release(a);
    stop_in(RC_PHASE_SCAN);
    rc_array_swap(same, 0, 2); // borrowed from nobody: for the test only
    uint64_t before = stats().collections;
    while (items_alive)
        rc_collect_step(0);
    rc_collect_step(UINT64_MAX);
    EXPECT_EQ(before + 1, stats().collections);
    EXPECT_EQ(0, stats().pardoned);
}

// An element moved to another array at every moment.
//   way --> [0 1 2], [3]        item 1 goes over, and way's array is dropped
static void moved_while_collected(void) {
    struct rc_array *a = arrayed("012"), *b = rc_array_new(&rc_link_element);
    for (int i = 0; i < 3; i++)
        rc_set(&item[i]->back, a);
    struct holder *way = holder_of(a), *to = holder_of(b);
    items_release(item, 10);
    stir(way);
    stir(to);
    some_work();
    EXPECT(rc_array_move_range(b, 0, a, 1, 1));
    some_work();
    rc_release(way);
    some_work();
    EXPECT_EQ(1, item_id(rc_array_get(b, 0)));
    EXPECT_EQ(3, items_alive);
    rc_clear(&item[1]->back);
    rc_collect();
    EXPECT_EQ(1, items_alive);
    rc_release(to);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

TEST(element_moved_to_another_array_at_any_moment_is_safe) {
    EXPECT_PHASES(sweep(moved_while_collected), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE));
}

// Cleared at every moment, with the remains destroyed in slices: items that are held live, the others go.
static void cleared_while_collected(void) {
    struct rc_array *a = arrayed("012");
    for (int i = 0; i < 3; i++)
        rc_set(&item[i]->back, a);
    struct holder *way = holder_of(a), *other = holder_of(rc_retain(item[1]));
    items_release(item, 10);
    stir(way);
    some_work();
    rc_array_clear(a);
    some_work();
    rc_release(way);
    some_work();
    EXPECT_EQ(1, item_id(other->held));
    rc_clear(&item[1]->back);
    rc_collect();
    EXPECT_EQ(1, items_alive);
    rc_release(other);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

TEST(clear_at_any_moment_is_sound) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    EXPECT_PHASES(sweep(cleared_while_collected), PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE));
    rc_heap_leave(heap);
    free_heap(heap);
}

// ---- many

static uint64_t worst_edges;
static size_t worst_items, worst_resources;

// One smallest unit of work, and what it has done.
static bool step(void) {
    struct rc_stats before = stats();
    size_t items = items_alive, resources = resources_open;
    bool more = rc_collect_step(0) == RC_STEP_MORE;
    struct rc_stats after = stats();
    if (after.edges - before.edges > worst_edges)
        worst_edges = after.edges - before.edges;
    if (items - items_alive > worst_items)
        worst_items = items - items_alive;
    if (resources - resources_open > worst_resources)
        worst_resources = resources - resources_open;
    return more;
}

enum { PIECE = 1024, AHEAD = 64, PARTS = 16 };

static void expect_small_steps(void) {
    worst_edges = worst_items = worst_resources = 0;
    while (step())
        continue;
    EXPECT_AT_MOST(PIECE + AHEAD, worst_edges);
    EXPECT_AT_MOST(PIECE, worst_items);
    EXPECT_AT_MOST(PARTS, worst_resources);
}

// An array of [n] links, to [items] items in turn, which link back if [cyclic].
static struct rc_array *many_links(size_t n, size_t items, bool cyclic) {
    struct rc_array *a = rc_array_new(&rc_link_element);
    REQUIRE(a);
    for (size_t i = 0; i < items; i++) {
        struct item *x = item_new(0);
        rc_set(&x->back, cyclic ? a : NULL);
        REQUIRE(rc_array_push(a, x));
        rc_release(x);
    }
    for (size_t i = items; i < n; i++)
        REQUIRE(rc_array_push(a, rc_array_get(a, i - items)));
    return a;
}

TEST(ten_million_elements_are_collected_piece_by_piece, .limit = 60) {
    struct rc_array *a = many_links(scaled(10000000), 5000, true);
    rc_release(a);
    expect_small_steps();
    EXPECT_EQ(0, items_alive);
}

TEST(ten_million_elements_die_by_count_piece_by_piece, .limit = 60) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct rc_array *a = many_links(scaled(10000000), 100000, false);
    rc_release(a);
    EXPECT(items_alive >= 100000 - PIECE);
    expect_small_steps();
    EXPECT_EQ(0, items_alive);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(ten_million_elements_are_cleared_piece_by_piece, .limit = 60) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct rc_array *a = many_links(scaled(10000000), 100000, false);
    rc_array_clear(a);
    EXPECT(items_alive >= 100000 - PIECE);
    EXPECT_EQ(0, rc_array_size(a));
    expect_small_steps();
    EXPECT_EQ(0, items_alive);
    rc_release(a);
    rc_heap_leave(heap);
    free_heap(heap);
}

static bool memory_is_ours(void) {
#ifdef RC_CHECK
    return false;
#else
    return scaled(1000) == 1000 && !getenv("REFCYC_MALLOC");
#endif
}

static size_t steps_to_end(void) {
    size_t steps = 1;
    while (rc_collect_step(0) == RC_STEP_MORE)
        steps++;
    return steps;
}

// 64 MB, in 256 pieces: by count, as garbage, and of a heap that was merged while they were going.
TEST(memory_of_a_large_array_goes_back_piece_by_piece) {
    if (!memory_is_ours())
        SKIP("it goes back at once where somebody else looks at memory");
    enum { BYTES = 64 << 20, PIECES = 256, OTHERS = 20 };
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 10});
    struct rc_heap *other = rc_heap_new(&(struct rc_heap_options){.release_limit = 10});
    for (int how = 0; how < 3; how++) {
        rc_heap_enter(how == 2 ? other : heap);
        struct rc_array *a = rc_array_new(&rc_link_element);
        REQUIRE(rc_array_reserve(a, BYTES / sizeof(void *)));
        if (how == 1)
            rc_array_push(a, a);
        rc_release(a);
        EXPECT(rc_collect_pending() > 0);
        rc_heap_leave(how == 2 ? other : heap);
        if (how == 2)
            EXPECT(rc_heap_merge(heap, other));
        rc_heap_enter(heap);
        size_t steps = steps_to_end();
        EXPECT(steps > PIECES - OTHERS);
        EXPECT_EQ(0, rc_collect_pending());
        EXPECT_EQ(0, stats().objects);
        rc_heap_leave(heap);
    }
    rc_heap_enter(heap); // and a heap may end in the middle of it
    struct rc_array *a = rc_array_new(&rc_link_element);
    REQUIRE(rc_array_reserve(a, BYTES / sizeof(void *)));
    rc_release(a);
    rc_heap_leave(heap);
    free_heap(heap);
}

// A slice whose time is up at the first look ends after the piece at hand.
TEST(clock_is_looked_at_after_each_piece_of_what_dies) {
    enum { PIECE = 256 };
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct item *x = item_new(1);
    struct rc_array *a = rc_array_new(&rc_link_element);
    for (int i = 0; i < 100 * PIECE; i++)
        REQUIRE(rc_array_push(a, x));
    rc_release(a);
    size_t worst = 0;
    for (bool more = true; more;) {
        size_t links = rc_links(x);
        more = rc_collect_step(1) == RC_STEP_MORE;
        worst = links - rc_links(x) > worst ? links - rc_links(x) : worst;
    }
    EXPECT_EQ(0, rc_links(x));
    EXPECT_EQ(PIECE, worst);
    rc_release(x);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(many_values_are_destroyed_piece_by_piece, .limit = 60) {
    size_t n = scaled(1000000);
    struct rc_array *a = rc_array_new(&wire_element);
    struct item *x = item_new(1);
    rc_set(&x->back, a);
    for (size_t i = 0; i < n; i++) {
        struct wire w = wire_of(x, NULL);
        REQUIRE(rc_array_push_give(a, &w));
    }
    rc_release(x);
    rc_release(a);
    expect_small_steps();
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(0, items_alive);
}

TEST(many_values_go_in_at_once) {
    struct rc_array *a = rc_array_new(&rc_byte_element);
    EXPECT(rc_array_push_values(a, "heo", 3));
    EXPECT(rc_array_insert_values(a, 2, "ll", 2));
    EXPECT(rc_array_push_values(a, NULL, 0));
    EXPECT(rc_array_insert_values(a, 0, rc_array_at(a, 3), 2)); // its own
    EXPECT(rc_array_push_values(a, "", 1));
    EXPECT_STR("lohello", (char *)rc_array_data(a));
    for (int i = 0; i < 12; i++)
        EXPECT(rc_array_insert_values(a, 3, rc_array_data(a), rc_array_size(a)));
    EXPECT_EQ(8 << 12, rc_array_size(a));
    rc_release(a);
    struct item *x[3];
    items_new(x, 3, NULL);
    a = rc_array_new(&rc_link_element);
    EXPECT(rc_array_push_values(a, x, 3) && rc_array_insert_values(a, 1, x, 2));
    EXPECT_EQ(2, rc_links(x[0]));
    EXPECT_EQ(2, rc_links(x[1]));
    EXPECT_PTR(x[0], rc_array_get(a, 1));
    EXPECT_PTR(x[2], rc_array_get(a, 4));
    rc_release(a);
    items_release(x, 3);
    EXPECT_EQ(0, items_alive);
    a = rc_array_new(&given_wire_element);
    faults_begin();
    EXPECT(!rc_array_push_values(a, &(struct wire){0}, 1));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_insert_values");
    rc_release(a);
}

// ---- random operations, beside an array of numbers

enum { POOL = 10, LONGEST = 3000 };

static struct {
    int at[LONGEST];
    size_t n;
} model, model2;
static struct rc_array *real, *real2;
static bool by_value;
static uint32_t seed;

static uint32_t chance(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static int id_at(const struct rc_array *a, size_t i) {
    return by_value ? item_id(((struct wire *)rc_array_at(a, i))->a) : item_id(rc_array_get(a, i));
}

static void expect_as_model(void) {
    size_t count[POOL] = {0};
    EXPECT_EQ(model.n, rc_array_size(real));
    EXPECT_EQ(model2.n, rc_array_size(real2));
    for (size_t i = 0; i < model.n + model2.n; i++) {
        bool first = i < model.n;
        int want = first ? model.at[i] : model2.at[i - model.n];
        int got = first ? id_at(real, i) : id_at(real2, i - model.n);
        if (want != got && !EXPECT_EQ(want, got))
            break;
        if (want >= 0)
            count[want]++;
    }
    for (int i = 0; i < POOL; i++)
        if (item[i])
            EXPECT_EQ(count[i] * (by_value ? 2 : 1), rc_links(item[i]));
    if (by_value)
        EXPECT_EQ(model.n + model2.n, resources_open);
    if (test_failures())
        test_stop();
}

static void model_insert(size_t i, const int *ids, size_t n) {
    memmove(model.at + i + n, model.at + i, (model.n - i) * sizeof *model.at);
    memcpy(model.at + i, ids, n * sizeof *ids);
    model.n += n;
}

static void model_remove(size_t i, size_t n) {
    model.n -= n;
    memmove(model.at + i, model.at + i + n, (model.n - i) * sizeof *model.at);
}

// The call with each of its allocations failing, then with none.
#define DO(call)                                                                                                       \
    do {                                                                                                               \
        EACH_FAILURE(ok_, call) {                                                                                      \
            EXPECT(!ok_);                                                                                              \
            EXPECT_EQ(ENOMEM, errno);                                                                                  \
            expect_as_model();                                                                                         \
        }                                                                                                              \
        EXPECT(ok_);                                                                                                   \
    } while (0)

static bool insert_one(size_t i, int id) {
    struct item *x = item[id];
    if (!by_value)
        return i == rc_array_size(real) ? rc_array_push(real, x) : rc_array_insert(real, i, x);
    struct wire w = wire_of(x, x);
    bool give = chance(2);
    bool ok = give ? rc_array_insert_give(real, i, &w) : rc_array_insert_value(real, i, &w);
    int error = errno;
    if (!give || !ok)
        wire_close(&w);
    errno = error;
    return ok;
}

static bool set_one(size_t i, int id) {
    struct item *x = item[id];
    if (!by_value)
        return rc_array_set(real, i, x);
    struct wire w = wire_of(x, x);
    bool ok = rc_array_set_value(real, i, &w);
    wire_close(&w);
    return ok;
}

static int take_one(size_t i) {
    int id;
    if (by_value) {
        struct wire w;
        EXPECT(rc_array_take_value(real, i, &w));
        id = item_id(w.a);
        wire_close(&w);
    } else {
        struct item *x = rc_array_take(real, i);
        id = item_id(x);
        rc_release(x);
    }
    return id;
}

static int order_ids(const void *a, const void *b) {
    return by_value ? wire_element.compare(a, b) : by_id(a, b);
}
static int order_ints(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}
static bool below(const void *element, void *arg) {
    const struct item *x = by_value ? ((const struct wire *)element)->a : *(struct item *const *)element;
    return item_id(x) < *(int *)arg;
}

static void one_operation(void) {
    size_t n = model.n, i = chance((uint32_t)n + 1), k = n - i ? chance((uint32_t)(n - i)) : 0;
    int id = (int)chance(POOL);
    switch (chance(20)) {
    default:
        if (n == LONGEST)
            break;
        i = chance(3) ? n : i;
        DO(insert_one(i, id));
        model_insert(i, &id, 1);
        break;
    case 6:
        if (i < n) {
            DO(set_one(i, id));
            model.at[i] = id;
        }
        break;
    case 7:
        if (i < n) {
            DO(rc_array_remove(real, i));
            model_remove(i, 1);
        }
        break;
    case 8:
        if (i < n) {
            DO(rc_array_remove_fast(real, i));
            model.at[i] = model.at[n - 1];
            model.n--;
        }
        break;
    case 9:
        if (i < n) {
            EXPECT_EQ(model.at[i], take_one(i));
            model_remove(i, 1);
        }
        break;
    case 10:
        if (i < n) {
            DO(rc_array_swap(real, i, i + k));
            int held = model.at[i];
            model.at[i] = model.at[i + k];
            model.at[i + k] = held;
        }
        break;
    case 11:
        if (chance(4) == 0) {
            DO(rc_array_reverse(real));
            for (size_t a = 0; a < n / 2; a++) {
                int held = model.at[a];
                model.at[a] = model.at[n - 1 - a];
                model.at[n - 1 - a] = held;
            }
        }
        break;
    case 12:
        if (chance(4) == 0) {
            DO(rc_array_sort(real, order_ids));
            qsort(model.at, n, sizeof *model.at, order_ints);
        }
        break;
    case 13:
        if (chance(4) == 0) {
            DO(rc_array_remove_range(real, i, k));
            model_remove(i, k);
        }
        break;
    case 14:
        if (n + k <= LONGEST) {
            int copy[LONGEST];
            memcpy(copy, model.at + i, k * sizeof *copy);
            size_t to = chance((uint32_t)n + 1);
            if (chance(2))
                DO(rc_array_insert_range(real, to, real, i, k));
            else // from its own memory
                DO(rc_array_insert_values(real, to, k ? rc_array_at(real, i) : NULL, k));
            model_insert(to, copy, k);
        }
        break;
    case 15:
        if (chance(6) == 0) {
            DO(rc_array_remove_if(real, below, &id, NULL));
            size_t kept_ = 0;
            for (size_t a = 0; a < n; a++)
                if (model.at[a] >= id)
                    model.at[kept_++] = model.at[a];
            model.n = kept_;
        }
        break;
    case 16:
        if (model2.n + k <= LONGEST) { // a range to the other array, at its end; or all of that back
            DO(rc_array_move_range(real2, model2.n, real, i, k));
            memcpy(model2.at + model2.n, model.at + i, k * sizeof(int));
            model2.n += k;
            model_remove(i, k);
        } else if (n + model2.n <= LONGEST) {
            DO(rc_array_move_range(real, i, real2, 0, SIZE_MAX));
            model_insert(i, model2.at, model2.n);
            model2.n = 0;
        } else {
            rc_array_clear(real2);
            model2.n = 0;
        }
        break;
    case 17:
        if (chance(40) == 0) {
            fail_allocation(chance(2), true);
            rc_array_clear(real);
            fail_allocation(0, false);
            model.n = 0;
        }
        break;
    case 18:
        if (chance(2))
            DO(rc_array_reserve(real, n + k));
        else
            DO(rc_array_shrink(real));
        break;
    case 19: {
        struct item *x = item[id];
        struct wire w = {x, 0, NULL, NULL};
        size_t want = i;
        while (want < n && model.at[want] != id)
            want++;
        EXPECT_EQ(want < n ? want : RC_NOT_FOUND,
                  by_value ? rc_array_find_value(real, i, &w) : rc_array_find_value(real, i, &x));
        want = i;
        while (want < n && model.at[want] >= id)
            want++;
        EXPECT_EQ(want < n ? want : RC_NOT_FOUND, rc_array_find_if(real, i, below, &id));
        break;
    }
    }
}

static void random_operations(bool value, uint32_t with_seed, size_t operations) {
    struct rc_heap *heap = scarce_enter();
    by_value = value;
    seed = with_seed;
    model.n = model2.n = 0;
    const struct rc_element *element = value ? &wire_element : &rc_link_element;
    struct holder *way = holder_of(real = rc_array_new(element)), *way2 = holder_of(real2 = rc_array_new(element));
    items_new(item, POOL, NULL);
    for (int i = 0; i < POOL; i++)
        rc_set(&item[i]->back, i % 2 ? real : real2);
    for (size_t n = with_seed % 2 ? 0 : 2000; model.n < n; model.at[model.n++] = 0) // long enough to be read in pieces
        REQUIRE(insert_one(model.n, 0));
    for (size_t k = 0; k < operations; k++) {
        test_note("seed %u, operation %zu", with_seed, k);
        if (chance(4) == 0)
            stir(chance(2) ? way : way2);
        for (uint32_t n = chance(4); n; n--)
            rc_collect_step(0);
        one_operation();
        expect_as_model();
    }
    items_release(item, POOL);
    memset(item, 0, sizeof item);
    rc_collect();
    expect_as_model();
    rc_release(way);
    rc_release(way2);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, resources_open);
    scarce_leave(heap);
}

TEST(random_operations_on_links, .limit = 60) {
    for (uint32_t s = 1; s <= scaled(20); s++)
        random_operations(false, s, 600);
}

TEST(random_operations_on_values, .limit = 60) {
    for (uint32_t s = 1; s <= scaled(20); s++)
        random_operations(true, s, 600);
}

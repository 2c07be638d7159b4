// SPDX-License-Identifier: MIT
// Containers where something is odd: nothing in them, no memory, elements that cannot be copied or are of odd sizes, callbacks
// that change what they are called for, dead objects. The ways that the suites of the single containers do not come by.
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"

#include <refcyc/array.h>
#include <refcyc/box.h>
#include <refcyc/list.h>
#include <refcyc/map.h>
#include <refcyc/set.h>
#include <refcyc/string.h>
#include <refcyc/weak_map.h>
#include <wchar.h>

#define FAILS(error, call) (errno = 0, EXPECT(!(call)), EXPECT_EQ(error, errno))
#define FAULTS(kind_, call) (EXPECT(!(call)), EXPECT_EQ(1, faults_seen()), EXPECT_EQ(kind_, last_fault()->kind))

static bool none(const void *element, void *arg) { return (void)element, (void)arg, false; }
static bool every(const void *element, void *arg) { return (void)element, (void)arg, true; }
static bool every_pair(const void *key, const void *value, void *arg) { return (void)key, every(value, arg); }
static int by_int(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static int by_int_with(const void *a, const void *b, void *arg) { return (void)arg, by_int(a, b); }

// ---- nothing in them

TEST(empty_list_does_what_a_list_does) {
    struct rc_list *l = rc_list_new(&rc_int_element);
    int one = 1;
    size_t removed = 9;
    EXPECT(rc_list_is_none(rc_list_find_value(l, RC_LIST_NONE, &one)));
    EXPECT(rc_list_reverse(l));
    EXPECT(rc_list_sort(l, NULL));
    EXPECT(rc_list_remove_if(l, every, NULL, &removed));
    EXPECT_EQ(0, removed);
    EXPECT(rc_list_shrink(l));
    struct rc_list *copy = rc_list_copy(l);
    EXPECT_EQ(0, rc_list_size(copy));
    EXPECT(rc_list_splice(l, RC_LIST_NONE, copy, RC_LIST_NONE, RC_LIST_NONE)); // nothing, from an empty one
    struct rc_list_pos pos = rc_list_insert_value(l, RC_LIST_NONE, &one);
    FAILS(ESTALE, rc_list_splice(l, RC_LIST_NONE, copy, pos, RC_LIST_NONE));
    FAILS(ESTALE, rc_list_splice(l, RC_LIST_NONE, copy, RC_LIST_NONE, pos));
    EXPECT_EQ(1, *(int *)rc_list_at(l, rc_list_find_value(l, RC_LIST_NONE, &one)));
    EXPECT(rc_list_is_none(rc_list_find_value(l, RC_LIST_NONE, &(int){2})));
    // It becomes empty, and has memory.
    EXPECT(rc_list_remove(l, pos));
    EXPECT(rc_list_shrink(l));
    rc_list_insert_value(l, RC_LIST_NONE, &one);
    rc_list_remove_if(l, every, NULL, NULL);
    EXPECT(rc_list_reverse(l));
    EXPECT(rc_list_sort(l, by_int));
    struct rc_list_iter it = rc_list_iter(l);
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    rc_release(copy);
    copy = rc_list_copy(l);
    EXPECT_EQ(0, rc_list_size(copy));
    rc_list_clear(l);
    EXPECT_EQ(0, rc_list_size(l));
    rc_release(copy);
    rc_release(l);
}

TEST(empty_list_of_links_has_none_to_find) {
    struct rc_list *l = rc_list_new(&rc_link_element);
    EXPECT(rc_list_is_none(rc_list_find(l, l)));
    struct rc_list_pos pos = rc_list_push_back(l, l);
    EXPECT(!rc_list_is_none(rc_list_find(l, l)));
    EXPECT(rc_list_is_none(rc_list_find(l, NULL)));
    EXPECT(rc_list_remove(l, pos));
    EXPECT(rc_list_is_none(rc_list_find(l, l)));
    rc_release(l);
}

TEST(list_that_becomes_empty_under_an_iterator_ends_there) {
    struct rc_list *l = rc_list_new(&rc_int_element);
    rc_list_insert_value(l, RC_LIST_NONE, &(int){1});
    struct rc_list_iter it = rc_list_iter(l);
    EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it));
    EXPECT(rc_list_iter_remove(&it));
    EXPECT_EQ(0, rc_list_size(l));
    EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
    FAILS(ESTALE, rc_list_iter_remove(&it));
    rc_release(l);
}

TEST(empty_array_does_what_an_array_does) {
    struct rc_array *a = rc_array_new(&rc_int_element), *b = rc_array_new(&rc_int_element);
    int one = 1;
    size_t at = 9;
    EXPECT(!rc_array_search(a, &one, NULL, &at));
    EXPECT_EQ(0, at);
    EXPECT(rc_array_push_value(a, &one));
    EXPECT(!rc_array_search(a, &(int){2}, NULL, &at)); // after all that there are
    EXPECT_EQ(1, at);
    EXPECT(!rc_array_search(a, &(int){0}, NULL, &at));
    EXPECT_EQ(0, at);
    EXPECT(rc_array_move_range(b, 0, a, 0, 0));
    EXPECT_EQ(0, rc_array_size(b));
    EXPECT(rc_array_move_range(b, 0, a, 0, 1));
    EXPECT_EQ(0, rc_array_size(a));
    EXPECT_EQ(RC_NOT_FOUND, rc_array_find_if(a, 0, every, NULL));
    EXPECT_EQ(0, rc_array_find_if(b, 0, every, NULL));
    EXPECT_EQ(RC_NOT_FOUND, rc_array_find_if(b, 0, none, NULL));
    EXPECT_EQ(1, *(int *)rc_array_at(b, 0));
    rc_release(a);
    rc_release(b);
}

//   an array that is made of its type alone has no element table, and does nothing until it gets one
TEST(array_without_an_element_table_refuses_all_but_init) {
    static const struct rc_element nameless = {.size = 4};
    struct rc_array *a = rc_new(&rc_array_type);
    faults_begin();
    FAULTS(RC_FAULT_NULL, rc_array_reserve(a, 4));
    FAULTS(RC_FAULT_NULL, rc_array_insert_values(a, 0, "1234", 1));
    FAULTS(RC_FAULT_NULL, rc_array_insert_give(a, 0, &(void *){NULL}));
    FAULTS(RC_FAULT_TYPE, rc_array_init(a, &nameless));
    EXPECT_HAS("without a name", last_fault()->message);
    FAILS(EINVAL, rc_array_sort(a, NULL));
    FAULTS(RC_FAULT_NULL, rc_array_slice(a, 0, SIZE_MAX));
    EXPECT_EQ(EINVAL, errno);
    size_t removed = 1;
    EXPECT(rc_array_sort(a, by_int)); // nothing is sorted, reversed, removed
    EXPECT(rc_array_reverse(a));
    EXPECT(rc_array_remove_if(a, every, NULL, &removed));
    EXPECT_EQ(0, removed);
    rc_array_clear(a);
    EXPECT_EQ(0, faults_seen());
    EXPECT(rc_array_init(a, &rc_int_element));
    FAILS(EINVAL, rc_array_init(a, &rc_int_element));
    EXPECT(rc_array_push_value(a, &(int){1}));
    EXPECT_NO_FAULT();
    rc_release(a);
}

TEST(iterators_of_arrays_that_stand_on_nothing_remove_nothing) {
    struct rc_array *a = rc_array_new(&rc_int_element);
    rc_array_push_value(a, &(int){1});
    faults_begin();
    FAULTS(RC_FAULT_NULL, rc_array_iter_remove(NULL));
    struct rc_array_iter it = rc_array_iter(a);
    it.index = 5;
    FAILS(ERANGE, rc_array_iter_remove(&it));
    EXPECT_EQ(1, rc_array_size(a));
    EXPECT_NO_FAULT();
    rc_release(a);
}

TEST(boxes_give_up_what_they_have_once) {
    struct item *item = item_new(1), *out = NULL;
    struct rc_box *box = rc_box_new(&rc_link_element, &item), *file = rc_box_wrap(item, NULL);
    faults_begin();
    FAULTS(RC_FAULT_NULL, rc_box_take(box, NULL));
    EXPECT(rc_box_take(box, &out));
    EXPECT_PTR(item, out);
    FAILS(ENOENT, rc_box_take(box, &out));
    FAILS(ENOENT, rc_box_take(file, &out));
    FAULTS(RC_FAULT_NULL, rc_box_resource(NULL));
    FAULTS(RC_FAULT_NULL, rc_box_value(NULL));
    rc_release(out);
    rc_release(box);
    rc_release(file);
    rc_release(item);
}

// ---- misuse of single arguments

TEST(arguments_that_are_null_are_refused_one_by_one) {
    struct item *item = item_new(1);
    struct rc_array *a = rc_array_new(&rc_int_element);
    struct rc_list *l = rc_list_new(&rc_int_element);
    struct rc_map *m = rc_map_new(&rc_int64_element, &rc_link_element), *t = rc_map_new(&rc_string_element, &rc_link_element);
    struct rc_set *s = rc_set_new(&rc_link_element);
    struct item *nothing = NULL;
    int64_t key = 1;
    faults_begin();
    FAULTS(RC_FAULT_NULL, rc_array_insert_range(a, 0, NULL, 0, 1));
    FAULTS(RC_FAULT_NULL, rc_array_sort_with(a, NULL, NULL));
    FAULTS(RC_FAULT_NULL, rc_array_find_if(a, 0, NULL, NULL) != RC_NOT_FOUND);
    FAULTS(RC_FAULT_NULL, rc_map_take_entry(m, &key, NULL, &nothing));
    FAULTS(RC_FAULT_NULL, rc_map_take_entry(m, &key, &key, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_put_all(m, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_keys(NULL));
    FAULTS(RC_FAULT_NULL, rc_list_splice(l, RC_LIST_NONE, NULL, RC_LIST_NONE, RC_LIST_NONE));
    FAULTS(RC_FAULT_NULL, rc_list_sort_with(NULL, by_int_with, NULL));
    FAULTS(RC_FAULT_NULL, rc_list_sort_with(l, NULL, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_take(m, &key, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_take(NULL, &key, &nothing));
    FAULTS(RC_FAULT_NULL, rc_map_remove_if(m, NULL, NULL, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_remove_if(NULL, every_pair, NULL, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_put_give(m, NULL, &nothing));
    FAULTS(RC_FAULT_NULL, rc_map_put_give(m, &key, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_ensure(m, NULL));
    FAULTS(RC_FAULT_NULL, rc_map_has_int(NULL, 1));
    FAULTS(RC_FAULT_NULL, rc_map_has_text(NULL, "one"));
    FAULTS(RC_FAULT_NULL, rc_map_has_text(t, NULL));
    FAULTS(RC_FAULT_NULL, (rc_map_clear(NULL), false));
    FAULTS(RC_FAULT_NULL, rc_set_remove_if(s, NULL, NULL, NULL));
    FAULTS(RC_FAULT_NULL, rc_set_remove_if(NULL, every, NULL, NULL));
    FAULTS(RC_FAULT_NULL, rc_set_add(s, &nothing)); // the member is NULL
    FAULTS(RC_FAULT_NULL, (rc_set_clear(NULL), false));
    rc_set_clear(s);
    rc_map_clear(m);
    FAILS(EINVAL, rc_map_has_int(t, 1));
    FAILS(EINVAL, rc_map_has_text(m, "one"));
    EXPECT(!rc_map_has_int(m, 1) && !rc_map_has_text(t, "one"));
    EXPECT_NO_FAULT();
    for (void **c = (void *[]){item, a, l, m, t, s, NULL}; *c; c++)
        rc_release(*c);
}

TEST(values_that_are_no_links_are_refused_where_links_are_set) {
    struct rc_map *m = rc_map_new(&rc_int64_element, &rc_int_element);
    FAILS(EINVAL, rc_map_set(m, &(int64_t){1}, NULL));
    FAILS(EINVAL, rc_map_get(m, &(int64_t){1}));
    rc_release(m);
}

// ---- elements that cannot be copied, and copies that fail

static struct wire a_wire(int id) {
    struct item *item = item_new(id);
    struct wire wire = wire_of(item, NULL);
    rc_release(item);
    return wire;
}

TEST(elements_that_are_given_cannot_be_put_as_copies) {
    struct rc_array *a = rc_array_new(&given_wire_element);
    struct rc_list *l = rc_list_new(&given_wire_element), *copy;
    struct rc_map *keys = rc_map_new(&given_wire_element, &rc_int_element), *values = rc_map_new(&rc_int_element, &given_wire_element);
    struct wire one = a_wire(1), two = a_wire(2), three = a_wire(3), four = a_wire(4);
    int key = 1, value;
    EXPECT(rc_array_insert_give(a, 0, &one));
    struct rc_list_pos pos = rc_list_insert_give(l, RC_LIST_NONE, &two);
    EXPECT(rc_map_put_give(keys, &three, &key));
    EXPECT(rc_map_put_give(values, &key, &four));
    struct wire other = a_wire(3);
    faults_begin();
    FAULTS(RC_FAULT_TYPE, rc_array_set_value(a, 0, &other));
    FAULTS(RC_FAULT_TYPE, rc_array_insert_value(a, 0, &other));
    FAULTS(RC_FAULT_TYPE, rc_list_set_value(l, pos, &other));
    FAULTS(RC_FAULT_TYPE, !rc_list_is_none(rc_list_insert_value(l, pos, &other)));
    FAULTS(RC_FAULT_TYPE, copy = rc_list_copy(l));
    FAULTS(RC_FAULT_TYPE, rc_map_put(keys, &other, &key));
    FAULTS(RC_FAULT_TYPE, rc_map_ensure(keys, &other));
    FAULTS(RC_FAULT_TYPE, rc_map_put(values, &key, &other));
    FAULTS(RC_FAULT_TYPE, rc_map_copy(keys));
    FAULTS(RC_FAULT_TYPE, rc_map_copy(values));
    EXPECT(rc_map_take(keys, &other, &value));
    EXPECT_EQ(1, value);
    wire_close(&other);
    for (void **c = (void *[]){a, l, keys, values, NULL}; *c; c++)
        rc_release(*c);
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(0, items_alive);
}

//   elements whose copies fail, with and without links and weak references: nothing is left of the copy
struct cell {
    struct item *item;
    struct rc_weak *weak;
};
static bool copied;
static bool copy_once(void *to, const void *from) { return (void)to, (void)from, copied = !copied; }
static const struct rc_element no_slots = {.name = "bare", .size = sizeof(int), .copy = copy_once};
static const struct rc_element weak_only = {
    .name = "weak", .size = sizeof(struct cell), .slots = RC_SLOTS(RC_WEAK(struct cell, weak)), .copy = copy_once};
static const struct rc_element link_only = {
    .name = "link", .size = sizeof(struct cell), .slots = RC_SLOTS(RC_LINK(struct cell, item)), .copy = copy_once};

TEST(copies_that_fail_leave_nothing_whatever_is_in_them, .counts = true) {
    const struct rc_element *const elements[] = {&no_slots, &weak_only, &link_only};
    for (size_t i = 0; i < 3; i++) {
        struct item *item = item_new(1);
        struct cell cell = {i == 2 ? item : NULL, i == 1 ? rc_weak_new(item) : NULL};
        struct rc_list *l = rc_list_new(elements[i]);
        copied = false;
        EXPECT(!rc_list_is_none(rc_list_insert_value(l, RC_LIST_NONE, &cell)));
        FAILS(ENOMEM, !rc_list_is_none(rc_list_insert_value(l, RC_LIST_NONE, &cell)));
        EXPECT_EQ(1, rc_list_size(l));
        EXPECT_EQ(i == 2, rc_links(item));
        rc_weak_release(cell.weak);
        rc_release(l);
        rc_release(item);
    }
    EXPECT_EQ(0, items_alive);
}

static size_t copies_left; // before one fails
static void count_copies(void) {
    copies_fail = copies_left-- == 0;
}

//   a map of wires by wires: the copy of the key fails, that of the value, and none
TEST(entry_of_which_one_half_cannot_be_copied_is_not_put, .counts = true) {
    struct rc_map *m = rc_map_new(&wire_element, &wire_element), *copy;
    struct wire key = a_wire(1), value = a_wire(2);
    on_wire_copy = count_copies;
    for (size_t n = 0; n < 2; n++) {
        copies_left = n;
        FAILS(ENOMEM, rc_map_put(m, &key, &value));
        EXPECT_EQ(0, rc_map_size(m));
        EXPECT_EQ(2, resources_open);
    }
    for (int times = 0; times < 2; times++) { // the second time its value is replaced
        copies_left = 2;
        EXPECT(rc_map_put(m, &key, &value));
        EXPECT_EQ(1, rc_map_size(m));
        EXPECT_EQ(4, resources_open);
    }
    for (size_t n = 0; n < 2; n++) {
        copies_left = n;
        FAILS(ENOMEM, copy = rc_map_copy(m));
        EXPECT_EQ(4, resources_open);
    }
    on_wire_copy = NULL;
    copies_fail = false;
    rc_release(m);
    wire_close(&key);
    wire_close(&value);
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(0, items_alive);
}

TEST(member_that_is_in_the_set_already_is_dropped_again) {
    struct rc_set *s = rc_set_new(&wire_element), *with_removed = rc_set_new(&rc_int_element), *copy;
    struct wire wire = a_wire(1);
    EXPECT(rc_set_add(s, &wire));
    EXPECT(rc_set_add(s, &wire));
    EXPECT_EQ(2, resources_open);
    on_wire_copy = count_copies;
    copies_left = 0;
    FAILS(ENOMEM, copy = rc_set_copy(s));
    on_wire_copy = NULL;
    copies_fail = false;
    size_t removed = 0;
    for (int i = 0; i < 9; i++)
        rc_set_add(with_removed, &i);
    rc_set_remove(with_removed, &(int){4});
    struct rc_map *map = rc_map_new(&rc_int_element, &rc_int_element);
    for (int i = 0; i < 9; i++)
        rc_map_put(map, &i, &i);
    rc_map_remove(map, &(int){4});
    EXPECT(rc_map_remove_if(map, every_pair, NULL, &removed));
    EXPECT_EQ(8, removed);
    rc_release(map);
    EXPECT(rc_set_remove_if(with_removed, every, NULL, &removed));
    EXPECT_EQ(8, removed);
    rc_release(s);
    rc_release(with_removed);
    wire_close(&wire);
    EXPECT_EQ(0, resources_open);
}

// ---- how elements are aligned

struct aligned {
    _Alignas(16) char c[48];
};
RC_ELEMENT(aligned, struct aligned, .copy = NULL);

static void expect_aligned(const void *element) {
    EXPECT(element && (uintptr_t)element % 16 == 0);
}

TEST(elements_are_aligned_in_every_container) {
    struct rc_array *a = rc_array_new(&aligned_element);
    struct rc_list *l = rc_list_new(&aligned_element);
    struct rc_map *keys = rc_map_new(&aligned_element, &rc_byte_element), *values = rc_map_new(&rc_byte_element, &aligned_element);
    struct rc_set *set = rc_set_new(&aligned_element);
    for (int i = 0; i < 100; i++) {
        struct aligned e = {{(char)i}};
        char c = (char)i;
        EXPECT(rc_array_push_value(a, &e));
        expect_aligned(rc_array_at(a, (size_t)i));
        expect_aligned(rc_list_at(l, rc_list_insert_value(l, RC_LIST_NONE, &e)));
        EXPECT(rc_map_put(keys, &e, &c));
        expect_aligned(rc_map_find_key(keys, &e));
        EXPECT(rc_map_put(values, &c, &e));
        expect_aligned(rc_map_find(values, &c));
        EXPECT(rc_set_add(set, &e));
        expect_aligned(rc_set_find(set, &e));
    }
    for (void **c = (void *[]){a, l, keys, values, set, NULL}; *c; c++)
        rc_release(*c);
}

// ---- no memory

TEST(puts_without_memory_change_nothing) {
    struct rc_heap *heap = scarce_enter();
    struct rc_map *wires = rc_map_new(&wire_element, &wire_element), *given = rc_map_new(&rc_int_element, &wire_element);
    struct rc_map *numbers = rc_map_new(&rc_int64_element, &rc_link_element), *texts = rc_map_new(&rc_string_element, &rc_link_element);
    struct rc_set *set = rc_set_new(&wire_element);
    for (int i = 0; i < 30; i++) { // through several sizes of each
        struct wire key = a_wire(i), value = a_wire(i);
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        EACH_FAILURE(put, rc_map_put(wires, &key, &value))
            EXPECT(errno == ENOMEM && rc_map_size(wires) == (size_t)i);
        EACH_FAILURE(added, rc_set_add(set, &key))
            EXPECT(errno == ENOMEM && rc_set_size(set) == (size_t)i);
        EACH_FAILURE(set_int, rc_map_set_int(numbers, i, key.a))
            EXPECT(errno == ENOMEM && rc_map_size(numbers) == (size_t)i);
        EACH_FAILURE(set_text, rc_map_set_text(texts, text, key.a))
            EXPECT(errno == ENOMEM && rc_map_size(texts) == (size_t)i);
        wire_close(&key);
        EACH_FAILURE(gave, rc_map_put_give(given, &i, &value))
            EXPECT(errno == ENOMEM && rc_map_size(given) == (size_t)i);
        EXPECT(put && added && set_int && set_text && gave);
    }
    struct rc_map *copy, *others = NULL;
    EACH_FAILURE_OF(copy, rc_map_copy(wires))
        EXPECT(!copy && errno == ENOMEM);
    EACH_FAILURE_OF(others, rc_map_copy(given))
        EXPECT(!others && errno == ENOMEM);
    struct rc_map *all = rc_map_new(&rc_int_element, &wire_element);
    EACH_FAILURE(taken_in, rc_map_put_all(all, given))
        EXPECT(errno == ENOMEM && rc_map_size(all) == 0);
    EXPECT(taken_in && rc_map_size(all) == 30);
    rc_release(all);
    struct rc_array *wired = rc_array_new(&wire_element), *bytes = rc_array_new(&rc_int_element);
    struct wire three[3] = {a_wire(1), a_wire(2), a_wire(3)};
    EACH_FAILURE(inserted, rc_array_insert_values(wired, 0, three, 3))
        EXPECT(errno == ENOMEM && rc_array_size(wired) == 0);
    EACH_FAILURE(copied_in, rc_array_insert_values(bytes, 0, (int[]){1, 2, 3}, 3))
        EXPECT(errno == ENOMEM && rc_array_size(bytes) == 0);
    EXPECT(inserted && copied_in && rc_array_size(wired) == 3 && *(int *)rc_array_at(bytes, 2) == 3);
    for (int i = 0; i < 3; i++)
        wire_close(&three[i]);
    rc_release(wired);
    rc_release(bytes);
    struct rc_array *keys, *values;
    EACH_FAILURE_OF(keys, rc_map_keys(numbers))
        EXPECT(!keys && errno == ENOMEM);
    EACH_FAILURE_OF(values, rc_map_values(numbers))
        EXPECT(!values && errno == ENOMEM);
    EXPECT_EQ(30, rc_array_size(keys));
    EXPECT_PTR(rc_map_get_int(numbers, *(int64_t *)rc_array_at(keys, 3)), rc_array_get(values, 3));
    EXPECT(rc_map_reserve(copy, 1000));
    EACH_FAILURE(shrunk, rc_map_shrink(copy))
        EXPECT(errno == ENOMEM && rc_map_size(copy) == 30);
    EXPECT(shrunk);
    rc_release(keys);
    rc_release(values);
    struct rc_map *empty = rc_map_new(&rc_int_element, &rc_int_element);
    EXPECT(rc_map_reserve(empty, 100) && rc_map_shrink(empty) && rc_map_shrink(empty));
    EXPECT_EQ(0, rc_map_size(empty));
    rc_release(empty);
    struct rc_set *same;
    EACH_FAILURE_OF(same, rc_set_copy(set))
        EXPECT(!same && errno == ENOMEM);
    EXPECT_EQ(30, rc_map_size(copy));
    EXPECT_EQ(30, rc_map_size(others));
    EXPECT_EQ(30, rc_set_size(same));
    for (void **c = (void *[]){wires, given, numbers, texts, set, copy, others, same, NULL}; *c; c++)
        rc_release(*c);
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(0, items_alive);
    scarce_leave(heap);
}

TEST(lists_and_arrays_without_memory_stay_as_they_are) {
    struct rc_heap *heap = scarce_enter();
    struct rc_list *l = rc_list_new(&rc_int_element), *source = rc_list_new(&rc_int_element);
    struct rc_array *a = rc_array_new(&rc_int_element);
    for (int i = 9; i > 0; i--) {
        rc_list_insert_value(source, RC_LIST_NONE, &i);
        rc_array_push_value(a, &i);
    }
    EACH_FAILURE(sorted, rc_list_sort_with(source, by_int_with, NULL))
        EXPECT(errno == ENOMEM && *(int *)rc_list_at(source, rc_list_first(source)) == 9);
    EXPECT(sorted && *(int *)rc_list_at(source, rc_list_first(source)) == 1);
    EACH_FAILURE(in_order, rc_array_sort_with(a, by_int_with, NULL))
        EXPECT(errno == ENOMEM && *(int *)rc_array_at(a, 0) == 9);
    EXPECT(in_order && *(int *)rc_array_at(a, 0) == 1);
    EACH_FAILURE(spliced, rc_list_splice(l, RC_LIST_NONE, source, RC_LIST_NONE, RC_LIST_NONE))
        EXPECT(errno == ENOMEM && rc_list_size(source) == 9 && rc_list_size(l) == 0);
    EXPECT(spliced && rc_list_size(l) == 9 && rc_list_size(source) == 0);
    struct rc_list *copy, *links = rc_list_new(&rc_link_element);
    EACH_FAILURE_OF(copy, rc_list_copy(l))
        EXPECT(!copy && errno == ENOMEM);
    EXPECT_EQ(9, rc_list_size(copy));
    EXPECT(rc_list_reserve(copy, 100));
    EACH_FAILURE(shrunk, rc_list_shrink(copy))
        EXPECT(errno == ENOMEM && rc_list_size(copy) == 9);
    EXPECT(shrunk);
    for (size_t i = 0; i < 20; i++) {
        int value = (int)i;
        EACH_FAILURE(pushed, !rc_list_is_none(rc_list_push_back(links, l)))
            EXPECT(errno == ENOMEM && rc_list_size(links) == i);
        EACH_FAILURE(gave, !rc_list_is_none(rc_list_insert_give(copy, RC_LIST_NONE, &value)))
            EXPECT(errno == ENOMEM && rc_list_size(copy) == 9 + 2 * i);
        EACH_FAILURE(inserted, !rc_list_is_none(rc_list_insert_value(copy, RC_LIST_NONE, &value)))
            EXPECT(errno == ENOMEM && rc_list_size(copy) == 10 + 2 * i);
        EXPECT(pushed && gave && inserted);
    }
    EACH_FAILURE(reserved, rc_list_reserve(copy, 1000))
        EXPECT(errno == ENOMEM);
    EXPECT(reserved);
    FAILS(ENOMEM, rc_list_reserve(copy, SIZE_MAX));
    struct rc_weak_map *w = rc_weak_map_new();
    EACH_FAILURE(room, rc_weak_map_reserve(w, 100))
        EXPECT(errno == ENOMEM);
    EXPECT(room);
    rc_release(w);
    rc_release(copy);
    rc_release(links);
    EXPECT(rc_list_remove_if(l, none, NULL, NULL));
    EXPECT_EQ(9, rc_list_size(l));
    rc_release(l);
    rc_release(source);
    rc_release(a);
    scarce_leave(heap);
}

TEST(interning_without_memory_changes_nothing) {
    struct rc_heap *heap = scarce_enter();
    struct rc_string *made[20];
    for (int i = 0; i < 20; i++) {
        struct rc_string *s = rc_string_format("text %d", i);
        EACH_FAILURE_OF(made[i], rc_string_interned(s))
            EXPECT(!made[i] && errno == ENOMEM);
        EXPECT_PTR(s, made[i]);
        rc_release(s);
    }
    for (int i = 0; i < 20; i++)
        rc_release(made[i]);
    scarce_leave(heap);
}

static struct rc_array *cleared_array;
static struct rc_list *cleared_list;
static struct rc_map *cleared_map;
static void clear_rest(struct item *item) {
    (void)item;
    on_item_destroy = NULL;
    if (cleared_array)
        while (rc_array_size(cleared_array) > 0)
            rc_array_remove(cleared_array, 0);
    if (cleared_list)
        while (rc_list_size(cleared_list) > 0)
            rc_list_remove(cleared_list, rc_list_first(cleared_list));
    if (cleared_map)
        rc_map_set_int(cleared_map, 99, cleared_map);
}
static void put_another(struct item *item) {
    (void)item;
    on_item_destroy = NULL;
    rc_list_push_front(cleared_list, cleared_list);
}

//   without memory for the remains, clear takes out one by one: destructors may do it first, or put something in
TEST(destructors_may_change_what_is_cleared_one_by_one) {
    struct rc_heap *heap = scarce_enter();
    struct rc_array *a = rc_array_new(&rc_link_element);
    struct rc_list *l = rc_list_new(&rc_link_element);
    struct rc_map *m = rc_map_new(&rc_int64_element, &rc_link_element);
    for (int how = 0; how < 2; how++) {
        for (int i = 0; i < 5; i++) {
            struct item *one = item_new(i), *two = item_new(i), *three = item_new(i);
            rc_array_push(a, one);
            rc_list_push_back(l, two);
            rc_map_set_int(m, i, three);
            rc_release(one);
            rc_release(two);
            rc_release(three);
        }
        rc_map_remove_int(m, 2);
        cleared_array = a, cleared_list = NULL, cleared_map = NULL;
        on_item_destroy = clear_rest;
        fail_allocation(1, true);
        rc_array_clear(a);
        EXPECT_EQ(0, rc_array_size(a));
        cleared_array = NULL, cleared_list = l;
        on_item_destroy = how ? put_another : clear_rest;
        rc_list_clear(l);
        EXPECT_EQ(how, rc_list_size(l));
        fail_allocation(0, false);
        cleared_list = NULL, cleared_map = m;
        on_item_destroy = clear_rest;
        fail_allocation(1, true);
        rc_map_clear(m);
        fail_allocation(0, false);
        EXPECT(rc_map_size(m) <= 1);
        on_item_destroy = NULL;
        EXPECT_EQ(0, items_alive);
        rc_list_clear(l);
        rc_map_clear(m);
    }
    rc_release(a);
    rc_release(l);
    rc_release(m);
    scarce_leave(heap);
}

// ---- sizes and kinds of elements

struct observed {
    struct rc_weak *weak;
    struct item *item;
};
static bool equal_ints(const void *a, const void *b) { return by_int(a, b) == 0; }
static RC_ELEMENT(observed, struct observed, .slots = RC_SLOTS(RC_WEAK(struct observed, weak), RC_LINK(struct observed, item)));
static const struct rc_element triple_element = {.name = "triple", .size = 3};
static const struct rc_element twelve_element = {.name = "twelve", .size = 12};
static const struct rc_element long_element = {.name = "long", .size = 24};
static const struct rc_element short_element = {.name = "short", .size = 2};
static const struct rc_element sixteen_element = {.name = "sixteen", .size = 16};
static const struct rc_element equal_element = {.name = "equal", .size = sizeof(int), .equal = equal_ints};

//   keys of all sizes, in a table that has one bucket and no free place in it: what is not there is not found
TEST(keys_of_all_sizes_are_found_in_a_full_table_and_others_are_not) {
    const struct rc_element *const keys[] = {&triple_element, &twelve_element, &long_element, &short_element, &sixteen_element,
                                             &equal_element, &rc_int_element, &rc_int64_element, &rc_byte_element};
    enum { FULL = 12 };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        test_note("keys of %s", keys[k]->name);
        struct rc_map *m = rc_map_new(keys[k], &short_element);
        EXPECT(rc_map_reserve(m, FULL));
        for (uint32_t i = 0; i < 200; i++) {
            _Alignas(16) char key[32] = {0};
            uint16_t value = (uint16_t)i;
            for (size_t b = 0; b < sizeof i && b < keys[k]->size; b++)
                key[b] = (char)(i >> 8 * b);
            if (i < FULL)
                EXPECT(rc_map_put(m, key, &value));
            const uint16_t *found = rc_map_find(m, key);
            EXPECT_EQ(i < FULL, found != NULL);
            EXPECT(i >= FULL || !found || *found == i);
        }
        EXPECT_EQ(FULL, rc_map_size(m));
        rc_release(m);
    }
    test_note("%s", "");
}

TEST(texts_and_numbers_that_are_not_there_are_not_found_in_a_full_table) {
    struct rc_map *texts = rc_map_new(&rc_string_element, &rc_link_element), *numbers = rc_map_new(&rc_int64_element, &rc_link_element);
    EXPECT(rc_map_reserve(texts, 12) && rc_map_reserve(numbers, 12));
    for (int i = 0; i < 500; i++) {
        char text[24];
        snprintf(text, sizeof text, "text %d", i);
        struct rc_string *key = rc_string_new(text);
        if (i < 12)
            EXPECT(rc_map_set_text(texts, text, key) && rc_map_set_int(numbers, i, key));
        EXPECT_EQ(i < 12, rc_map_has_text(texts, text));
        EXPECT_EQ(i < 12, rc_map_has(texts, &key));
        EXPECT_EQ(i < 12, rc_map_get_int(numbers, i) != NULL);
        EXPECT_EQ(i < 12, rc_map_has_int(numbers, i));
        rc_release(key);
    }
    rc_release(texts);
    rc_release(numbers);
}

//   addresses are numbers: what is put by one is there by the other, and counted
TEST(objects_by_address_are_objects_by_number) {
    struct item *item = item_new(1);
    struct rc_map *m = rc_map_new(&rc_link_element, &rc_link_element);
    EXPECT(rc_map_set_int(m, (int64_t)(uintptr_t)item, item));
    EXPECT_PTR(item, rc_map_get(m, &item));
    EXPECT_EQ(2, rc_links(item));
    struct rc_map *wires = rc_map_new(&rc_int64_element, &wire_element);
    struct wire wire = a_wire(7);
    EXPECT(rc_map_put_give(wires, &(int64_t){7}, &wire));
    EXPECT(rc_map_remove_int(wires, 7));
    EXPECT(!rc_map_remove_int(wires, 7));
    EXPECT_EQ(0, resources_open);
    rc_release(m);
    EXPECT_EQ(0, rc_links(item));
    rc_release(item);
    rc_release(wires);
}

//   the weak reference is declared before the only link: a cycle through that is collected
TEST(elements_whose_only_link_is_not_their_first_slot_are_traced) {
    struct rc_array *a = rc_array_new(&observed_element);
    for (int i = 0; i < 20; i++) {
        struct item *item = item_new(i);
        rc_set_slot(&item->back, a);
        EXPECT(rc_array_push_value(a, &(struct observed){NULL, item}));
        rc_release(item);
    }
    EXPECT_EQ(20, items_alive);
    rc_release(a);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

TEST(element_tables_that_are_wrong_are_refused) {
    static const struct rc_slot no_slot[] = {RC_END};
    const struct rc_element odd = {.name = "odd", .size = 3, .slots = no_slot}; // none declared: any size will do
    const struct rc_element nothing = {.name = "nothing", .size = 8, .slots = RC_SLOTS({RC_SLOT_LINK, 0, 0, "x", NULL})};
    const struct rc_element empty = {.name = "empty", .size = 0};
    struct rc_array *a = rc_array_new(&odd);
    EXPECT(rc_array_push_value(a, "abc"));
    rc_release(a);
    faults_begin();
    FAULTS(RC_FAULT_TYPE, rc_array_new(&nothing));
    FAULTS(RC_FAULT_TYPE, rc_map_new(&rc_int_element, &empty));
    FAULTS(RC_FAULT_TYPE, rc_map_new(&empty, &rc_int_element));
    EXPECT_NO_FAULT();
}

TEST(numbers_are_sorted_and_those_that_are_none_come_first) {
    double values[] = {2, 0.0 / 0.0, -1, 1.5, 0.0 / 0.0, -1};
    struct rc_array *a = rc_array_new(&rc_double_element);
    for (size_t i = 0; i < 6; i++)
        rc_array_push_value(a, &values[i]);
    EXPECT(rc_array_sort(a, NULL));
    const double sorted[] = {-1, -1, 1.5, 2};
    for (size_t i = 0; i < 4; i++)
        EXPECT(*(double *)rc_array_at(a, i + 2) == sorted[i]);
    for (size_t i = 0; i < 2; i++)
        EXPECT(*(double *)rc_array_at(a, i) != *(double *)rc_array_at(a, i));
    rc_release(a);
    const struct rc_element *const others[] = {&rc_byte_element, &rc_int64_element, &rc_pointer_element};
    for (int k = 0; k < 3; k++) { // 200 ... 0, of which 200 is no negative byte
        struct rc_array *b = rc_array_new(others[k]);
        for (int64_t i = 200; i >= 0; i--) {
            unsigned char byte = (unsigned char)i;
            rc_array_push_value(b, k ? (const void *)&i : &byte);
        }
        EXPECT(rc_array_sort(b, NULL));
        for (size_t i = 0; i <= 200; i++)
            EXPECT_EQ(i, k ? (size_t)*(int64_t *)rc_array_at(b, i) : *(unsigned char *)rc_array_at(b, i));
        rc_release(b);
    }
    struct rc_list *l = rc_list_new(&no_slots), *ints = rc_list_new(&rc_int_element);
    FAILS(EINVAL, rc_list_sort(l, NULL)); // nobody says how
    for (int i = 3; i > 0; i--)
        rc_list_insert_value(ints, RC_LIST_NONE, &i);
    EXPECT(rc_list_sort(ints, NULL));
    EXPECT_EQ(1, *(int *)rc_list_at(ints, rc_list_first(ints)));
    rc_release(l);
    rc_release(ints);
}

// ---- strings

TEST(texts_that_cannot_be_written_are_refused) {
    FAILS(EILSEQ, rc_string_format("%lc", (wint_t)0x7FFFFFFF));
    struct rc_string *s = rc_string_new("abc"), *b = rc_string_new("b");
    EXPECT_EQ(1, rc_string_find(s, 0, b));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 2, b));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 4, b));
    rc_release(s);
    rc_release(b);
}

//   an interned string is counted dead and waits; its text is asked for again, and that one dies first
TEST(interned_string_that_waits_to_be_destroyed_has_lost_its_place) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct rc_array *a = rc_array_new(&rc_link_element);
    struct rc_string *s = rc_string_intern("text");
    rc_array_push(a, s);
    rc_release(s);
    rc_release(a); // destroys [a] only; [s] waits
    EXPECT_EQ(1, stats().dead);
    struct rc_string *again = rc_string_intern("text");
    EXPECT(again != s);
    rc_release(again); // goes first, with the place
    rc_collect();
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(heap);
    free_heap(heap);
}

// ---- dead objects

TEST(dead_object_cannot_be_put_into_a_container) {
    struct rc_array *a = rc_array_new(&rc_link_element);
    struct rc_list *l = rc_list_new(&rc_link_element);
    struct rc_weak_map *w = rc_weak_map_new();
    struct item *key = item_new(1);
    rc_array_push(a, key);
    struct node *d = a_dead_node();
    faults_begin();
    FAULTS(RC_FAULT_DEAD, rc_array_insert(a, 0, d));
    FAULTS(RC_FAULT_DEAD, rc_array_push(a, d));
    EXPECT_EQ(1, rc_array_size(a));
    FAULTS(RC_FAULT_DEAD, !rc_list_is_none(rc_list_push_back(l, d)));
    EXPECT_EQ(0, rc_list_size(l));
    FAULTS(RC_FAULT_DEAD, rc_weak_map_put(w, key, d));
    EXPECT_EQ(0, rc_weak_map_size(w));
    EXPECT(!rc_weak_map_has(w, key));
    EXPECT_EQ(EINVAL, errno);
    for (void **c = (void *[]){a, l, w, key, NULL}; *c; c++)
        rc_release(*c);
    drop("g");
    rc_collect();
}

struct couple {
    void *one, *other;
    struct rc_weak *weak;
};
static RC_ELEMENT(couple, struct couple,
                  .slots = RC_SLOTS(RC_LINK(struct couple, one), RC_LINK(struct couple, other), RC_WEAK(struct couple, weak)));

#define REFUSES(tried) (errno = 0, FAULTS(RC_FAULT_DEAD, tried), EXPECT_EQ(EINVAL, errno))

//   nor take the place of another object there, nor come with a value
TEST(dead_object_replaces_nothing_in_a_container_and_is_no_value) {
    struct item *x = item_new(1);
    struct rc_array *a = rc_array_new(&rc_link_element), *pairs = rc_array_new(&couple_element);
    struct rc_list *l = rc_list_new(&rc_link_element);
    struct rc_map *texts = rc_map_new(&rc_string_element, &rc_link_element);
    struct rc_map *numbers = rc_map_new(&rc_int64_element, &rc_link_element);
    struct rc_map *coupled = rc_map_new(&rc_link_element, &couple_element), *keyed = rc_map_new(&couple_element, &rc_int_element);
    struct rc_set *set = rc_set_new(&rc_link_element);
    struct rc_weak_map *w = rc_weak_map_new();
    rc_array_push(a, x);
    struct rc_list_pos pos = rc_list_push_back(l, x);
    rc_map_set_text(texts, "x", x);
    rc_map_set_int(numbers, 1, x);
    rc_weak_map_put(w, x, x);
    struct node *d = a_dead_node();
    struct couple couple = {x, d, rc_weak_new(x)}, alive = {x, x, couple.weak};
    int64_t one = 1;
    EXPECT(rc_map_put(coupled, &x, &alive));
    faults_begin();
    REFUSES(rc_array_set(a, 0, d));
    EXPECT_STR("rc_array_set", last_fault()->call);
    REFUSES(rc_array_set_value(a, 0, &d));
    REFUSES(rc_array_push_value(a, &d));
    REFUSES(rc_array_insert_values(a, 0, &d, 1));
    REFUSES(rc_array_push_value(pairs, &couple));
    REFUSES(rc_list_set(l, pos, d));
    REFUSES(rc_list_set_value(l, pos, &d));
    REFUSES(!rc_list_is_none(rc_list_insert_value(l, pos, &d)));
    REFUSES(rc_map_set_text(texts, "x", d));
    REFUSES(rc_map_set_text(texts, "y", d));
    REFUSES(rc_map_set_int(numbers, 1, d));
    REFUSES(rc_map_set_int(numbers, 2, d));
    REFUSES(rc_map_set(numbers, &one, d));
    REFUSES(rc_map_put(coupled, &d, &alive));
    REFUSES(rc_map_put(coupled, &x, &couple));
    REFUSES(rc_map_ensure(coupled, &d));
    REFUSES(rc_map_put(keyed, &couple, &(int){1}));
    REFUSES(rc_map_ensure(keyed, &couple));
    REFUSES(rc_set_add(set, &d));
    REFUSES(rc_weak_map_put(w, x, d));
    REFUSES(rc_box_new(&rc_link_element, &d));
    REFUSES(rc_box_new(&couple_element, &couple));
    EXPECT_EQ(1, rc_array_size(a));
    EXPECT_PTR(x, rc_array_get(a, 0));
    EXPECT_EQ(0, rc_array_size(pairs));
    EXPECT_EQ(1, rc_list_size(l));
    EXPECT_PTR(x, rc_list_get(l, pos));
    EXPECT_EQ(1, rc_map_size(texts));
    EXPECT_PTR(x, rc_map_get_text(texts, "x"));
    EXPECT_EQ(1, rc_map_size(numbers));
    EXPECT_PTR(x, rc_map_get_int(numbers, 1));
    EXPECT_EQ(1, rc_map_size(coupled));
    EXPECT_PTR(x, ((struct couple *)rc_map_find(coupled, &x))->other);
    EXPECT_EQ(0, rc_map_size(keyed) + rc_set_size(set));
    EXPECT_PTR(x, rc_weak_map_get(w, x));
    EXPECT_EQ(1, rc_handles(x));
    EXPECT_EQ(8, rc_links(x));
    rc_weak_release(couple.weak);
    for (void **c = (void *[]){a, pairs, l, texts, numbers, coupled, keyed, set, w, x, NULL}; *c; c++)
        rc_release(*c);
    drop("g");
    rc_collect();
}

//   the same of a container
TEST(dead_container_is_a_fault) {
    graph("g");
    struct rc_array *a = rc_array_new(&rc_link_element);
    rc_array_push(a, a);
    rc_set_slot(&at('g')->x, a);
    rc_release(a);
    stop_in(RC_PHASE_BUILD);
    EXPECT(rc_array_remove(a, 0));
    rc_set_slot(&at('g')->x, NULL);
    faults_begin();
    FAULTS(RC_FAULT_DEAD, rc_array_push(a, a));
    FAULTS(RC_FAULT_DEAD, rc_array_find(a, a) != RC_NOT_FOUND);
    FAULTS(RC_FAULT_DEAD, rc_immortal(a) == NULL);
    FAULTS(RC_FAULT_DEAD, (rc_weak_new(a)));
    drop("g");
    rc_collect();
}

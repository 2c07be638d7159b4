// SPDX-License-Identifier: MIT
// What no call of a container works with, call by call: NULL, a container of a heap that the thread is not inside, one that
// is in the middle of a callback of its own, elements and places that do not fit. Each is refused, and nothing changes.
#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/items.h"

#include <refcyc/array.h>
#include <refcyc/box.h>
#include <refcyc/list.h>
#include <refcyc/map.h>
#include <refcyc/set.h>
#include <refcyc/string.h>
#include <refcyc/weak_map.h>

// A call with arguments that would do. Returns whether it said that it did not do it; true where it says nothing.
struct call {
    const char *name;
    bool (*refuses)(void *container);
    bool reads; // is good in the middle of a callback
};

static struct item *thing;  // for arguments
static struct item *slot_for_value;
static bool yes(const void *element, void *arg) { return (void)element, (void)arg, true; }
static bool yes_pair(const void *key, const void *value, void *arg) { return (void)key, (void)value, (void)arg, true; }
static int by_address(const void *a, const void *b) { return memcmp(a, b, sizeof(void *)); }
static bool nothing(struct rc_list_pos pos) { return rc_list_is_none(pos); }

#define CALL(fn, type, refused)                                                                                        \
    static bool fn##_refuses(void *container) {                                                                        \
        type *c = container;                                                                                           \
        return (refused);                                                                                              \
    }

// ---- arrays

#define ARRAY(fn, ...) CALL(rc_array_##fn, struct rc_array, !rc_array_##fn(c, __VA_ARGS__))
ARRAY(insert_value, 0, &thing)
ARRAY(insert_give, 0, &slot_for_value)
ARRAY(set_value, 0, &thing)
ARRAY(take_value, 0, &slot_for_value)
ARRAY(remove, 0)
ARRAY(remove_fast, 0)
ARRAY(push, thing)
ARRAY(insert, 0, thing)
ARRAY(set, 0, thing)
ARRAY(take, 0)
ARRAY(remove_range, 0, 1)
ARRAY(insert_range, 0, c, 0, 1)
ARRAY(move_range, 0, c, 0, 1)
ARRAY(insert_values, 0, &thing, 1)
ARRAY(resize, 9)
ARRAY(reserve, 99)
ARRAY(swap, 0, 1)
ARRAY(sort, by_address)
ARRAY(search, &thing, by_address, NULL)
ARRAY(remove_if, yes, NULL, NULL)
ARRAY(init, &rc_link_element)
CALL(rc_array_find_value, struct rc_array, rc_array_find_value(c, 0, &thing) == RC_NOT_FOUND)
CALL(rc_array_find_if, struct rc_array, rc_array_find_if(c, 0, yes, NULL) == RC_NOT_FOUND)
CALL(rc_array_find, struct rc_array, rc_array_find(c, thing) == RC_NOT_FOUND)
CALL(rc_array_slice, struct rc_array, !rc_array_slice(c, 0, 1))
CALL(rc_array_pop, struct rc_array, !rc_array_pop(c))
CALL(rc_array_shrink, struct rc_array, !rc_array_shrink(c))
CALL(rc_array_reverse, struct rc_array, !rc_array_reverse(c))
CALL(rc_array_clear, struct rc_array, (rc_array_clear(c), true))
CALL(rc_array_iter_remove, struct rc_array, !rc_array_iter_remove(&(struct rc_array_iter){.array = c}))

#define ITEM(fn) {#fn, fn##_refuses, false}
#define READS(fn) {#fn, fn##_refuses, true}
static const struct call array_calls[] = {
    ITEM(rc_array_insert_value), ITEM(rc_array_insert_give), ITEM(rc_array_set_value), ITEM(rc_array_take_value),
    ITEM(rc_array_remove), ITEM(rc_array_remove_fast), ITEM(rc_array_push), ITEM(rc_array_insert), ITEM(rc_array_set),
    ITEM(rc_array_take), ITEM(rc_array_remove_range), ITEM(rc_array_insert_range), ITEM(rc_array_move_range),
    ITEM(rc_array_resize), ITEM(rc_array_reserve), ITEM(rc_array_swap), ITEM(rc_array_sort), READS(rc_array_search),
    ITEM(rc_array_remove_if), ITEM(rc_array_init), READS(rc_array_find_value), READS(rc_array_find_if), READS(rc_array_find),
    READS(rc_array_slice), ITEM(rc_array_pop), ITEM(rc_array_shrink), ITEM(rc_array_reverse), ITEM(rc_array_clear),
    ITEM(rc_array_insert_values), ITEM(rc_array_iter_remove), {0}};

// ---- lists

static struct rc_list_pos pos; // of the first element
#define LIST(fn, ...) CALL(rc_list_##fn, struct rc_list, !rc_list_##fn(c, __VA_ARGS__))
#define PLACE(fn, ...) CALL(rc_list_##fn, struct rc_list, nothing(rc_list_##fn(c, __VA_ARGS__)))
#define ENDS(fn) CALL(rc_list_##fn, struct rc_list, nothing(rc_list_##fn(c)))
#define WHOLE(fn) CALL(rc_list_##fn, struct rc_list, !rc_list_##fn(c))
ENDS(first)
ENDS(last)
PLACE(next, pos)
PLACE(prev, pos)
LIST(has, pos)
LIST(at, pos)
PLACE(insert_value, pos, &thing)
PLACE(insert_give, pos, &slot_for_value)
LIST(set_value, pos, &thing)
LIST(take_value, pos, &slot_for_value)
LIST(remove, pos)
LIST(move, pos, RC_LIST_NONE)
PLACE(find_value, RC_LIST_NONE, &thing)
PLACE(find_if, RC_LIST_NONE, yes, NULL)
PLACE(insert, pos, thing)
PLACE(push_back, thing)
PLACE(push_front, thing)
LIST(get, pos)
LIST(set, pos, thing)
LIST(take, pos)
WHOLE(pop_back)
WHOLE(pop_front)
PLACE(find, thing)
LIST(splice, RC_LIST_NONE, c, pos, pos)
WHOLE(copy)
LIST(sort, by_address)
WHOLE(reverse)
LIST(reserve, 99)
WHOLE(shrink)
CALL(rc_list_clear, struct rc_list, (rc_list_clear(c), true))
LIST(remove_if, yes, NULL, NULL)
CALL(rc_list_step, struct rc_list, rc_list_step(&(struct rc_list_iter){.list = c, .between = true}) == RC_ITER_END)
CALL(rc_list_iter_remove, struct rc_list, !rc_list_iter_remove(&(struct rc_list_iter){.list = c, .pos = pos}))

static const struct call list_calls[] = {
    READS(rc_list_first), READS(rc_list_last), READS(rc_list_next), READS(rc_list_prev), READS(rc_list_has),
    READS(rc_list_at), ITEM(rc_list_insert_value), ITEM(rc_list_insert_give), ITEM(rc_list_set_value),
    ITEM(rc_list_take_value), ITEM(rc_list_remove), ITEM(rc_list_move), READS(rc_list_find_value), READS(rc_list_find_if), ITEM(rc_list_insert),
    ITEM(rc_list_push_back), ITEM(rc_list_push_front), READS(rc_list_get), ITEM(rc_list_set), ITEM(rc_list_take),
    ITEM(rc_list_pop_back), ITEM(rc_list_pop_front), READS(rc_list_find), ITEM(rc_list_splice), READS(rc_list_copy),
    ITEM(rc_list_sort), ITEM(rc_list_reverse), ITEM(rc_list_reserve), ITEM(rc_list_shrink), ITEM(rc_list_clear),
    ITEM(rc_list_remove_if), ITEM(rc_list_iter_remove), {0}};

// ---- maps, by number and by text; sets

static int64_t number = 7, number_taken;
#define MAP(fn, ...) CALL(rc_map_##fn, struct rc_map, !rc_map_##fn(c, __VA_ARGS__))
MAP(find, &number)
MAP(put, &number, &thing)
MAP(put_give, &number, &slot_for_value)
MAP(remove, &number)
MAP(take, &number, &slot_for_value)
MAP(take_entry, &number, &number_taken, &slot_for_value)
MAP(find_key, &number)
MAP(put_all, c)
MAP(get, &number)
MAP(set, &number, thing)
MAP(get_int, 7)
MAP(set_int, 7, thing)
MAP(remove_int, 7)
MAP(get_text, "seven")
MAP(set_text, "seven", thing)
MAP(remove_text, "seven")
MAP(reserve, 99)
MAP(remove_if, yes_pair, NULL, NULL)
CALL(rc_map_copy, struct rc_map, !rc_map_copy(c))
CALL(rc_map_keys, struct rc_map, !rc_map_keys(c))
CALL(rc_map_values, struct rc_map, !rc_map_values(c))
CALL(rc_map_shrink, struct rc_map, !rc_map_shrink(c))
CALL(rc_map_clear, struct rc_map, (rc_map_clear(c), true))
CALL(rc_map_iter_remove, struct rc_map, !rc_map_iter_remove(&(struct rc_map_iter){.map = c}))

static const struct call map_calls[] = {
    READS(rc_map_find), ITEM(rc_map_put), ITEM(rc_map_put_give), ITEM(rc_map_remove), ITEM(rc_map_take), READS(rc_map_get),
    ITEM(rc_map_set), READS(rc_map_get_int), ITEM(rc_map_set_int), ITEM(rc_map_remove_int), ITEM(rc_map_reserve),
    ITEM(rc_map_remove_if), READS(rc_map_copy), ITEM(rc_map_shrink), ITEM(rc_map_clear), ITEM(rc_map_iter_remove),
    ITEM(rc_map_take_entry), READS(rc_map_find_key), ITEM(rc_map_put_all), READS(rc_map_keys), READS(rc_map_values), {0}};
static const struct call text_calls[] = {
    READS(rc_map_get_text), ITEM(rc_map_set_text), ITEM(rc_map_remove_text), {0}};

#define SET(fn, ...) CALL(rc_set_##fn, struct rc_set, !rc_set_##fn(c, __VA_ARGS__))
SET(has, &thing)
SET(find, &thing)
SET(add, &thing)
SET(add_give, &slot_for_value)
SET(remove, &thing)
SET(take, &thing, &slot_for_value)
SET(add_all, c)
SET(remove_all, c)
SET(keep_all, c)
SET(is_within, c)
SET(reserve, 99)
SET(remove_if, yes, NULL, NULL)
CALL(rc_set_copy, struct rc_set, !rc_set_copy(c))
CALL(rc_set_members, struct rc_set, !rc_set_members(c))
CALL(rc_set_shrink, struct rc_set, !rc_set_shrink(c))
CALL(rc_set_clear, struct rc_set, (rc_set_clear(c), true))
CALL(rc_set_iter_remove, struct rc_set, !rc_set_iter_remove(&(struct rc_set_iter){.set = c}))

static const struct call set_calls[] = {
    READS(rc_set_has), READS(rc_set_find), ITEM(rc_set_add), ITEM(rc_set_add_give), ITEM(rc_set_remove), ITEM(rc_set_take),
    ITEM(rc_set_add_all), ITEM(rc_set_remove_all), ITEM(rc_set_keep_all), READS(rc_set_is_within), ITEM(rc_set_reserve),
    ITEM(rc_set_remove_if), READS(rc_set_copy), READS(rc_set_members), ITEM(rc_set_shrink), ITEM(rc_set_clear),
    ITEM(rc_set_iter_remove), {0}};

// ---- boxes and weak maps

CALL(rc_box_close, struct rc_box, (rc_box_close(c), true))
CALL(rc_box_take, struct rc_box, !rc_box_take(c, &slot_for_value))
CALL(rc_box_unwrap, struct rc_box, !rc_box_unwrap(c))
static const struct call box_calls[] = {ITEM(rc_box_close), ITEM(rc_box_take), ITEM(rc_box_unwrap), {0}};

CALL(rc_weak_map_get, struct rc_weak_map, !rc_weak_map_get(c, thing))
CALL(rc_weak_map_has, struct rc_weak_map, !rc_weak_map_has(c, thing))
CALL(rc_weak_map_put, struct rc_weak_map, !rc_weak_map_put(c, thing, thing))
CALL(rc_weak_map_remove, struct rc_weak_map, !rc_weak_map_remove(c, thing))
CALL(rc_weak_map_reserve, struct rc_weak_map, !rc_weak_map_reserve(c, 99))
CALL(rc_weak_map_clear, struct rc_weak_map, (rc_weak_map_clear(c), true))
static const struct call weak_map_calls[] = {
    ITEM(rc_weak_map_get), ITEM(rc_weak_map_has), ITEM(rc_weak_map_put), ITEM(rc_weak_map_remove),
    ITEM(rc_weak_map_reserve), ITEM(rc_weak_map_clear), {0}};

// ---- what they are tried on

// Each call is refused, with a fault of this kind. Some look further, and say more of the same.
static void expect_faults(const struct call *calls, void *container, enum rc_fault_kind kind) {
    for (const struct call *c = calls; c->name; c++) {
        test_note("%s", c->name);
        EXPECT(c->refuses(container));
        EXPECT(faults_seen() > 0);
        EXPECT_EQ(kind, last_fault()->kind);
    }
    test_note("%s", "");
}

static const struct call *busy_calls;
static void *busy_with;

static bool ask(const void *element, void *arg) {
    (void)element;
    (void)arg;
    for (const struct call *c = busy_calls; c && c->name; c++) {
        test_note("%s, in a callback", c->name);
        errno = 0;
        if (c->reads)
            continue;
        EXPECT(c->refuses(busy_with));
        EXPECT_EQ(EBUSY, errno);
    }
    test_note("%s", "");
    busy_calls = NULL;
    return false;
}
static bool ask_pair(const void *key, const void *value, void *arg) {
    (void)value;
    return ask(key, arg);
}

static struct rc_array *an_array(void) {
    struct rc_array *a = rc_array_new(&rc_link_element);
    rc_array_push(a, thing);
    rc_array_push(a, thing);
    return a;
}
static struct rc_list *a_list(void) {
    struct rc_list *l = rc_list_new(&rc_link_element);
    pos = rc_list_push_back(l, thing);
    return l;
}
static struct rc_map *a_map(void) {
    struct rc_map *m = rc_map_new(&rc_int64_element, &rc_link_element);
    rc_map_set_int(m, 7, thing);
    return m;
}
static struct rc_map *a_text_map(void) {
    struct rc_map *m = rc_map_new(&rc_string_element, &rc_link_element);
    rc_map_set_text(m, "seven", thing);
    return m;
}
static struct rc_set *a_set(void) {
    struct rc_set *s = rc_set_new(&rc_link_element);
    rc_set_add(s, &thing);
    return s;
}

TEST(every_call_refuses_null) {
    faults_begin();
    thing = item_new(1);
    expect_faults(array_calls, NULL, RC_FAULT_NULL);
    expect_faults(list_calls, NULL, RC_FAULT_NULL);
    expect_faults(map_calls, NULL, RC_FAULT_NULL);
    expect_faults(text_calls, NULL, RC_FAULT_NULL);
    expect_faults(set_calls, NULL, RC_FAULT_NULL);
    expect_faults(box_calls, NULL, RC_FAULT_NULL);
    expect_faults(weak_map_calls, NULL, RC_FAULT_NULL);
    rc_release(thing);
}

//   the thread is inside one heap, and the containers are of another
TEST(every_call_refuses_a_container_of_another_heap) {
    struct rc_heap *home = rc_heap_new(NULL), *away = rc_heap_new(NULL);
    rc_heap_enter(home);
    thing = item_new(1);
    struct rc_array *a = an_array();
    struct rc_list *l = a_list();
    struct rc_map *m = a_map(), *t = a_text_map();
    struct rc_set *s = a_set();
    struct rc_box *b = rc_box_new(&rc_link_element, &thing);
    struct rc_weak_map *w = rc_weak_map_new();
    rc_weak_map_put(w, thing, NULL);
    rc_heap_enter(away);
    faults_begin();
    expect_faults(array_calls, a, RC_FAULT_OUTSIDE);
    expect_faults(list_calls, l, RC_FAULT_OUTSIDE);
    EXPECT(rc_list_step_refuses(l));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_list_step");
    expect_faults(map_calls, m, RC_FAULT_OUTSIDE);
    expect_faults(text_calls, t, RC_FAULT_OUTSIDE);
    expect_faults(set_calls, s, RC_FAULT_OUTSIDE);
    expect_faults(box_calls, b, RC_FAULT_OUTSIDE);
    expect_faults(weak_map_calls, w, RC_FAULT_OUTSIDE);
    rc_heap_leave(away);
    EXPECT_EQ(2, rc_array_size(a));
    EXPECT_EQ(1, rc_list_size(l));
    EXPECT_EQ(1, rc_map_size(m));
    EXPECT_EQ(1, rc_map_size(t));
    EXPECT_EQ(1, rc_set_size(s));
    EXPECT_EQ(1, rc_weak_map_size(w));
    for (void **c = (void *[]){a, l, m, t, s, b, w, thing, NULL}; *c; c++)
        rc_release(*c);
    rc_heap_leave(home);
    free_heap(home);
    free_heap(away);
}

TEST(every_change_is_refused_in_a_callback_of_the_container) {
    thing = item_new(1);
    struct rc_array *a = an_array();
    struct rc_list *l = a_list();
    struct rc_map *m = a_map(), *t = a_text_map();
    struct rc_set *s = a_set();
    busy_calls = array_calls, busy_with = a;
    EXPECT(rc_array_remove_if(a, ask, NULL, NULL));
    busy_calls = list_calls, busy_with = l;
    EXPECT(rc_list_remove_if(l, ask, NULL, NULL));
    busy_calls = map_calls, busy_with = m;
    EXPECT(rc_map_remove_if(m, ask_pair, NULL, NULL));
    busy_calls = text_calls, busy_with = t;
    EXPECT(rc_map_remove_if(t, ask_pair, NULL, NULL));
    busy_calls = set_calls, busy_with = s;
    EXPECT(rc_set_remove_if(s, ask, NULL, NULL));
    EXPECT_EQ(2, rc_array_size(a));
    EXPECT_EQ(1, rc_list_size(l));
    EXPECT_EQ(1, rc_map_size(m));
    EXPECT_EQ(1, rc_set_size(s));
    for (void **c = (void *[]){a, l, m, t, s, thing, NULL}; *c; c++)
        rc_release(*c);
}

//   what is to be had from a container of links, of one that has none
TEST(calls_for_links_are_refused_by_containers_of_other_elements) {
    int one = 1;
    struct rc_array *a = rc_array_new(&rc_int_element);
    struct rc_list *l = rc_list_new(&rc_int_element);
    struct rc_map *m = rc_map_new(&rc_int_element, &rc_int_element);
    thing = item_new(1);
    EXPECT(rc_array_push_value(a, &one));
    pos = rc_list_insert_value(l, RC_LIST_NONE, &one);
    EXPECT(rc_map_put(m, &one, &one));
    bool (*const array_refuses[])(void *) = {rc_array_push_refuses, rc_array_insert_refuses, rc_array_set_refuses,
                                             rc_array_take_refuses, rc_array_pop_refuses, rc_array_find_refuses, NULL};
    bool (*const list_refuses[])(void *) = {
        rc_list_insert_refuses, rc_list_push_back_refuses, rc_list_push_front_refuses, rc_list_get_refuses,
        rc_list_set_refuses, rc_list_take_refuses, rc_list_pop_back_refuses, rc_list_pop_front_refuses, rc_list_find_refuses, NULL};
    bool (*const map_refuses[])(void *) = {rc_map_get_int_refuses, rc_map_set_int_refuses, rc_map_remove_int_refuses,
                                           rc_map_set_text_refuses, rc_map_remove_text_refuses, NULL};
    for (size_t i = 0; array_refuses[i]; i++) {
        errno = 0;
        EXPECT(array_refuses[i](a));
        EXPECT_EQ(EINVAL, errno);
    }
    for (size_t i = 0; list_refuses[i]; i++) {
        errno = 0;
        EXPECT(list_refuses[i](l));
        EXPECT_EQ(EINVAL, errno);
    }
    for (size_t i = 0; map_refuses[i]; i++) {
        errno = 0;
        EXPECT(map_refuses[i](m));
        EXPECT_EQ(EINVAL, errno);
    }
    EXPECT_EQ(1, rc_array_size(a));
    EXPECT_EQ(1, rc_list_size(l));
    EXPECT_EQ(1, rc_map_size(m));
    for (void **c = (void *[]){a, l, m, thing, NULL}; *c; c++)
        rc_release(*c);
}

//   a position that is none any more, a place beyond the end, a value that is NULL
TEST(places_that_are_none_are_refused) {
    thing = item_new(1);
    struct rc_array *a = an_array(), *empty = rc_array_new(&rc_link_element);
    struct rc_list *l = a_list(), *none = rc_list_new(&rc_link_element);
    struct rc_list_pos gone = rc_list_push_back(l, thing);
    struct item *value = NULL;
    faults_begin();
    EXPECT(rc_list_remove(l, gone));
#define STALE(call) (errno = 0, EXPECT(!(call)), EXPECT_EQ(ESTALE, errno))
    STALE(rc_list_set_value(l, gone, &thing));
    STALE(rc_list_take_value(l, gone, &value));
    STALE(rc_list_remove(l, gone));
    STALE(rc_list_move(l, gone, pos));
    STALE(rc_list_move(l, pos, gone));
    STALE(!rc_list_is_none(rc_list_insert(l, gone, thing)));
    STALE(!rc_list_is_none(rc_list_insert_value(l, gone, &thing)));
    STALE(!rc_list_is_none(rc_list_insert_give(l, gone, &value)));
    STALE(!rc_list_is_none(rc_list_find_value(l, gone, &thing)));
    STALE(!rc_list_is_none(rc_list_next(l, gone)));
    STALE(!rc_list_is_none(rc_list_prev(l, gone)));
    STALE(rc_list_get(l, gone));
    STALE(rc_list_set(l, gone, thing));
    STALE(rc_list_take(l, gone));
    STALE(rc_list_at(l, gone));
    STALE(rc_list_pop_back(none));
    STALE(rc_list_pop_front(none));
    STALE(rc_list_splice(none, RC_LIST_NONE, l, gone, pos));
    STALE(rc_list_splice(none, RC_LIST_NONE, l, pos, gone));
    STALE(rc_list_splice(none, gone, l, pos, pos));
    STALE(rc_list_iter_remove(&(struct rc_list_iter){.list = l, .between = true}));
    STALE(rc_list_iter_remove(&(struct rc_list_iter){.list = l, .pos = gone}));
#define BEYOND(call) (errno = 0, EXPECT(!(call)), EXPECT_EQ(ERANGE, errno))
    BEYOND(rc_array_insert_value(a, 3, &thing));
    BEYOND(rc_array_insert_give(a, 3, &value));
    BEYOND(rc_array_set_value(a, 2, &thing));
    BEYOND(rc_array_take_value(a, 2, &value));
    BEYOND(rc_array_remove(a, 2));
    BEYOND(rc_array_remove_fast(a, 2));
    BEYOND(rc_array_insert(a, 3, thing));
    BEYOND(rc_array_set(a, 2, thing));
    BEYOND(rc_array_take(a, 2));
    BEYOND(rc_array_pop(empty));
    BEYOND(rc_array_remove_range(a, 1, 2));
    BEYOND(rc_array_remove_range(a, 3, 0));
    BEYOND(rc_array_slice(a, 1, 2));
    BEYOND(rc_array_insert_range(a, 3, a, 0, 1));
    BEYOND(rc_array_insert_values(a, 3, &thing, 1));
    BEYOND(rc_array_insert_range(a, 0, a, 0, 3));
    BEYOND(rc_array_move_range(a, 3, empty, 0, 0));
    BEYOND(rc_array_move_range(a, 0, empty, 0, 1));
    BEYOND(rc_array_swap(a, 0, 2));
    BEYOND(rc_array_swap(a, 2, 0));
    BEYOND(rc_array_get(a, 2));
    BEYOND(rc_array_at(a, 2));
    EXPECT_NO_FAULT();
    errno = 0;
    EXPECT(!rc_array_move_range(a, 0, a, 0, 1)); // to itself
    EXPECT_EQ(EINVAL, errno);
#define NO_VALUE(call) (EXPECT(!(call)), EXPECT(faults_seen() > 0), EXPECT_EQ(RC_FAULT_NULL, last_fault()->kind))
    NO_VALUE(rc_array_insert_value(a, 0, NULL));
    NO_VALUE(rc_array_insert_give(a, 0, NULL));
    NO_VALUE(rc_array_set_value(a, 0, NULL));
    NO_VALUE(rc_array_take_value(a, 0, NULL));
    NO_VALUE(rc_array_find_value(a, 0, NULL) != RC_NOT_FOUND);
    NO_VALUE(rc_array_search(a, NULL, by_address, NULL));
    NO_VALUE(rc_array_remove_if(a, NULL, NULL, NULL));
    NO_VALUE(rc_array_insert_values(a, 0, NULL, 1));
    NO_VALUE(!rc_list_is_none(rc_list_insert_value(l, pos, NULL)));
    NO_VALUE(!rc_list_is_none(rc_list_insert_give(l, pos, NULL)));
    NO_VALUE(rc_list_set_value(l, pos, NULL));
    NO_VALUE(rc_list_take_value(l, pos, NULL));
    NO_VALUE(!rc_list_is_none(rc_list_find_value(l, pos, NULL)));
    NO_VALUE(rc_list_remove_if(l, NULL, NULL, NULL));
    NO_VALUE(!rc_list_is_none(rc_list_find_if(l, pos, NULL, NULL)));
    NO_VALUE(rc_array_find_if(a, 0, NULL, NULL) != RC_NOT_FOUND);
    EXPECT_EQ(2, rc_array_size(a));
    EXPECT_EQ(1, rc_list_size(l));
    for (void **c = (void *[]){a, empty, l, none, thing, NULL}; *c; c++)
        rc_release(*c);
}

//   arrays and lists of other elements, and elements that nobody can put in an order
TEST(elements_that_do_not_fit_are_refused) {
    static const struct rc_element plain = {.name = "plain", .size = 8};
    struct rc_array *a = rc_array_new(&rc_int_element), *b = rc_array_new(&plain);
    struct rc_list *k = rc_list_new(&rc_int_element), *l = rc_list_new(&plain);
    struct rc_set *s = rc_set_new(&rc_int_element), *t = rc_set_new(&plain);
    struct rc_map *m = rc_map_new(&rc_int_element, &plain), *o = rc_map_new(&plain, &plain),
                  *p = rc_map_new(&rc_int_element, &rc_int_element);
    uint64_t word = 1;
    EXPECT(rc_array_push_value(b, &word) && rc_array_push_value(b, &word));
    pos = rc_list_insert_value(l, RC_LIST_NONE, &word);
    faults_begin();
#define UNLIKE(call) (EXPECT(!(call)), EXPECT(faults_seen() > 0), EXPECT_EQ(RC_FAULT_TYPE, last_fault()->kind))
    UNLIKE(rc_array_insert_range(a, 0, b, 0, 1));
    UNLIKE(rc_array_move_range(a, 0, b, 0, 1));
    UNLIKE(rc_list_splice(k, RC_LIST_NONE, l, pos, pos));
    UNLIKE(rc_set_add_all(s, t));
    UNLIKE(rc_set_remove_all(s, t));
    UNLIKE(rc_set_keep_all(s, t));
    UNLIKE(rc_set_is_within(s, t));
    UNLIKE(rc_map_put_all(m, o));
    UNLIKE(rc_map_put_all(m, p));
    errno = 0;
    EXPECT(!rc_array_sort(b, NULL));
    EXPECT_EQ(EINVAL, errno);
    errno = 0;
    EXPECT(!rc_array_search(b, &word, NULL, NULL));
    EXPECT_EQ(EINVAL, errno);
    errno = 0;
    EXPECT(!rc_list_sort(l, NULL));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_NO_FAULT();
    for (void **c = (void *[]){a, b, k, l, s, t, m, o, p, NULL}; *c; c++)
        rc_release(*c);
}

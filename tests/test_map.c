// SPDX-License-Identifier: MIT
// rc_map: what it promises, with bad input, without memory, in the middle of a collection, and against a plain list of
// pairs that is told to do the same.
#include "tests/faults.h"
#include "tests/guards.h"
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"
#include <refcyc/map.h>
#include <refcyc/string.h>

enum { ITEMS = 10 };
static struct item *item[ITEMS];

static void let_items_go(void) {
    items_release(item, ITEMS);
    memset(item, 0, sizeof item);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

// ---- keys of each sort

TEST(numbers_are_keys) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
    EXPECT(rc_map_set_int(map, -5, item[1]));
    EXPECT(rc_map_set_int(map, INT64_MIN, item[2]));
    EXPECT(rc_map_set(map, &(int64_t){7}, item[3]));
    EXPECT_PTR(item[1], rc_map_get_int(map, -5));
    EXPECT_PTR(item[2], rc_map_get(map, &(int64_t){INT64_MIN}));
    EXPECT_PTR(item[3], rc_map_get_int(map, 7));
    EXPECT_PTR(NULL, rc_map_get_int(map, 8));
    EXPECT_EQ(3, rc_map_size(map));
    EXPECT(rc_map_set_int(map, 7, item[4]));
    EXPECT_EQ(0, rc_links(item[3]));
    EXPECT_EQ(1, rc_links(item[4]));
    EXPECT(rc_map_remove_int(map, 7));
    EXPECT(!rc_map_remove_int(map, 7));
    EXPECT_EQ(0, rc_links(item[4]));
    rc_release(map);
    let_items_go();
}

TEST(values_are_counted_up_where_they_are) {
    struct rc_map *times = rc_map_new(&rc_string_element, &rc_int_element);
    const char *words[] = {"to", "be", "or", "not", "to", "be"};
    for (int i = 0; i < 6; i++) {
        struct rc_string *word = rc_string_new(words[i]);
        ++*(int *)rc_map_ensure(times, &word);
        rc_release(word);
    }
    EXPECT_EQ(4, rc_map_size(times));
    EXPECT(rc_map_has_text(times, "or"));
    EXPECT(!rc_map_has_text(times, "nor"));
    struct rc_string *word = rc_string_new("be");
    EXPECT(rc_map_has(times, &word));
    EXPECT_EQ(2, *(int *)rc_map_find(times, &word));
    rc_release(word);
    rc_release(times);
}

static struct rc_map *squares(int n) {
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_int64_element);
    for (int64_t i = 0; i < n; i++)
        EXPECT(rc_map_put(map, &i, &(int64_t){i * i}));
    return map;
}

TEST(key_and_value_may_lie_in_the_map) {
    struct rc_heap *heap = scarce_enter(); // which spoils what is freed
    for (int n = 3; n < 40; n++) {         // with room for one more, and without
        struct rc_map *map = squares(n);
        EXPECT(rc_map_put(map, &(int64_t){1000}, rc_map_find(map, &(int64_t){2})));
        EXPECT_EQ(4, *(int64_t *)rc_map_find(map, &(int64_t){1000}));
        rc_release(map);
        map = squares(n);
        *(int64_t *)rc_map_find(map, &(int64_t){2}) = 1000;
        EXPECT(rc_map_put(map, rc_map_find(map, &(int64_t){2}), &(int64_t){7}));
        EXPECT_EQ(7, *(int64_t *)rc_map_find(map, &(int64_t){1000}));
        rc_release(map);
        map = squares(n);
        *(int64_t *)rc_map_find(map, &(int64_t){2}) = 1000;
        EXPECT(rc_map_ensure(map, rc_map_find(map, &(int64_t){2})));
        EXPECT(rc_map_has(map, &(int64_t){1000}));
        EXPECT_EQ(n + 1, rc_map_size(map));
        rc_release(map);
    }
    scarce_leave(heap);
}

TEST(null_is_a_value_that_is_there) {
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
    EXPECT(rc_map_set_int(map, 0, NULL));
    EXPECT(rc_map_has_int(map, 0));
    EXPECT(rc_map_has(map, &(int64_t){0}));
    EXPECT(!rc_map_has_int(map, 1));
    EXPECT_PTR(NULL, *(void **)rc_map_ensure(map, &(int64_t){1}));
    EXPECT(rc_map_has_int(map, 1));
    rc_release(map);
}

TEST(ensure_without_memory_changes_nothing) {
    struct rc_heap *heap = scarce_enter();
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&wire_element, &rc_int_element), *resources = rc_map_new(&rc_int_element, &wire_element);
    for (int i = 0; i < ITEMS; i++) {
        struct wire w = wire_of(item[i], NULL);
        int *value;
        EACH_FAILURE_OF(value, rc_map_ensure(map, &w)) {
            EXPECT_PTR(NULL, value);
            EXPECT_EQ(ENOMEM, errno);
            EXPECT_EQ(i, rc_map_size(map));
            EXPECT_EQ(i + 1, resources_open);
        }
        EXPECT_EQ(0, *value);
        *value = i + 1;
        EXPECT_PTR(value, rc_map_ensure(map, &w));
        EXPECT_EQ(i + 2, resources_open);
        wire_close(&w);
    }
    copies_fail = true;
    struct wire w = wire_of(item[0], NULL);
    EXPECT_PTR(rc_map_find(map, &w), rc_map_ensure(map, &w)); // it is there: no copy
    EXPECT(rc_map_remove(map, &w));
    EXPECT_PTR(NULL, rc_map_ensure(map, &w));
    copies_fail = false;
    EXPECT_EQ(ITEMS, resources_open);
    wire_close(&w);
    EXPECT_PTR(NULL, rc_map_ensure(resources, &(int){1})); // no resource is made of zeros
    EXPECT_EQ(EINVAL, errno);
    rc_release(map);
    rc_release(resources);
    EXPECT_EQ(0, resources_open);
    let_items_go();
    scarce_leave(heap);
}

TEST(strings_are_keys_by_their_text) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_string_element, &rc_link_element);
    EXPECT(rc_map_set_text(map, "one", item[1]));
    EXPECT(rc_map_set_text(map, "", item[0]));
    struct rc_string *two = rc_string_new("two"), *other_one = rc_string_new("one");
    EXPECT(rc_map_set(map, &two, item[2]));
    EXPECT_EQ(1, rc_links(two));
    EXPECT_PTR(item[1], rc_map_get(map, &other_one));
    EXPECT_PTR(item[2], rc_map_get_text(map, "two"));
    EXPECT_PTR(item[0], rc_map_get_text(map, ""));
    EXPECT_PTR(NULL, rc_map_get_text(map, "three"));
    EXPECT(rc_map_set(map, &other_one, item[5])); // the key that was there stays
    EXPECT_EQ(0, rc_links(other_one));
    EXPECT_EQ(3, rc_map_size(map));
    EXPECT(rc_map_set_text(map, "one", item[6]));
    EXPECT_PTR(item[6], rc_map_get_text(map, "one"));
    EXPECT(rc_map_remove_text(map, "one"));
    EXPECT(!rc_map_remove_text(map, "one"));
    rc_release(two);
    rc_release(other_one);
    rc_release(map);
    let_items_go();
}

// A text is found if it has the same bytes, all of them, wherever it lies; no byte before or behind it is read.
TEST(texts_of_any_length_are_found_by_all_their_bytes) {
    items_new(item, ITEMS, NULL);
    char *page = bytes_between_guards();
    struct rc_map *map = rc_map_new(&rc_string_element, &rc_link_element);
    for (size_t n = 0; n <= 72; n++)
        for (int end = 0; end < 2; end++) {
            test_note("%zu bytes, %s", n, end ? "before a guard" : "behind a guard");
            char *text = end ? page + GUARDED - n - 1 : page;
            memset(text, 'x', n);
            text[n] = 0;
            EXPECT_PTR(NULL, rc_map_get_text(map, text));
            EXPECT(rc_map_set_text(map, text, item[1]) && rc_map_set_text(map, text, item[2]));
            EXPECT_PTR(item[2], rc_map_get_text(map, text));
            EXPECT(rc_map_has_text(map, text));
            for (size_t i = 0; i < n; i++) {
                text[i] = 'y';
                EXPECT_PTR(NULL, rc_map_get_text(map, text));
                EXPECT(!rc_map_has_text(map, text) && !rc_map_remove_text(map, text));
                text[i] = 'x';
            }
            struct rc_string *same = rc_string_new_bytes(text, n);
            EXPECT_PTR(item[2], rc_map_get(map, &same));
            rc_release(same);
            EXPECT(rc_map_remove_text(map, text));
            EXPECT_EQ(0, rc_map_size(map));
        }
    rc_release(map);
    let_items_go();
}

TEST(objects_are_keys_by_identity) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_link_element, &rc_int_element);
    for (int i = 0; i < ITEMS; i++)
        EXPECT(rc_map_put(map, &item[i], &i));
    EXPECT_EQ(1, rc_links(item[3]));
    EXPECT_EQ(3, *(int *)rc_map_find(map, &item[3]));
    *(int *)rc_map_find(map, &item[3]) = 33;
    EXPECT_EQ(33, *(int *)rc_map_find(map, &item[3]));
    rc_release(map);
    let_items_go();
}

struct point { int x, y, z; };
RC_ELEMENT(point, struct point, .slots = NULL);

TEST(objects_are_keys_by_address_and_let_go_of) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_link_element, &rc_link_element);
    EXPECT(rc_map_set(map, &item[0], item[1]));
    EXPECT(rc_map_remove_int(map, (intptr_t)item[0]));
    EXPECT_EQ(0, rc_links(item[0]));
    EXPECT_EQ(0, rc_links(item[1]));
    EXPECT_EQ(0, rc_map_size(map));
    rc_release(map);
    let_items_go();
}

TEST(structs_are_keys_by_their_bytes) {
    struct rc_map *map = rc_map_new(&point_element, &rc_int_element);
    for (int i = 0; i < 1000; i++)
        EXPECT(rc_map_put(map, &(struct point){i, i % 10, -i}, &i));
    for (int i = 0; i < 1000; i++) {
        int *found = rc_map_find(map, &(struct point){i, i % 10, -i});
        if (!EXPECT(found && *found == i))
            break;
    }
    EXPECT_PTR(NULL, rc_map_find(map, &(struct point){1, 1, 1}));
    EXPECT_EQ(0, stats().suspects);
    rc_release(map);
}

TEST(users_hash_and_equality_decide) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&wire_element, &rc_int_element);
    for (int i = 0; i < ITEMS; i++) {
        struct wire w = wire_of(item[i], NULL);
        EXPECT(i % 2 ? rc_map_put(map, &w, &i) : rc_map_put_give(map, &w, &i));
        if (i % 2)
            wire_close(&w);
    }
    struct wire again = wire_of(item[4], item[5]);
    EXPECT_EQ(4, *(int *)rc_map_find(map, &again));
    EXPECT(rc_map_put_give(map, &again, &(int){44})); // an equal key: the one that was given is released
    EXPECT_EQ(44, *(int *)rc_map_find(map, &(struct wire){.a = item[4]}));
    EXPECT_EQ(ITEMS, resources_open);
    EXPECT_EQ(0, rc_links(item[5]) - 1);
    EXPECT(rc_map_remove(map, &(struct wire){.a = item[4]}));
    EXPECT_EQ(ITEMS - 1, resources_open);
    rc_release(map);
    EXPECT_EQ(0, resources_open);
    let_items_go();
}

TEST(values_go_in_and_come_out) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_int_element, &wire_element);
    struct wire w = wire_of(item[1], item[2]), out;
    EXPECT(rc_map_put(map, &(int){1}, &w));
    EXPECT(rc_map_put_give(map, &(int){2}, &w));
    EXPECT_EQ(2, rc_links(item[1]));
    EXPECT_EQ(1, rc_handles(item[1]));
    EXPECT(rc_map_take(map, &(int){2}, &out));
    EXPECT_EQ(1, rc_links(item[1]));
    EXPECT_EQ(2, rc_handles(item[1]));
    EXPECT(!rc_map_take(map, &(int){2}, &out));
    EXPECT(rc_map_put_give(map, &(int){1}, &out)); // replaces
    EXPECT_EQ(1, resources_open);
    EXPECT_EQ(1, rc_links(item[1]));
    rc_release(map);
    EXPECT_EQ(0, resources_open);
    let_items_go();
}

TEST(map_of_its_own_values_is_collected) {
    struct rc_map *map = rc_map_new(&rc_link_element, &rc_link_element);
    items_new(item, ITEMS, map);
    for (int i = 0; i < ITEMS; i++)
        EXPECT(rc_map_set(map, &item[i], item[(i + 1) % ITEMS]));
    items_release(item, ITEMS);
    rc_release(map);
    EXPECT_EQ(ITEMS, items_alive);
    EXPECT_EQ(ITEMS + 1, rc_collect());
    EXPECT_EQ(0, items_alive);
}

TEST(copy_is_another_map) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
    for (int i = 0; i < ITEMS; i++)
        EXPECT(rc_map_set_int(map, i, item[i]));
    EXPECT(rc_map_remove_int(map, 5));
    struct rc_map *copy = rc_map_copy(map);
    EXPECT_EQ(ITEMS - 1, rc_map_size(copy));
    EXPECT_EQ(2, rc_links(item[0]));
    rc_map_clear(map);
    EXPECT_EQ(0, rc_map_size(map));
    EXPECT_PTR(NULL, rc_map_get_int(map, 0));
    EXPECT_PTR(item[0], rc_map_get_int(copy, 0));
    EXPECT_PTR(NULL, rc_map_get_int(copy, 5));
    EXPECT(rc_map_set_int(map, 1, item[1]));
    rc_release(map);
    rc_release(copy);
    let_items_go();
}

// ---- iteration

TEST(iteration_survives_what_is_added_and_removed) {
    for (uint32_t seed = 1; seed <= 200; seed++) {
        enum { KEYS = 400 };
        struct rc_map *map = rc_map_new(&rc_int64_element, &rc_int_element);
        int met[KEYS] = {0};
        bool there[KEYS] = {0}, stayed[KEYS];
        uint32_t state = seed;
#define CHANCE(n) ((state = state * 1664525u + 1013904223u) >> 8) % (n)
        for (int i = 0; i < 100; i++) {
            int64_t k = CHANCE(KEYS);
            there[k] = true;
            REQUIRE(rc_map_put(map, &k, &(int){0}));
        }
        memcpy(stayed, there, sizeof there);
        struct rc_map_iter it = rc_map_iter(map);
        enum rc_iter is;
        while ((is = rc_map_next(&it)) == RC_ITER_ITEM) {
            int64_t at = *(const int64_t *)it.key, k = CHANCE(KEYS);
            EXPECT(there[at]);
            met[at]++;
            if (CHANCE(3) == 0) {
                EXPECT(rc_map_iter_remove(&it));
                there[at] = false;
            } else if (CHANCE(3) == 0) {
                EXPECT_EQ(there[k], rc_map_remove(map, &k));
                stayed[k] = there[k] = false;
            } else if (CHANCE(2) == 0 && CHANCE(KEYS) > rc_map_size(map)) {
                EXPECT(rc_map_put(map, &k, &(int){0}));
                if (!there[k])
                    stayed[k] = false;
                there[k] = true;
            }
        }
        EXPECT_EQ(RC_ITER_END, is);
        for (int k = 0; k < KEYS; k++) {
            EXPECT(!stayed[k] || met[k] == 1);
            EXPECT_EQ(there[k], rc_map_find(map, &(int64_t){k}) != NULL);
        }
        rc_release(map);
        if (test_failures())
            break;
    }
}

TEST(iteration_ends_with_clear_and_shrink) {
    struct rc_map *map = rc_map_new(&rc_int_element, &rc_int_element);
    for (int i = 0; i < 20; i++)
        EXPECT(rc_map_put(map, &i, &i));
    EXPECT(rc_map_remove(map, &(int){0}));
    struct rc_map_iter it = rc_map_iter(map);
    EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
    EXPECT(rc_map_shrink(map));
    EXPECT_EQ(RC_ITER_CHANGED, rc_map_next(&it));
    EXPECT(!rc_map_iter_remove(&it));
    EXPECT_EQ(ESTALE, errno);
    it = rc_map_iter(map);
    EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
    EXPECT(rc_map_shrink(map)); // gives nothing back
    EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
    rc_map_clear(map);
    EXPECT_EQ(RC_ITER_CHANGED, rc_map_next(&it));
    rc_release(map);
}

TEST(iterator_removes_only_what_it_stands_on) {
    struct rc_map *map = rc_map_new(&rc_int_element, &rc_int_element);
    for (int i = 0; i < 3; i++)
        EXPECT(rc_map_put(map, &i, &i));
    struct rc_map_iter it = rc_map_iter(map);
    EXPECT(!rc_map_iter_remove(&it)); // on nothing yet
    EXPECT_EQ(ERANGE, errno);
    EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
    int key = *(const int *)it.key;
    EXPECT(rc_map_remove(map, &key));
    EXPECT(rc_map_put(map, &(int){77}, &key)); // in the same place
    errno = 0;
    EXPECT(!rc_map_iter_remove(&it));
    EXPECT_EQ(ERANGE, errno);
    EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
    EXPECT(rc_map_iter_remove(&it));
    EXPECT(!rc_map_iter_remove(&it)); // twice
    EXPECT_EQ(2, rc_map_size(map));
    rc_release(map);
}

static bool is_odd(const void *key, const void *value, void *arg) {
    ++*(int *)arg;
    return *(const int64_t *)key % 2 || !value;
}

TEST(remove_if_asks_each_once) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
    for (int i = 0; i < 1000; i++)
        EXPECT(rc_map_set_int(map, i, item[i % ITEMS]));
    int asked = 0;
    size_t removed;
    EXPECT(rc_map_remove_if(map, is_odd, &asked, &removed));
    EXPECT_EQ(1000, asked);
    EXPECT_EQ(500, removed);
    EXPECT_EQ(500, rc_map_size(map));
    EXPECT_EQ(0, rc_links(item[1]));
    EXPECT_EQ(100, rc_links(item[2]));
    rc_release(map);
    let_items_go();
}

// ---- bad input

TEST(null_is_a_fault) {
    struct rc_map *map = rc_map_new(&rc_link_element, &rc_link_element);
    struct rc_map *texts = rc_map_new(&rc_string_element, &rc_link_element);
    faults_begin();
    void *none = NULL;
    EXPECT(!rc_map_put(map, NULL, &none));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_put");
    EXPECT(!rc_map_put(map, &none, &none));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_put");
    EXPECT(!rc_map_put(map, &map, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_put");
    EXPECT_PTR(NULL, rc_map_find(map, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_find");
    EXPECT(!rc_map_set_text(texts, NULL, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_set_text");
    EXPECT_PTR(NULL, rc_map_get_text(texts, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_get_text");
    EXPECT_PTR(NULL, rc_map_get_text(NULL, "x"));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_get_text");
    EXPECT(!rc_map_set_text(NULL, "x", NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_set_text");
    EXPECT(!rc_map_remove_text(texts, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_remove_text");
    EXPECT(!rc_map_set(texts, &none, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_set");
    EXPECT(!rc_map_has(texts, &none) && !rc_map_get(texts, &none) && !rc_map_remove(texts, &none)); // it is no key
    EXPECT_NO_FAULT();
    EXPECT(!rc_map_put(NULL, &none, &none));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_put");
    EXPECT_PTR(NULL, rc_map_get_int(NULL, 0));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_get_int");
    EXPECT(!rc_map_remove(NULL, &none));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_remove");
    rc_map_clear(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_clear");
    EXPECT_PTR(NULL, rc_map_new(NULL, &rc_int_element));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_new");
    EXPECT_PTR(NULL, rc_map_new(&rc_int_element, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_map_new");
    EXPECT_PTR(NULL, rc_map_get(map, &none)); // no key is NULL: not found
    EXPECT_EQ(0, rc_map_size(NULL));
    struct rc_map_iter it = rc_map_iter(NULL);
    EXPECT_EQ(RC_ITER_END, rc_map_next(&it));
    EXPECT_NO_FAULT();
    EXPECT_EQ(0, rc_map_size(map) + rc_map_size(texts));
    rc_release(map);
    rc_release(texts);
}

TEST(calls_that_do_not_fit_the_elements_are_refused) {
    struct rc_map *map = rc_map_new(&rc_int_element, &rc_int_element);
    errno = 0;
    EXPECT(!rc_map_set_int(map, 1, NULL));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_PTR(NULL, rc_map_get(map, &(int){1}));
    EXPECT(!rc_map_remove_int(map, 1));
    EXPECT(!rc_map_set_text(map, "x", NULL));
    EXPECT_PTR(NULL, rc_map_get_text(map, "x"));
    struct rc_map *numbered = rc_map_new(&rc_int64_element, &rc_link_element); // links, but no texts; texts, but no links
    struct rc_map *counted = rc_map_new(&rc_string_element, &rc_int_element);
#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        EXPECT(!(call));                                                                                               \
        EXPECT_EQ(EINVAL, errno);                                                                                      \
    } while (0)
    REFUSED(rc_map_get_text(numbered, "x"));
    REFUSED(rc_map_set_text(numbered, "x", NULL));
    REFUSED(rc_map_remove_text(numbered, "x"));
    REFUSED(rc_map_get_text(counted, "x"));
    REFUSED(rc_map_set_text(counted, "x", NULL));
    EXPECT(!rc_map_remove_text(counted, "x"));
    EXPECT_EQ(0, rc_map_size(numbered) + rc_map_size(counted));
    rc_release(numbered);
    rc_release(counted);
    errno = 0;
    EXPECT(!rc_map_reserve(map, SIZE_MAX));
    EXPECT_EQ(ENOMEM, errno);
    errno = 0;
    EXPECT(!rc_map_reserve(map, ((size_t)9 << 26) + 1));
    EXPECT_EQ(ENOMEM, errno);
    rc_release(map);
}

static int lie; // what the functions say, in turn
static uint64_t lying_hash(const void *key) {
    return lie % 2 ? (uint64_t)lie++ : *(const unsigned *)key;
}
static bool lying_equal(const void *a, const void *b) {
    return lie / 2 % 2 ? lie++ % 3 == 0 : *(const int *)a == *(const int *)b;
}
RC_ELEMENT(liar, int, .hash = lying_hash, .equal = lying_equal);

TEST(hash_and_equality_that_lie_lose_nothing) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&liar_element, &rc_link_element), *other = rc_map_new(&liar_element, &rc_link_element);
    for (int i = 0; i < 3000; i++) {
        lie = i;
        EXPECT(rc_map_set(map, &(int){i % 50}, item[i % ITEMS]));
        lie = i / 7;
        rc_map_remove(map, &(int){i % 31});
        if (i % 100 == 50) {
            for (int k = 0; k < 8; k++)
                EXPECT(rc_map_set(other, &(int){k * 7}, item[k]));
            EXPECT(rc_map_put_all(map, other));
            EXPECT(i % 500 != 450 || rc_map_put_all(map, map));
            rc_map_clear(other);
        }
        if (i % 500 == 499) {
            size_t n = 0, links = 0;
            struct rc_map_iter it = rc_map_iter(map);
            while (rc_map_next(&it) == RC_ITER_ITEM)
                n++;
            for (int k = 0; k < ITEMS; k++)
                links += rc_links(item[k]);
            EXPECT_EQ(rc_map_size(map), n);
            EXPECT_EQ(n, links);
            it = rc_map_iter(map);
            while (rc_map_next(&it) == RC_ITER_ITEM)
                EXPECT(rc_map_iter_remove(&it));
            EXPECT_EQ(0, rc_map_size(map));
        }
    }
    rc_release(map);
    rc_release(other);
    let_items_go();
}

// Five hashes for 600 keys: buckets overflow into the next, some of them around the end of the table, and each entry
// that goes pulls others after it.
static unsigned hashes;
static uint64_t crowding_hash(const void *key) { return (unsigned)*(const int *)key % hashes; }
RC_ELEMENT(crowding, int, .hash = crowding_hash);

TEST(keys_that_crowd_are_all_found) {
    enum { N = 600 };
    static int value[N]; // 0: not in the map
    uint32_t seed = 1;
    for (hashes = 1; hashes < 40; hashes += 4) {
        struct rc_map *map = rc_map_new(&crowding_element, &rc_int_element);
        memset(value, 0, sizeof value);
        size_t n = 0;
        for (int i = 1; i < 4000; i++) {
            seed = seed * 1664525u + 1013904223u;
            int key = (int)((seed >> 8) % N);
            n += !value[key];
            if ((seed >> 20) % (i < 2000 ? 4 : 2)) {
                value[key] = i;
                REQUIRE(rc_map_put(map, &key, &i));
            } else {
                EXPECT_EQ(value[key] != 0, rc_map_remove(map, &key));
                n--;
                value[key] = 0;
            }
            EXPECT_EQ(n, rc_map_size(map));
            if (i % 100 == 0)
                for (int k = 0; k < N; k++) {
                    const int *found = rc_map_find(map, &k);
                    if (!EXPECT_EQ(value[k], found ? *found : 0))
                        test_stop();
                }
        }
        rc_release(map);
    }
}

// Each size: buckets that are full to the last place, and keys that had to go to another one.
enum { EVERY = 120 };
struct every {
    struct rc_map *map;
    struct rc_string *text[2 * EVERY]; // by key; NULL: keys are numbers
    struct item *value;
};

static bool every_has(struct every *e, int k) {
    const char *text = e->text[k] ? rc_string_text(e->text[k]) : NULL;
    bool has = text ? rc_map_has_text(e->map, text) : rc_map_has_int(e->map, k);
    EXPECT_EQ(has, rc_map_has(e->map, text ? (void *)&e->text[k] : (void *)&(int64_t){k}));
    if (e->value)
        EXPECT_PTR(has ? e->value : NULL, text ? rc_map_get_text(e->map, text) : rc_map_get_int(e->map, k));
    return has;
}
static bool every_add(struct every *e, int k) {
    const void *key = e->text[k] ? (void *)&e->text[k] : (void *)&(int64_t){k};
    return !e->value   ? rc_map_put(e->map, key, &k)
           : e->text[k] ? rc_map_set_text(e->map, rc_string_text(e->text[k]), e->value)
                        : rc_map_set_int(e->map, k, e->value);
}
static bool every_remove(struct every *e, int k) {
    return e->text[k] ? rc_map_remove_text(e->map, rc_string_text(e->text[k])) : rc_map_remove_int(e->map, k);
}
static void every_size(bool texts, bool links, bool tight) {
    struct every e = {.value = links ? item_new(1) : NULL};
    e.map = rc_map_new(texts ? &rc_string_element : &rc_int64_element, links ? &rc_link_element : &rc_int_element);
    for (int k = 0; texts && k < 2 * EVERY; k++)
        e.text[k] = rc_string_format("%d", k);
    for (int step = 0; step < 2 * EVERY; step++) {
        int n = step < EVERY ? step : 2 * EVERY - step;
        EXPECT_EQ(n, rc_map_size(e.map));
        EXPECT(!tight || rc_map_shrink(e.map));
        for (int k = 0; k < 2 * EVERY; k++)
            if (!EXPECT_EQ(k < n, every_has(&e, k)) || !EXPECT(k < n ? every_add(&e, k) : !every_remove(&e, k)))
                test_stop();
        EXPECT(step < EVERY ? every_add(&e, n) : every_remove(&e, n - 1));
    }
    rc_release(e.map);
    items_release(&e.value, links);
    for (int k = 0; k < 2 * EVERY; k++)
        rc_release(e.text[k]);
}

TEST(maps_of_every_size_find_what_is_in_them_and_nothing_else) {
    for (int kind = 0; kind < 8; kind++)
        every_size(kind & 1, kind & 2, kind & 4);
}

static struct rc_map *victim;
static unsigned refusals;

static void try_to_change(void) {
    if (!victim)
        return;
    size_t size = rc_map_size(victim);
    int key = 9;
    bool changed = rc_map_set(victim, &key, NULL) || rc_map_remove(victim, &key) ||
                   rc_map_put_give(victim, &key, &(void *){NULL}) || rc_map_reserve(victim, 1000) ||
                   rc_map_shrink(victim) || rc_map_take(victim, &key, &(void *){NULL}) || rc_map_ensure(victim, &key);
    rc_map_clear(victim);
    EXPECT_EQ(EBUSY, errno);
    EXPECT(!changed);
    EXPECT_EQ(size, rc_map_size(victim));
    rc_collect();
    refusals++;
}

static uint64_t changing_hash(const void *key) {
    try_to_change();
    return (unsigned)*(const int *)key % 2;
}
static bool changing_equal(const void *a, const void *b) {
    try_to_change();
    return *(const int *)a == *(const int *)b;
}
RC_ELEMENT(changing, int, .hash = changing_hash, .equal = changing_equal);

static bool changing_test(const void *key, const void *value, void *arg) {
    (void)value, (void)arg;
    try_to_change();
    return *(const int *)key == 1;
}

TEST(callbacks_cannot_change_the_map_that_called_them) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = victim = rc_map_new(&changing_element, &rc_link_element);
    for (int i = 0; i < ITEMS; i++)
        EXPECT(rc_map_set(map, &i, item[i]));
    for (int i = 0; i < ITEMS; i++)
        EXPECT_PTR(item[i], rc_map_get(map, &i));
    size_t removed;
    EXPECT(rc_map_remove_if(map, changing_test, NULL, &removed));
    EXPECT_EQ(1, removed);
    EXPECT(rc_map_remove(map, &(int){0}));
    EXPECT_EQ(ITEMS - 2, rc_map_size(map));
    EXPECT(refusals > 50);
    victim = NULL;
    rc_release(map);
    let_items_go();
}

static void clear_meanwhile(void) {
    errno = 0;
    EXPECT(!rc_map_shrink(victim));
    EXPECT_EQ(EBUSY, errno);
    rc_map_clear(victim);
    refusals++;
}

TEST(copies_cannot_change_the_map_they_are_made_for, .counts = true) {
    items_new(item, ITEMS, NULL);
    struct rc_map *map = victim = rc_map_new(&wire_element, &wire_element);
    struct rc_map *counts = rc_map_new(&wire_element, &rc_int_element);
    struct wire w[] = {wire_of(item[1], NULL), wire_of(item[2], NULL)};
    refusals = 0;
    on_wire_copy = clear_meanwhile;
    EXPECT(rc_map_put(map, &w[0], &w[1])); // two copies
    EXPECT(rc_map_put(map, &w[0], &w[0])); // one: an equal key is there
    EXPECT_EQ(3, refusals);
    on_wire_copy = NULL;
    struct rc_map *other = rc_map_copy(map);
    EXPECT(rc_map_put(other, &w[1], &w[1]));
    refusals = 0;
    on_wire_copy = clear_meanwhile;
    EXPECT(rc_map_put_all(map, other));
    EXPECT_EQ(4, refusals);
    EXPECT_EQ(2, rc_map_size(map));
    victim = counts;
    EXPECT(rc_map_ensure(counts, &w[0]));
    EXPECT_EQ(5, refusals);
    ++*(int *)rc_map_ensure(counts, &w[0]); // no copy: it is there
    EXPECT_EQ(5, refusals);
    EXPECT_EQ(1, *(int *)rc_map_find(counts, &w[0]));
    on_wire_copy = NULL;
    wire_close(&w[0]);
    wire_close(&w[1]);
    rc_release(map);
    rc_release(other);
    rc_release(counts);
    EXPECT_EQ(0, resources_open);
    victim = NULL;
    let_items_go();
}

static void empty_victim(struct item *x) {
    (void)x;
    rc_map_clear(victim);
    EXPECT(rc_map_set_int(victim, 1000, NULL));
}

TEST(destructor_may_change_the_map_it_was_in) {
    for (int how = 0; how < 4; how++) {
        items_new(item, ITEMS, NULL);
        victim = rc_map_new(&rc_int64_element, &rc_link_element);
        for (int i = 0; i < ITEMS; i++)
            EXPECT(rc_map_set_int(victim, i, item[i]));
        items_release(item, ITEMS);
        on_item_destroy = empty_victim;
        int asked = 0;
        struct rc_map_iter it = rc_map_iter(victim);
        switch (how) {
        case 0: EXPECT(rc_map_remove_int(victim, 3)); break;
        case 1: EXPECT(rc_map_set_int(victim, 3, NULL)); break;
        case 2: EXPECT(rc_map_remove_if(victim, is_odd, &asked, NULL)); break;
        case 3:
            EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
            EXPECT(rc_map_iter_remove(&it));
            EXPECT_EQ(RC_ITER_CHANGED, rc_map_next(&it));
            break;
        }
        on_item_destroy = NULL;
        EXPECT_EQ(0, items_alive);
        EXPECT_EQ(1, rc_map_size(victim));
        rc_release(victim);
    }
}

static void shrink_victim(struct item *x) {
    (void)x;
    EXPECT(rc_map_shrink(victim));
}

static bool is_any(const void *key, const void *value, void *arg) {
    return key && value && !arg;
}

static bool copy_and_keep(const void *key, const void *value, void *arg) {
    (void)value;
    struct rc_map *copy = rc_map_copy(arg);
    EXPECT(rc_map_has(copy, key) && rc_map_size(copy) == rc_map_size(arg));
    EXPECT(rc_map_put(copy, &(int){1000}, &(int){1})); // it is not busy
    rc_release(copy);
    return false;
}

TEST(callbacks_may_copy_the_map_that_called_them) {
    struct rc_map *map = rc_map_new(&rc_int_element, &rc_int_element);
    for (int i = 0; i < 20; i++)
        EXPECT(rc_map_put(map, &i, &i));
    EXPECT(rc_map_remove_if(map, copy_and_keep, map, NULL));
    EXPECT_EQ(20, rc_map_size(map));
    rc_release(map);
}

//   what is behind moves to lower numbers
TEST(destructor_may_shrink_the_map_while_entries_are_removed) {
    items_new(item, ITEMS, NULL);
    victim = rc_map_new(&rc_int64_element, &rc_link_element);
    for (int i = 0; i < ITEMS; i++)
        EXPECT(rc_map_set_int(victim, i, item[i]));
    items_release(item, ITEMS);
    on_item_destroy = shrink_victim;
    size_t removed;
    EXPECT(rc_map_remove_if(victim, is_any, NULL, &removed));
    on_item_destroy = NULL;
    EXPECT_EQ(ITEMS, removed);
    EXPECT_EQ(0, rc_map_size(victim));
    rc_release(victim);
    EXPECT_EQ(0, items_alive);
}

static void let_go_of_victim(struct item *x) {
    (void)x;
    struct rc_map *map = victim;
    victim = NULL;
    rc_release(map);
}

TEST(map_may_die_of_what_it_gives_up) {
    for (int how = 0; how < 5; how++) {
        items_new(item, ITEMS, NULL);
        victim = rc_map_new(&rc_int64_element, &rc_link_element);
        for (int i = 0; i < ITEMS; i++)
            EXPECT(rc_map_set_int(victim, i, item[i]));
        items_release(item, ITEMS);
        on_item_destroy = let_go_of_victim;
        int asked = 0;
        switch (how) {
        case 0: rc_map_remove_int(victim, 3); break;
        case 1: rc_map_set_int(victim, 3, NULL); break;
        case 2: rc_map_remove_if(victim, is_odd, &asked, NULL); break;
        case 3: rc_map_clear(victim); break;
        case 4: rc_map_put(victim, &(int64_t){3}, &(void *){NULL}); break;
        }
        EXPECT_PTR(NULL, victim);
        on_item_destroy = NULL;
        EXPECT_EQ(0, items_alive);
    }
}

TEST(clear_needs_no_memory) {
    struct rc_heap *heap = scarce_enter();
    items_new(item, ITEMS, NULL);
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
    for (int i = 0; i < ITEMS; i++)
        EXPECT(rc_map_set_int(map, i, item[i]));
    fail_allocation(1, true);
    rc_map_clear(map);
    EXPECT(refused() > 0);
    EXPECT_EQ(0, rc_map_size(map));
    for (int i = 0; i < ITEMS; i++)
        EXPECT_EQ(0, rc_links(item[i]));
    rc_release(map);
    let_items_go();
    scarce_leave(heap);
}

// ---- in the middle of a collection

// Keys and values are read in two rows, keys first; new entries put off the second row. The map is garbage but for the
// way to it, which goes after the change.
static void expect_sound(void (*change)(struct rc_map *map)) {
    struct rc_map *map = rc_map_new(&rc_link_element, &wire_element);
    for (int i = 0; i < 900; i++) {
        struct item *x = item_new(i);
        rc_set(&x->back, map);
        struct wire w = wire_of(x, x);
        REQUIRE(rc_map_put_give(map, &x, &w)); // the handle of x, too
    }
    items_new(item, ITEMS, NULL);
    struct holder *way = holder_of(map);
    uint64_t edges = stats().edges;
    stir(way);
    stop_in(RC_PHASE_BUILD);
    while (stats().edges - edges < 1000) // in the row of values
        REQUIRE(rc_collect_step(0) == RC_STEP_MORE && rc_collect_phase() == RC_PHASE_BUILD);
    change(map);
    rc_release(way);
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT_EQ(ITEMS, items_alive);
    EXPECT_EQ(0, resources_open);
    let_items_go();
}

static void add_entries(struct rc_map *map) {
    for (int i = 0; i < ITEMS; i++) {
        struct wire w = wire_of(item[i], NULL);
        EXPECT(rc_map_put(map, &item[i], &w));
        wire_close(&w);
    }
}
static struct item *first_of(struct rc_map *map) {
    struct rc_map_iter it = rc_map_iter(map);
    EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
    return *(struct item *const *)it.key;
}
static void replace_entries(struct rc_map *map) {
    struct item *x = first_of(map);
    EXPECT(rc_map_remove(map, &x));
    add_entries(map);
}
// Some are new, one has a key that was read.
static void put_others(struct rc_map *map) {
    struct rc_map *other = rc_map_new(&rc_link_element, &wire_element);
    add_entries(other);
    struct item *x = first_of(map);
    struct wire w = wire_of(item[1], x);
    EXPECT(rc_map_put(other, &x, &w));
    wire_close(&w);
    EXPECT(rc_map_put_all(map, other));
    EXPECT(rc_map_put_all(map, map));
    rc_release(other);
}
static void grow(struct rc_map *map) {
    EXPECT(rc_map_reserve(map, 100000));
}
static void shrink(struct rc_map *map) {
    struct item *x = first_of(map);
    EXPECT(rc_map_remove(map, &x));
    EXPECT(rc_map_shrink(map));
}
static void clear(struct rc_map *map) {
    rc_map_clear(map);
}

TEST(r9_entries_added_while_read_in_pieces) { expect_sound(add_entries); }
TEST(r9_entries_replaced_while_read_in_pieces) { expect_sound(replace_entries); }
TEST(r9_others_put_while_read_in_pieces) { expect_sound(put_others); }
TEST(r9_growth_while_read_in_pieces) { expect_sound(grow); }
TEST(r9_shrinking_while_read_in_pieces) { expect_sound(shrink); }
TEST(r9_clear_while_read_in_pieces) { expect_sound(clear); }

static uint64_t worst_edges;
static size_t worst_items, worst_resources;

static void expect_small_steps(void) {
    enum { PIECE = 1024, AHEAD = 64, PARTS = 16 };
    bool more = true;
    worst_edges = worst_items = worst_resources = 0;
    while (more) {
        uint64_t edges = stats().edges;
        size_t items = items_alive, resources = resources_open;
        more = rc_collect_step(0) == RC_STEP_MORE;
        if (stats().edges - edges > worst_edges)
            worst_edges = stats().edges - edges;
        if (items - items_alive > worst_items)
            worst_items = items - items_alive;
        if (resources - resources_open > worst_resources)
            worst_resources = resources - resources_open;
    }
    EXPECT_AT_MOST(PIECE + AHEAD, worst_edges);
    EXPECT_AT_MOST(PIECE, worst_items);
    EXPECT_AT_MOST(2 * PARTS, worst_resources);
}

TEST(ten_million_entries_are_collected_piece_by_piece, .limit = 120) {
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
    items_new(item, ITEMS, map);
    size_t n = scaled(10000000);
    for (size_t i = 0; i < n; i++)
        REQUIRE(rc_map_set_int(map, (int64_t)i, item[i % ITEMS]));
    EXPECT_EQ(n / ITEMS, rc_links(item[0]));
    items_release(item, ITEMS);
    rc_release(map);
    expect_small_steps();
    EXPECT_EQ(0, items_alive);
}

TEST(ten_million_entries_die_by_count_and_are_cleared_piece_by_piece, .limit = 120) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    for (int how = 0; how < 2; how++) {
        struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
        size_t n = scaled(10000000) / 2;
        for (size_t i = 0; i < n; i++) {
            struct item *x = i % 50 ? rc_map_get_int(map, (int64_t)(i / 50 * 50)) : item_new(0);
            REQUIRE(rc_map_set_int(map, (int64_t)i, x));
            if (i % 50 == 0)
                rc_release(x);
        }
        if (how == 0)
            rc_map_clear(map);
        EXPECT_EQ(how ? n : 0, rc_map_size(map));
        rc_release(map);
        EXPECT(items_alive > n / 50 - 1024);
        expect_small_steps();
        EXPECT_EQ(0, items_alive);
    }
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(many_values_are_destroyed_piece_by_piece, .limit = 60) {
    struct rc_map *map = rc_map_new(&rc_int64_element, &wire_element);
    struct item *x = item_new(1);
    rc_set(&x->back, map);
    for (int64_t i = 0; i < (int64_t)scaled(300000); i++) {
        struct wire w = wire_of(x, NULL);
        REQUIRE(rc_map_put_give(map, &i, &w));
    }
    rc_release(x);
    rc_release(map);
    expect_small_steps();
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(0, items_alive);
}

// ---- random operations, beside a list

enum { KEYS = 40 };

static struct {
    bool there[KEYS];
    int value[KEYS];
} model;
static struct rc_map *real;
static struct rc_string *string[KEYS];
static struct item *key_item[KEYS];
static const struct rc_element *key_element, *value_element;
static uint32_t seed;

static uint32_t chance(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

union any {
    int small;
    int64_t word;
    struct point point;
    struct rc_string *string;
    void *link;
    struct wire wire;
};

// Key number [k]; one that can be given, if [own].
static union any key_of(int k, bool own) {
    union any key;
    memset(&key, 0, sizeof key);
    if (key_element == &rc_int_element)
        key.small = k;
    else if (key_element == &rc_int64_element)
        key.word = (int64_t)k << 33;
    else if (key_element == &point_element)
        key.point = (struct point){k, 0, -k};
    else if (key_element == &rc_string_element)
        key.string = own ? rc_retain(string[k]) : string[k];
    else if (key_element == &rc_link_element)
        key.link = own ? rc_retain(key_item[k]) : key_item[k];
    else if (own)
        key.wire = wire_of(key_item[k], NULL);
    else
        key.wire.a = key_item[k];
    return key;
}

static int number_of(const void *key) {
    if (key_element == &rc_int_element)
        return *(const int *)key;
    if (key_element == &rc_int64_element)
        return (int)(*(const int64_t *)key >> 33);
    if (key_element == &point_element)
        return ((const struct point *)key)->x;
    if (key_element == &rc_string_element)
        return atoi(rc_string_text(*(struct rc_string *const *)key));
    return item_id(*(struct item *const *)key); // a wire begins with its item
}

static void close_key(union any *key) {
    if (key_element == &rc_string_element || key_element == &rc_link_element)
        rc_release(key->link);
    else if (key_element == &wire_element)
        wire_close(&key->wire);
}

static int value_at(const void *value) {
    return item_id(*(struct item *const *)value);
}

static size_t expect_entries(size_t *uses) {
    size_t n = 0, met = 0;
    for (int k = 0; k < KEYS; k++) {
        union any key = key_of(k, false);
        void *value = rc_map_find(real, &key);
        const void *found = rc_map_find_key(real, &key);
        if (EXPECT_EQ(model.there[k], value != NULL) && value && EXPECT_EQ(model.value[k], value_at(value)) &&
            model.value[k] >= 0)
            uses[model.value[k]]++;
        EXPECT_EQ(model.there[k] ? k : -1, found ? number_of(found) : -1);
        n += model.there[k];
    }
    EXPECT_EQ(n, rc_map_size(real));
    struct rc_map_iter it = rc_map_iter(real);
    while (rc_map_next(&it) == RC_ITER_ITEM) {
        int k = number_of(it.key);
        if (EXPECT(k >= 0 && k < KEYS) && EXPECT(model.there[k]))
            EXPECT_EQ(model.value[k], value_at(it.value));
        met++;
    }
    EXPECT_EQ(n, met);
    return n;
}

static void expect_as_model(void) {
    size_t uses[ITEMS] = {0}, n = expect_entries(uses);
    bool wires = value_element == &wire_element;
    for (int i = 0; i < ITEMS; i++)
        if (item[i])
            EXPECT_EQ(uses[i] * (wires ? 2 : 1), rc_links(item[i]));
    for (int k = 0; k < KEYS; k++)
        if (key_element == &rc_string_element || key_element == &rc_link_element || key_element == &wire_element) {
            void *obj = key_element == &rc_string_element ? (void *)string[k] : key_item[k];
            EXPECT_EQ(model.there[k], rc_links(obj));
        }
    EXPECT_EQ((wires ? n : 0) + (key_element == &wire_element ? n : 0), resources_open);
    if (test_failures())
        test_stop();
}

static bool put(int k, int id, bool give) {
    bool own = give || key_element == &wire_element;
    union any key = key_of(k, own);
    union any value;
    memset(&value, 0, sizeof value);
    if (value_element == &wire_element)
        value.wire = wire_of(item[id], item[id]);
    else
        value.link = give ? rc_retain(item[id]) : item[id];
    bool ok = give ? rc_map_put_give(real, &key, &value) : rc_map_put(real, &key, &value);
    int error = errno;
    if (own && !(give && ok))
        close_key(&key);
    if (value_element == &wire_element ? !(give && ok) : false)
        wire_close(&value.wire);
    else if (value_element == &rc_link_element && give && !ok)
        rc_release(value.link);
    errno = error;
    return ok;
}

static bool is_below(const void *key, const void *value, void *arg) {
    (void)value;
    return number_of(key) < *(int *)arg;
}

#define DO(call)                                                                                                       \
    do {                                                                                                               \
        EACH_FAILURE(ok_, call) {                                                                                      \
            EXPECT(!ok_);                                                                                              \
            EXPECT_EQ(ENOMEM, errno);                                                                                  \
            expect_as_model();                                                                                         \
        }                                                                                                              \
        EXPECT(ok_);                                                                                                   \
    } while (0)

// Some entries from another map, or all of its own.
static void put_all(void) {
    int keys[8], values[8], n = chance(4) ? (int)chance(8) : 0;
    struct rc_map *first = real, *other = n ? rc_map_new(key_element, value_element) : real;
    real = other;
    for (int i = 0; i < n; i++)
        EXPECT(put(keys[i] = (int)chance(KEYS), values[i] = (int)chance(ITEMS), chance(2)));
    real = first;
    EACH_FAILURE(ok, rc_map_put_all(real, other)) {
        EXPECT(!ok);
        EXPECT_EQ(ENOMEM, errno);
        expect_entries((size_t[ITEMS]){0});
    }
    EXPECT(ok);
    if (n)
        rc_release(other);
    for (int i = 0; i < n; i++) {
        model.there[keys[i]] = true;
        model.value[keys[i]] = values[i];
    }
}

static void rows(void) {
    struct rc_array *keys, *values;
    EACH_FAILURE_OF(keys, rc_map_keys(real)) {
        EXPECT_PTR(NULL, keys);
        EXPECT_EQ(ENOMEM, errno);
    }
    EACH_FAILURE_OF(values, rc_map_values(real)) {
        EXPECT_PTR(NULL, values);
        EXPECT_EQ(ENOMEM, errno);
    }
    EXPECT_EQ(rc_map_size(real), rc_array_size(keys));
    EXPECT_EQ(rc_map_size(real), rc_array_size(values));
    struct rc_map_iter it = rc_map_iter(real);
    for (size_t i = 0; i < rc_array_size(keys); i++) {
        EXPECT_EQ(RC_ITER_ITEM, rc_map_next(&it));
        EXPECT_EQ(number_of(it.key), number_of(rc_array_at(keys, i)));
        EXPECT_EQ(value_at(it.value), value_at(rc_array_at(values, i)));
    }
    rc_release(keys);
    rc_release(values);
}

static bool take(const union any *key, union any *value) {
    union any taken;
    if (chance(2))
        return rc_map_take(real, key, value);
    if (!rc_map_take_entry(real, key, &taken, value))
        return false;
    EXPECT_EQ(number_of(key), number_of(&taken));
    close_key(&taken);
    return true;
}

static void one_operation(void) {
    int k = (int)chance(KEYS), id = (int)chance(ITEMS);
    union any key = key_of(k, false), value;
    switch (chance(16)) {
    default: {
        bool give = chance(2);
        DO(put(k, id, give));
        model.there[k] = true;
        model.value[k] = id;
        break;
    }
    case 5:
    case 6:
    case 7:
        EXPECT_EQ(model.there[k], rc_map_remove(real, &key));
        model.there[k] = false;
        break;
    case 8:
        if (take(&key, &value)) {
            EXPECT(model.there[k]);
            EXPECT_EQ(model.value[k], value_at(&value));
            if (value_element == &wire_element)
                wire_close(&value.wire);
            else
                rc_release(value.link);
        } else {
            EXPECT(!model.there[k]);
        }
        model.there[k] = false;
        break;
    case 9: {
        struct rc_map *copy;
        for (int i = 0; i < ITEMS; i++)
            rc_clear(&item[i]->back);
        EACH_FAILURE_OF(copy, rc_map_copy(real)) {
            EXPECT_PTR(NULL, copy);
            expect_as_model();
        }
        rc_release(real);
        real = copy;
        break;
    }
    case 10:
        DO(rc_map_shrink(real));
        break;
    case 11:
        DO(rc_map_reserve(real, chance(100)));
        break;
    case 12:
        if (chance(5) == 0) {
            DO(rc_map_remove_if(real, is_below, &id, NULL));
            for (int i = 0; i < id; i++)
                model.there[i] = false;
        }
        break;
    case 13:
        if (chance(20) == 0) {
            fail_allocation(chance(2), true);
            rc_map_clear(real);
            fail_allocation(0, false);
            memset(model.there, 0, sizeof model.there);
        }
        break;
    case 14:
        if (chance(3) == 0)
            put_all();
        break;
    case 15:
        rows();
        break;
    }
}

// The map has a handle in `real`, and a link from an item that it links to, perhaps: cycles. At times the handle is
// moved into a holder and out again, so that the collector has a suspect to look at.
static void random_operations(uint32_t with_seed, size_t operations) {
    struct rc_heap *heap = scarce_enter();
    seed = with_seed;
    memset(&model, 0, sizeof model);
    real = rc_map_new(key_element, value_element);
    items_new(item, ITEMS, NULL);
    items_new(key_item, KEYS, NULL);
    for (int k = 0; k < KEYS; k++)
        REQUIRE((string[k] = rc_string_format("%d", k)));
    for (size_t n = 0; n < operations; n++) {
        test_note("key %s, value %s, seed %u, operation %zu", key_element->name, value_element->name, with_seed, n);
        rc_set(&item[n % ITEMS]->back, chance(2) ? real : NULL);
        struct holder *way = NULL;
        if (chance(2)) {
            way = holder_of(real);
            stir(way);
        }
        for (uint32_t units = chance(5); units; units--)
            rc_collect_step(0);
        if (way) {
            real = rc_take_slot(&way->held);
            rc_release(way);
        }
        one_operation();
        expect_as_model();
    }
    items_release(item, ITEMS);
    memset(item, 0, sizeof item);
    rc_collect();
    expect_as_model();
    rc_release(real);
    for (int k = 0; k < KEYS; k++)
        rc_release(string[k]);
    items_release(key_item, KEYS);
    rc_collect();
    EXPECT_EQ(0, items_alive);
    EXPECT_EQ(0, resources_open);
    scarce_leave(heap);
}

static void random_operations_with_keys(const struct rc_element *element) {
    key_element = element;
    const struct rc_element *values[] = {&rc_link_element, &wire_element};
    for (int v = 0; v < 2; v++) {
        value_element = values[v];
        for (uint32_t s = 1; s <= scaled(10); s++)
            random_operations(s, 500);
    }
}

TEST(random_operations_with_small_keys, .limit = 60) { random_operations_with_keys(&rc_int_element); }
TEST(random_operations_with_number_keys, .limit = 60) { random_operations_with_keys(&rc_int64_element); }
TEST(random_operations_with_struct_keys, .limit = 60) { random_operations_with_keys(&point_element); }
TEST(random_operations_with_string_keys, .limit = 60) { random_operations_with_keys(&rc_string_element); }
TEST(random_operations_with_object_keys, .limit = 60) { random_operations_with_keys(&rc_link_element); }
TEST(random_operations_with_users_keys, .limit = 60) { random_operations_with_keys(&wire_element); }

// ---- copies that fail

static void fail_next(void) {
    copies_fail = true; // this one was made
}

//   a map from wires to wires: the copy of the key fails, or that of the value, after the key's
TEST(put_whose_copy_fails_changes_nothing) {
    struct rc_map *m = rc_map_new(&wire_element, &wire_element);
    struct item *a = item_new(1), *b = item_new(2);
    struct wire key = wire_of(a, b), value = wire_of(b, a);
    int before = resources_open;
    copies_fail = true;
    EXPECT(!rc_map_put(m, &key, &value));
    copies_fail = false;
    on_wire_copy = fail_next;
    EXPECT(!rc_map_put(m, &key, &value));
    copies_fail = false;
    on_wire_copy = NULL;
    EXPECT_EQ(0, rc_map_size(m));
    EXPECT_EQ(before, resources_open);
    EXPECT_EQ(0, rc_links(a));
    EXPECT(rc_map_put(m, &key, &value));
    EXPECT_EQ(1, rc_map_size(m));
    copies_fail = true;
    EXPECT_PTR(NULL, rc_map_copy(m)); // the key of the first entry
    copies_fail = false;
    on_wire_copy = fail_next;
    EXPECT_PTR(NULL, rc_map_copy(m)); // its value
    copies_fail = false;
    on_wire_copy = NULL;
    EXPECT_EQ(1, rc_map_size(m));
    rc_release(m);
    EXPECT_EQ(before, resources_open);
    wire_close(&key);
    wire_close(&value);
    rc_release(a);
    rc_release(b);
    EXPECT_EQ(0, items_alive);
}

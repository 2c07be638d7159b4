// SPDX-License-Identifier: MIT
// Containers that are given something else than they ask for, which C does not notice: another kind of container, or a pointer
// where the address of one is needed. Checked builds look at each of them, others where that costs nothing. (What a container
// itself refuses: the suite of that container.)
#include "rc/object.h"
#include "tests/faults.h"
#include "tests/harness.h"

#ifdef RC_CHECK
#define EXPECT_REFUSED(kind, by, ...) (errno = 0, (void)(__VA_ARGS__), EXPECT_FAULT(kind, by), EXPECT_EQ(EINVAL, errno))

struct kinds {
    void *array, *list, *map, *set, *box, *weak_map, *string;
};

static struct kinds make_kinds(void) {
    return (struct kinds){.array = rc_array_new(&rc_link_element),
                          .list = rc_list_new(&rc_int_element),
                          .map = rc_map_new(&rc_string_element, &rc_link_element),
                          .set = rc_set_new(&rc_int64_element),
                          .box = rc_box_new(&rc_int_element, &(int){1}),
                          .weak_map = rc_weak_map_new(),
                          .string = rc_string_new("text")};
}

static void release_kinds(const struct kinds *k) {
    void *const all[] = {k->array, k->list, k->map, k->set, k->box, k->weak_map, k->string};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        rc_release(all[i]);
}

TEST(container_of_another_kind_is_named_with_the_call) {
    faults_begin();
    struct kinds k = make_kinds();
    rc_array_push(k.map, NULL);
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_array_push");
    EXPECT_PTR(k.map, last_fault()->object);
    EXPECT_STR("rc_map", last_fault()->type);
    EXPECT_HAS("rc_array_push: rc_map 0x", last_fault()->message);
    EXPECT_HAS("(alive, 1 handle, 0 links) is no rc_array", last_fault()->message);
    release_kinds(&k);
}

TEST(container_of_another_kind_is_refused_by_each_kind) {
    faults_begin();
    struct kinds k = make_kinds();
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_array_push", rc_array_push(k.list, k.box));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_array_push_value", rc_array_push_value(k.string, &k.box));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_array_remove", rc_array_remove(k.set, 0));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_array_pop", (void)!rc_array_pop(k.weak_map));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_array_find", rc_array_find(k.map, k.box));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_list_push_back", rc_list_push_back(k.array, k.box));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_list_first", rc_list_first(k.map));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_map_get_int", rc_map_get_int(k.set, 1));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_map_set_int", rc_map_set_int(k.array, 1, k.box));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_map_get_text", rc_map_get_text(k.set, "a"));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_map_set_text", rc_map_set_text(k.list, "a", k.box));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_map_get", rc_map_get(k.weak_map, &k.string));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_map_keys", (void)!rc_map_keys(k.set));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_set_add", rc_set_add(k.map, &k.string));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_set_has", rc_set_has(k.array, &k.string));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_box_value", rc_box_value(k.set));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_box_close", rc_box_close(k.array));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_weak_map_put", rc_weak_map_put(k.map, k.box, k.box));
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_string_interned", (void)!rc_string_interned(k.box));
    release_kinds(&k);
}

// Each of [k] that is not the one of the right kind.
#define EACH_WRONG(wrong, right)                                                                                       \
    for (void **at = (void **)&k, *wrong; at < (void **)(&k + 1); at++)                                                \
        if ((wrong = *at) != (right))
#define EXPECT_WRONG(by, ...) EXPECT_REFUSED(RC_FAULT_TYPE, by, __VA_ARGS__), EXPECT_PTR(wrong, last_fault()->object)

// Reading one is a call like any other, in line or not; what it returns is as of NULL.
TEST(container_of_another_kind_is_not_read) {
    faults_begin();
    struct kinds k = make_kinds();
    struct rc_string *s = k.string;
    rc_list_insert_value(k.list, RC_LIST_NONE, &(int){1});
    EACH_WRONG(wrong, k.array) {
        EXPECT_WRONG("rc_array_size", EXPECT_EQ(0, rc_array_size(wrong)));
        EXPECT_WRONG("rc_array_at", EXPECT_PTR(NULL, rc_array_at(wrong, 0)));
        EXPECT_WRONG("rc_array_data", EXPECT_PTR(NULL, rc_array_data(wrong)));
        EXPECT_WRONG("rc_array_get", EXPECT_PTR(NULL, rc_array_get(wrong, 0)));
        EXPECT_WRONG("rc_array_last", EXPECT_PTR(NULL, rc_array_last(wrong)));
        struct rc_array_iter it;
        EXPECT_WRONG("rc_array_iter", it = rc_array_iter(wrong));
        EXPECT_EQ(RC_ITER_END, rc_array_next(&it));
        it.array = wrong;
        EXPECT_WRONG("rc_array_next", EXPECT_EQ(RC_ITER_END, rc_array_next(&it)));
        EXPECT_WRONG("rc_array_pop", (void)!rc_array_pop(wrong));
        EXPECT_WRONG("rc_array_push_value", rc_array_push_value(wrong, &it));
        EXPECT_WRONG("rc_array_pop_value", rc_array_pop_value(wrong, &it));
        EXPECT_WRONG("rc_array_push_give", rc_array_push_give(wrong, &it));
        EXPECT_WRONG("rc_array_push_values", rc_array_push_values(wrong, &it, 1));
    }
    EACH_WRONG(wrong, k.list) {
        EXPECT_WRONG("rc_list_size", EXPECT_EQ(0, rc_list_size(wrong)));
        struct rc_list_pos pos = {1, 1};
        EXPECT_WRONG("rc_list_at", EXPECT_PTR(NULL, rc_list_at(wrong, pos)));
        EXPECT_WRONG("rc_list_get", EXPECT_PTR(NULL, rc_list_get(wrong, pos)));
        struct rc_list_iter it;
        EXPECT_WRONG("rc_list_iter", it = rc_list_iter(wrong));
        EXPECT_EQ(RC_ITER_END, rc_list_step(&it));
        it = rc_list_iter(k.list);
        EXPECT_EQ(RC_ITER_ITEM, rc_list_step(&it)); // the next step needs no call
        it.list = wrong;
        EXPECT_WRONG("rc_list_step", EXPECT_EQ(RC_ITER_END, rc_list_step(&it)));
    }
    EACH_WRONG(wrong, k.map) {
        EXPECT_WRONG("rc_map_size", EXPECT_EQ(0, rc_map_size(wrong)));
        struct rc_map_iter it;
        EXPECT_WRONG("rc_map_iter", it = rc_map_iter(wrong));
        EXPECT_EQ(RC_ITER_END, rc_map_next(&it));
        it.map = wrong;
        EXPECT_WRONG("rc_map_next", EXPECT_EQ(RC_ITER_END, rc_map_next(&it)));
    }
    EACH_WRONG(wrong, k.set) {
        EXPECT_WRONG("rc_set_size", EXPECT_EQ(0, rc_set_size(wrong)));
        struct rc_set_iter it;
        EXPECT_WRONG("rc_set_iter", it = rc_set_iter(wrong));
        EXPECT_EQ(RC_ITER_END, rc_set_next(&it));
        it.set = wrong;
        EXPECT_WRONG("rc_set_next", EXPECT_EQ(RC_ITER_END, rc_set_next(&it)));
    }
    EACH_WRONG(wrong, k.weak_map)
        EXPECT_WRONG("rc_weak_map_size", EXPECT_EQ(0, rc_weak_map_size(wrong)));
    EACH_WRONG(wrong, k.string) {
        EXPECT_WRONG("rc_string_text", EXPECT_STR("", rc_string_text(wrong)));
        EXPECT_WRONG("rc_string_length", EXPECT_EQ(0, rc_string_length(wrong)));
        EXPECT_WRONG("rc_string_hash", EXPECT_EQ(0, rc_string_hash(wrong)));
        EXPECT_WRONG("rc_string_equal", EXPECT(!rc_string_equal(wrong, s)));
        EXPECT_WRONG("rc_string_equal", EXPECT(!rc_string_equal(s, wrong)));
        EXPECT_WRONG("rc_string_compare", rc_string_compare(wrong, s));
        EXPECT_WRONG("rc_string_compare", rc_string_compare(s, wrong));
        EXPECT_WRONG("rc_string_find", EXPECT_EQ(RC_NOT_FOUND, rc_string_find(wrong, 0, s)));
        EXPECT_WRONG("rc_string_find", EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 0, wrong)));
        EXPECT_WRONG("rc_string_join", (void)!rc_string_join(wrong, s));
        EXPECT_WRONG("rc_string_join", (void)!rc_string_join(s, wrong));
        EXPECT_WRONG("rc_string_slice", (void)!rc_string_slice(wrong, 0, 0));
    }
    release_kinds(&k);
}

// One that an iteration outlives, too.
TEST(container_whose_memory_is_freed_is_not_read) {
    faults_begin();
    struct kinds k = make_kinds();
    struct rc_array_iter a = rc_array_iter(k.array);
    struct rc_list_iter l = rc_list_iter(k.list);
    struct rc_map_iter m = rc_map_iter(k.map);
    struct rc_set_iter s = rc_set_iter(k.set);
    release_kinds(&k);
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_array_next", EXPECT_EQ(RC_ITER_END, rc_array_next(&a)));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_list_step", EXPECT_EQ(RC_ITER_END, rc_list_step(&l)));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_map_next", EXPECT_EQ(RC_ITER_END, rc_map_next(&m)));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_set_next", EXPECT_EQ(RC_ITER_END, rc_set_next(&s)));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_array_size", EXPECT_EQ(0, rc_array_size(k.array)));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_string_text", EXPECT_STR("", rc_string_text(k.string)));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_weak_map_size", EXPECT_EQ(0, rc_weak_map_size(k.weak_map)));
}

// A destructor may read its neighbours, as long as it has their memory; and any thread those that it holds.
static size_t sizes_seen;
struct reader {
    struct reader *self;
    struct rc_array *array;
    struct rc_string *string;
};
static void reader_destroy(void *obj) {
    struct reader *r = obj;
    struct rc_array_iter it = rc_array_iter(r->array);
    while (rc_array_next(&it))
        sizes_seen += rc_array_size(r->array) + rc_string_length(r->string) + (rc_string_text(r->string)[0] == 't');
}
RC_TYPE(reader, struct reader, .destroy = reader_destroy,
        .slots = RC_SLOTS(RC_LINK(struct reader, self), RC_LINK(struct reader, array), RC_LINK(struct reader, string)));

TEST(dead_container_may_be_read_by_its_neighbours) {
    faults_begin();
    struct reader *r = rc_new(&reader_type);
    rc_set(&r->self, r);
    rc_give(&r->array, rc_array_new(&rc_link_element));
    rc_give(&r->string, rc_string_new("text"));
    EXPECT(rc_array_push(r->array, r));
    rc_release(r);
    EXPECT_EQ(3, rc_collect());
    EXPECT_EQ(1 + 4 + 1, sizes_seen);
    EXPECT_NO_FAULT();
}

TEST(what_is_no_object_is_no_container) {
    faults_begin();
    struct kinds k = make_kinds();
    struct {
        struct rc__header header;
        struct rc_array array;
    } forged, *in_heap = malloc(sizeof forged);
    forged.header = *RC__HEADER(k.array);
    forged.array = *(struct rc_array *)k.array;
    *in_heap = forged;
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_array_push", rc_array_push(&forged.array, NULL));
    EXPECT_HAS("is no object, or one whose memory is freed", last_fault()->message);
    EXPECT_PTR(NULL, last_fault()->object);
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_array_find", rc_array_find(&in_heap->array, NULL));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_weak_map_put", rc_weak_map_put(k.weak_map, &forged.array, k.box));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_map_get_int", rc_map_get_int((void *)((char *)k.map + 16), 1)); // in an object
    EXPECT_PTR(NULL, last_fault()->object);
    free(in_heap);
    release_kinds(&k);
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_array_push", rc_array_push(k.array, NULL));
    EXPECT_REFUSED(RC_FAULT_DEAD, "rc_box_value", rc_box_value(k.box));
}

struct named {
    struct rc_array array;
    int name;
};
static const struct rc_type named_type = {"named", sizeof(struct named), .base = &rc_array_type};

TEST(type_that_extends_an_array_is_one) {
    faults_begin();
    struct named *named = rc_new(&named_type);
    EXPECT(rc_array_init(&named->array, &rc_link_element));
    EXPECT(rc_array_push(&named->array, NULL));
    EXPECT_NO_FAULT();
    EXPECT_REFUSED(RC_FAULT_TYPE, "rc_list_push_back", rc_list_push_back((void *)named, NULL));
    rc_release(named);
}
#endif

// What a program that is compiled with -DRC_CHECK asks, of a library that is not, too.
TEST(any_library_says_of_an_object_whether_a_call_is_for_it) {
    faults_begin();
    struct rc_array *array = rc_array_new(&rc_link_element);
    EXPECT(rc__fits(array, "rc_array_size"));
    EXPECT_NO_FAULT();
    errno = 0;
    EXPECT(!rc__fits(array, "rc_map_size"));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_map_size");
    EXPECT_EQ(EINVAL, errno);
    EXPECT_PTR(array, last_fault()->object);
    rc_release(array);
}

// The container is there, and what a call needs beside it is not: the message does not blame the container.
#define EXPECT_NOT_GIVEN(by, ...)                                                                                      \
    (errno = 0, (void)(__VA_ARGS__), EXPECT_FAULT(RC_FAULT_NULL, by), EXPECT_EQ(EINVAL, errno),                        \
     EXPECT_STR(by ": the address of a key or value, or the function to be called, is NULL", last_fault()->message))

TEST(null_where_a_value_or_a_function_is_needed_is_told_from_no_container) {
    faults_begin();
    int number = 1;
    struct rc_array *array = rc_array_new(&rc_int_element);
    struct rc_list *list = rc_list_new(&rc_int_element);
    struct rc_map *map = rc_map_new(&rc_int_element, &rc_int_element);
    struct rc_set *set = rc_set_new(&rc_int_element);
    struct rc_box *box = rc_box_new(&rc_int_element, &number);
    rc_array_push_value(array, &number);
    struct rc_list_pos pos = rc_list_insert_value(list, RC_LIST_NONE, &number);
    rc_map_put(map, &number, &number);
    rc_set_add(set, &number);
    EXPECT_NO_FAULT();
    EXPECT_NOT_GIVEN("rc_array_insert_value", rc_array_push_value(array, NULL));
    EXPECT_NOT_GIVEN("rc_array_insert_give", rc_array_push_give(array, NULL));
    EXPECT_NOT_GIVEN("rc_array_insert_values", rc_array_push_values(array, NULL, 1));
    EXPECT_NOT_GIVEN("rc_array_set_value", rc_array_set_value(array, 0, NULL));
    EXPECT_NOT_GIVEN("rc_array_take_value", rc_array_take_value(array, 0, NULL));
    EXPECT_NOT_GIVEN("rc_array_search", rc_array_search(array, NULL, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_array_find_value", rc_array_find_value(array, 0, NULL));
    EXPECT_NOT_GIVEN("rc_array_find_if", rc_array_find_if(array, 0, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_array_remove_if", rc_array_remove_if(array, NULL, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_array_sort_with", rc_array_sort_with(array, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_list_insert_value", rc_list_insert_value(list, RC_LIST_NONE, NULL));
    EXPECT_NOT_GIVEN("rc_list_insert_give", rc_list_insert_give(list, RC_LIST_NONE, NULL));
    EXPECT_NOT_GIVEN("rc_list_set_value", rc_list_set_value(list, pos, NULL));
    EXPECT_NOT_GIVEN("rc_list_take_value", rc_list_take_value(list, pos, NULL));
    EXPECT_NOT_GIVEN("rc_list_find_value", rc_list_find_value(list, RC_LIST_NONE, NULL));
    EXPECT_NOT_GIVEN("rc_list_find_if", rc_list_find_if(list, RC_LIST_NONE, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_list_remove_if", rc_list_remove_if(list, NULL, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_list_sort_with", rc_list_sort_with(list, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_map_find", (void)!rc_map_find(map, NULL));
    EXPECT_NOT_GIVEN("rc_map_put", rc_map_put(map, &number, NULL));
    EXPECT_NOT_GIVEN("rc_map_take", rc_map_take(map, &number, NULL));
    EXPECT_NOT_GIVEN("rc_map_take_entry", rc_map_take_entry(map, &number, NULL, &number));
    EXPECT_NOT_GIVEN("rc_map_take_entry", rc_map_take_entry(map, &number, &number, NULL));
    EXPECT_NOT_GIVEN("rc_map_remove_if", rc_map_remove_if(map, NULL, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_set_add", rc_set_add(set, NULL));
    EXPECT_NOT_GIVEN("rc_set_take", rc_set_take(set, &number, NULL));
    EXPECT_NOT_GIVEN("rc_set_remove_if", rc_set_remove_if(set, NULL, NULL, NULL));
    EXPECT_NOT_GIVEN("rc_box_take", rc_box_take(box, NULL));
    EXPECT_EQ(1, rc_array_size(array) * rc_list_size(list) * rc_map_size(map) * rc_set_size(set));
    void *const all[] = {array, list, map, set, box};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        rc_release(all[i]);
}

static bool set_is_asked(const void *key, const void *value, void *arg) {
    (void)key, (void)value;
    EXPECT(!rc_set_add(arg, &(int64_t){2}));
    return false;
}

// A map is a set's like, so this works in any build.
TEST(container_that_is_busy_and_of_another_kind_is_refused_for_the_latter) {
    faults_begin();
    struct rc_map *map = rc_map_new(&rc_int64_element, &rc_link_element);
    EXPECT(rc_map_set_int(map, 1, NULL));
    EXPECT(rc_map_remove_if(map, set_is_asked, map, NULL));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_set_add");
    EXPECT_HAS("is no rc_set", last_fault()->message);
    EXPECT_EQ(1, rc_map_size(map));
    rc_release(map);
}

// ---- keys that are strings

static struct rc_map *by_name;
static struct rc_set *names;

static struct rc_string *begin_with_names(void) {
    faults_begin();
    by_name = rc_map_new(&rc_string_element, &rc_link_element);
    names = rc_set_new(&rc_string_element);
    return rc_string_new("name");
}

static void end_with_names(struct rc_string *name) {
    EXPECT_EQ(0, rc_map_size(by_name) + rc_set_size(names));
    rc_release(name);
    rc_release(names);
    rc_release(by_name);
}

#define EXPECT_NO_KEY(by, ...) (errno = 0, EXPECT(!(__VA_ARGS__)), EXPECT_FAULT(RC_FAULT_TYPE, by), EXPECT_EQ(EINVAL, errno))

TEST(string_given_instead_of_its_address_is_no_key) {
    struct rc_string *name = begin_with_names(), *found[2];
    EXPECT_NO_KEY("rc_map_set", rc_map_set(by_name, name, name));
    EXPECT_PTR(by_name, last_fault()->object);
    EXPECT_HAS("rc_map_set: rc_map 0x", last_fault()->message);
    EXPECT_HAS("give the address of the key, or use rc_map_set_text", last_fault()->message);
    EXPECT_NO_KEY("rc_map_get", rc_map_get(by_name, name));
    EXPECT_HAS("or use rc_map_get_text", last_fault()->message);
    EXPECT_NO_KEY("rc_map_has", rc_map_has(by_name, name));
    EXPECT_NO_KEY("rc_map_remove", rc_map_remove(by_name, name));
    EXPECT_NO_KEY("rc_map_take", rc_map_take(by_name, name, found));
    EXPECT(!strstr(last_fault()->message, "_text"));
    EXPECT_NO_KEY("rc_map_put", rc_map_put(by_name, name, &name));
    EXPECT_NO_KEY("rc_map_put_give", rc_map_put_give(by_name, name, &name));
    EXPECT_NO_KEY("rc_map_ensure", rc_map_ensure(by_name, name));
    EXPECT_NO_KEY("rc_set_add", rc_set_add(names, name));
    EXPECT_HAS("rc_set_add: rc_set 0x", last_fault()->message);
    EXPECT_NO_KEY("rc_set_has", rc_set_has(names, name));
    EXPECT_NO_KEY("rc_set_remove", rc_set_remove(names, name));
    end_with_names(name);
}

// Lengths that are aligned as objects are.
TEST(string_of_any_length_is_no_address_of_one) {
    struct rc_string *name = begin_with_names();
    for (int length = 16; length < 4096; length += 16) {
        char text[4096] = "";
        struct rc_string *string = rc_string_new_bytes(text, (size_t)length);
        EXPECT_NO_KEY("rc_map_get", rc_map_get(by_name, string));
        rc_release(string);
    }
    end_with_names(name);
}

TEST(text_is_no_key) {
    struct rc_string *name = begin_with_names();
    EXPECT_NO_KEY("rc_map_set", rc_map_set(by_name, "first name", name));
    EXPECT_NO_KEY("rc_set_add", rc_set_add(names, "last name"));
    end_with_names(name);
}

TEST(object_that_is_no_string_is_no_key) {
    struct rc_string *name = begin_with_names();
    EXPECT_NO_KEY("rc_map_set", rc_map_set(by_name, &by_name, name));
    EXPECT_NO_KEY("rc_set_has", rc_set_has(names, &names));
    end_with_names(name);
}

static const struct rc_type word_type = {"word", sizeof(struct rc_string) + 16, .base = &rc_string_type};

TEST(string_of_a_type_that_extends_it_and_null_can_be_asked_for) {
    struct rc_string *name = begin_with_names(), *none = NULL, *word = rc_new(&word_type);
    EXPECT(!rc_map_has(by_name, &none));
    EXPECT(!rc_map_has(by_name, &word));
    EXPECT_NO_FAULT();
    EXPECT(rc_map_set(by_name, &word, name));
    EXPECT_PTR(name, rc_map_get(by_name, &word));
    EXPECT(rc_map_remove(by_name, &word));
    EXPECT_NO_FAULT();
    rc_release(word);
    end_with_names(name);
}

#ifdef RC_CHECK
TEST(bytes_that_are_aligned_as_an_object_are_no_key) {
    struct rc_string *name = begin_with_names(), *gone = rc_string_new("gone");
    EXPECT_NO_KEY("rc_map_get", rc_map_get(by_name, "property"));
    struct {
        struct rc__header header;
        struct rc_string string;
    } forged = {*RC__HEADER(name), *name};
    const void *copy = &forged.string;
    EXPECT_NO_KEY("rc_map_get", rc_map_get(by_name, &copy));
    rc_release(gone);
    EXPECT_NO_KEY("rc_map_get", rc_map_get(by_name, &gone));
    end_with_names(name);
}
#endif

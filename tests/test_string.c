// SPDX-License-Identifier: MIT
// rc_string: texts, comparing, interning, bad input.
#include "tests/faults.h"
#include "tests/guards.h"
#include "tests/harness.h"
#include "tests/scarce.h"
#include <pthread.h>
#include <refcyc/string.h>

TEST(string_has_its_text_and_a_nul) {
    struct rc_string *s = rc_string_new("hello"), *bytes = rc_string_new_bytes("a\0b", 3), *empty = rc_string_new("");
    EXPECT_STR("hello", rc_string_text(s));
    EXPECT_EQ(5, rc_string_length(s));
    EXPECT_EQ(3, rc_string_length(bytes));
    EXPECT_EQ(0, memcmp(rc_string_text(bytes), "a\0b", 4));
    EXPECT_EQ(0, rc_string_length(empty));
    EXPECT_STR("", rc_string_text(empty));
    EXPECT_STR("", rc_string_text(NULL));
    EXPECT_EQ(0, rc_string_length(NULL));
    rc_release(s);
    rc_release(bytes);
    rc_release(empty);
    EXPECT_EQ(0, stats().objects);
    EXPECT_EQ(0, stats().suspects);
}

TEST(strings_are_made_of_others) {
    struct rc_string *s = rc_string_format("%d-%s", 42, "answer"), *t = rc_string_slice(s, 3, SIZE_MAX);
    EXPECT_STR("42-answer", rc_string_text(s));
    EXPECT_STR("answer", rc_string_text(t));
    struct rc_string *j = rc_string_join(t, s), *k = rc_string_join(NULL, t), *e = rc_string_slice(s, 9, 0);
    EXPECT_STR("answer42-answer", rc_string_text(j));
    EXPECT_STR("answer", rc_string_text(k));
    EXPECT_STR("", rc_string_text(e));
    EXPECT_EQ(0, rc_string_find(j, 0, t));
    EXPECT_EQ(9, rc_string_find(j, 1, t));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(j, 10, t));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(t, 0, j));
    EXPECT_EQ(15, rc_string_find(j, 15, e));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(j, 16, e));
    struct rc_string *zero = rc_string_new_bytes("r\0", 2); // as there is behind the end
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(j, 0, zero));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(j, 2, zero));
    rc_release(zero);
    rc_release(s);
    rc_release(t);
    rc_release(j);
    rc_release(k);
    rc_release(e);
}

TEST(search_meets_beginnings_that_go_wrong) {
    struct rc_string *s = rc_string_new("aaabaaab"), *p = rc_string_new("aab"), *q = rc_string_new("bb");
    EXPECT_EQ(1, rc_string_find(s, 0, p));
    EXPECT_EQ(5, rc_string_find(s, 2, p));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 6, p));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 0, q));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(NULL, 0, q));
    rc_release(s);
    rc_release(p);
    rc_release(q);
}

TEST(order_is_by_bytes) {
    const char *in_order[] = {"", "a", "aa", "ab", "b", "\x80"};
    enum { N = sizeof in_order / sizeof *in_order };
    struct rc_string *s[N];
    for (int i = 0; i < N; i++)
        s[i] = rc_string_new(in_order[i]);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            int order = rc_string_compare(s[i], s[k]);
            EXPECT_EQ((i > k) - (i < k), (order > 0) - (order < 0));
            EXPECT_EQ(i == k, rc_string_equal(s[i], s[k]));
        }
    EXPECT(rc_string_compare(NULL, s[0]) < 0);
    EXPECT_EQ(0, rc_string_compare(NULL, NULL));
    EXPECT(rc_string_equal(NULL, NULL));
    EXPECT(!rc_string_equal(NULL, s[0]));
    for (int i = 0; i < N; i++)
        rc_release(s[i]);
}

TEST(equal_are_those_that_have_all_bytes_alike) {
    char text[100] = "";
    for (size_t n = 0; n < sizeof text; n++) {
        struct rc_string *a = rc_string_new_bytes(text, n), *b = rc_string_new_bytes(text, n);
        EXPECT(rc_string_equal(a, b));
        rc_release(b);
        for (size_t i = 0; i < n; i++) {
            text[i] = 1;
            b = rc_string_new_bytes(text, n);
            EXPECT(!rc_string_equal(a, b));
            rc_release(b);
            text[i] = 0;
        }
        rc_release(a);
    }
}

TEST(hash_is_of_the_text) {
    for (size_t n = 0; n < 40; n++) {
        char text[41];
        memset(text, 'x', sizeof text);
        struct rc_string *a = rc_string_new_bytes(text, n), *b = rc_string_new_bytes(text, n);
        EXPECT_EQ(rc_string_hash(a), rc_string_hash(b));
        struct rc_string *c = rc_string_new_bytes(text, n + 1);
        EXPECT(rc_string_hash(a) != rc_string_hash(c));
        rc_release(a);
        rc_release(b);
        rc_release(c);
    }
}

// A look-up in a table tells entries apart by the lower 8 bits of their hashes, and finds the bucket by the upper ones.
TEST(texts_that_differ_at_the_end_have_hashes_that_differ_at_both_ends) {
    enum { TEXTS = 512 };
    for (int before = 0; before < 20; before++) {
        bool low[256] = {false}, high[256] = {false};
        int lows = 0, highs = 0;
        for (int i = 0; i < TEXTS; i++) {
            struct rc_string *s = rc_string_format("%.*s%03d", before, "the names of a family", i);
            uint32_t hash = rc_string_hash(s);
            rc_release(s);
            lows += !low[hash & 255];
            low[hash & 255] = true;
            highs += !high[hash >> 23 & 255];
            high[hash >> 23 & 255] = true;
        }
        test_note("%d bytes before", before);
        EXPECT(lows > 192); // of hashes that are random, 222
        EXPECT(highs > 192);
    }
}

TEST(no_byte_before_or_behind_a_text_is_read) {
    char *page = bytes_between_guards();
    for (size_t n = 0; n <= 72; n++)
        for (int end = 0; end < 2; end++) {
            char *text = end ? page + GUARDED - n : page;
            memset(text, 'x', n);
            struct rc_string *a = rc_string_new_bytes(text, n), *b = rc_string_intern_bytes(text, n);
            EXPECT(rc_string_equal(a, b));
            struct rc_string *again = rc_string_intern_bytes(text, n);
            EXPECT_PTR(b, again);
            rc_release(a);
            rc_release(b);
            rc_release(again);
        }
}

// ---- interning

TEST(interned_texts_are_one_object) {
    struct rc_string *a = rc_string_intern("name"), *b = rc_string_intern_bytes("name!", 4);
    EXPECT_PTR(a, b);
    EXPECT_EQ(2, rc_handles(a));
    struct rc_string *other = rc_string_new("name"), *c = rc_string_interned(other);
    EXPECT_PTR(a, c);
    EXPECT(other != c);
    rc_release(a);
    rc_release(b);
    rc_release(c);
    EXPECT_EQ(1, stats().objects); // interning keeps nothing alive
    c = rc_string_interned(other);
    EXPECT_PTR(other, c); // now it is the one
    a = rc_string_intern("name");
    EXPECT_PTR(other, a);
    rc_release(a);
    rc_release(c);
    rc_release(other);
    EXPECT_EQ(0, stats().objects);
}

// As many as a read has returned that failed. Nothing is read for it.
TEST(text_of_less_than_no_bytes_is_too_long) {
    EXPECT_PTR(NULL, rc_string_new_bytes("x", (size_t)-1));
    EXPECT_EQ(ENOMEM, errno);
    errno = 0;
    EXPECT_PTR(NULL, rc_string_intern_bytes("x", (size_t)-1));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT_EQ(0, stats().objects);
}

TEST(many_interned_strings_come_and_go) {
    enum { N = 2000 };
    static struct rc_string *s[N];
    for (int round = 0; round < 5; round++) {
        for (int i = round % 2; i < N; i += 1 + round % 3) {
            char text[16];
            sprintf(text, "%d", i);
            struct rc_string *got = rc_string_intern(text);
            EXPECT(!s[i] || s[i] == got);
            EXPECT_STR(text, rc_string_text(got));
            if (s[i])
                rc_release(got);
            else
                s[i] = got;
        }
        for (int i = 0; i < N; i += 2 + round) {
            rc_release(s[i]);
            s[i] = NULL;
        }
    }
    for (int i = 0; i < N; i++)
        rc_release(s[i]);
    EXPECT_EQ(0, stats().objects);
}

static int finalized;
static void count_finalized(void *obj) {
    (void)obj;
    finalized++;
}

// Such a one has the whole death of an object, interned or not.
TEST(type_that_extends_strings_may_be_interned_and_finalized) {
    static const struct rc_type name_type = {
        "name", sizeof(struct rc_string) + 8, .base = &rc_string_type, .finalize = count_finalized, .acyclic = true};
    for (int interned = 0; interned < 2; interned++) {
        finalized = 0;
        struct rc_string *name = rc_new(&name_type);
        if (interned) {
            struct rc_string *same = rc_string_interned(name);
            EXPECT_PTR(name, same);
            rc_release(same);
        }
        rc_release(name);
        EXPECT_EQ(1, finalized);
        EXPECT_EQ(0, stats().objects);
    }
    struct rc_string *other = rc_string_intern("");
    EXPECT_STR("", rc_string_text(other));
    EXPECT_EQ(1, stats().objects);
    rc_release(other);
}

struct name {
    struct rc_string string;
    char text[8];
};
RC_TYPE(name, struct name, .base = &rc_string_type);

TEST(type_that_extends_strings_has_its_text_behind_the_fields) {
    struct name *name = rc_new(&name_type);
    EXPECT_STR("", rc_string_text(&name->string));
    strcpy(name->text, "width");
    name->string.length = 5;
    struct rc_string *text = rc_string_new("width");
    EXPECT(rc_string_equal(&name->string, text));
    EXPECT_EQ(rc_string_hash(text), rc_string_hash(&name->string));
    struct rc_map *map = rc_map_new(&rc_string_element, &rc_link_element);
    EXPECT(rc_map_set(map, &name, text));
    EXPECT_PTR(text, rc_map_get_text(map, "width"));
    struct rc_string *interned = rc_string_interned(&name->string), *same = rc_string_intern("width");
    EXPECT_PTR(name, interned);
    EXPECT_PTR(name, same);
    void *all[] = {name, text, map, interned, same};
    for (int i = 0; i < 5; i++)
        rc_release(all[i]);
}

static const struct rc_type pair_type = {"pair", 2 * sizeof(void *),
                                         .slots = RC_SLOTS({RC_SLOT_LINK, 0, 2, "both", NULL})};

// A dead one that waits for its destructor is not given out.
TEST(interned_string_that_waits_to_be_destroyed_is_replaced) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    struct rc_string *first = rc_string_intern("first"), *second = rc_string_intern("second");
    void **pair = rc_new(&pair_type);
    rc_give_slot(&pair[0], first);
    rc_give_slot(&pair[1], second);
    rc_release(pair);
    struct rc_string *again = rc_string_intern("first"), *again2 = rc_string_intern("second");
    EXPECT_EQ(1, rc_handles(again));
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT_EQ(2, stats().objects);
    struct rc_string *same = rc_string_intern("first"), *same2 = rc_string_interned(again2);
    EXPECT_PTR(again, same);
    EXPECT_PTR(again2, same2);
    rc_release(again);
    rc_release(again2);
    rc_release(same);
    rc_release(same2);
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(heaps_have_interned_strings_of_their_own) {
    struct rc_string *here = rc_string_intern("x");
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct rc_string *there = rc_string_intern("x");
    EXPECT(here != there);
    EXPECT(rc_string_equal(here, there));
    faults_begin();
    EXPECT_PTR(NULL, rc_string_interned(here));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_string_interned");
    rc_heap_leave(heap);
    EXPECT_EQ(1, rc_heap_free(heap)); // with `there` in it
    rc_release(here);
}

TEST(merged_heaps_have_one_interned_string_of_a_text) {
    struct rc_heap *heap = rc_heap_new(NULL);
    rc_heap_enter(heap);
    struct rc_string *x = rc_string_intern("x"), *y = rc_string_intern("y");
    rc_heap_leave(heap);
    struct rc_string *own = rc_string_intern("x");
    EXPECT(rc_heap_merge(rc_heap_default(), heap));
    struct rc_string *same = rc_string_interned(x), *again = rc_string_intern("y"), *third = rc_string_intern("x");
    EXPECT_PTR(own, same);
    EXPECT_PTR(own, third);
    EXPECT_PTR(y, again);
    rc_release(x);
    rc_release(y);
    rc_release(again);
    rc_release(own);
    rc_release(same);
    EXPECT_STR("x", rc_string_text(third));
    again = rc_string_intern("x");
    EXPECT_PTR(third, again);
    rc_release(again);
    rc_release(third);
}

static void *hash_it(void *string) {
    EXPECT_EQ(rc_string_hash(string), rc_string_hash(string));
    EXPECT_STR("shared", rc_string_text(string));
    rc_release(string);
    return NULL;
}

TEST(strings_are_read_by_any_thread) {
    struct rc_string *s = rc_string_intern("shared");
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, hash_it, rc_retain(s));
    EXPECT(rc_string_hash(s) != 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    rc_release(s);
}

// ---- bad input, and memory

TEST(null_is_a_fault) {
    faults_begin();
    EXPECT_PTR(NULL, rc_string_new(NULL));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_new");
    EXPECT_PTR(NULL, rc_string_new_bytes(NULL, 1));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_new_bytes");
    EXPECT_PTR(NULL, rc_string_intern(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_intern_bytes");
    EXPECT_PTR(NULL, rc_string_interned(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_interned");
    struct rc_string *empty = rc_string_new_bytes(NULL, 0);
    EXPECT_STR("", rc_string_text(empty));
    rc_release(empty);
    EXPECT_NO_FAULT();
}

TEST(ranges_beyond_the_end_are_errors) {
    struct rc_string *s = rc_string_new("abc");
    errno = 0;
    EXPECT_PTR(NULL, rc_string_slice(s, 4, 0));
    EXPECT_EQ(ERANGE, errno);
    EXPECT_PTR(NULL, rc_string_slice(s, 1, 3));
    EXPECT_PTR(NULL, rc_string_slice(s, SIZE_MAX, 1));
    EXPECT_PTR(NULL, rc_string_slice(NULL, 0, 1));
    struct rc_string *empty = rc_string_slice(NULL, 0, SIZE_MAX);
    EXPECT_STR("", rc_string_text(empty));
    rc_release(empty);
    EXPECT_EQ(0, rc_string_length(NULL));
    EXPECT_EQ(0, rc_string_hash(NULL));
    EXPECT_EQ(3, rc_string_find(s, 3, NULL));
    errno = 0;
    EXPECT_PTR(NULL, rc_string_new_bytes("x", SIZE_MAX / 2));
    EXPECT_EQ(ENOMEM, errno);
    rc_release(s);
}

TEST(without_memory_there_is_no_string) {
    struct rc_heap *heap = scarce_enter();
    struct rc_string *s, *t;
    EACH_FAILURE_OF(s, rc_string_intern("a")) {
        EXPECT_PTR(NULL, s);
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(0, stats().objects);
    }
    rc_release(s);
    EACH_FAILURE_OF(s, rc_string_format("%s", "b"))
        EXPECT_PTR(NULL, s);
    for (int i = 0; i < 5; i++)
        (void)rc_string_intern((char[]){(char)('c' + i), 0});
    EACH_FAILURE_OF(t, rc_string_interned(s)) {
        EXPECT_PTR(NULL, t);
        EXPECT_EQ(1, rc_handles(s));
    }
    EXPECT_PTR(s, t);
    rc_release(t);
    rc_release(s);
    fail_allocation(0, false);
    for (int i = 0; i < 5; i++) {
        struct rc_string *again = rc_string_intern((char[]){(char)('c' + i), 0});
        rc_release(again);
        rc_release(again);
    }
    EXPECT_EQ(0, stats().objects);
    scarce_leave(heap);
}

// ---- strings as elements, and no string at all

//   one array whose elements are strings: sorted, found, compared by their texts
TEST(strings_as_elements_are_compared_by_text) {
    const char *const texts[] = {"pear", "apple", "fig", "apple pie"};
    struct rc_array *a = rc_array_new(&rc_string_element);
    for (int i = 0; i < 4; i++) {
        struct rc_string *s = rc_string_new(texts[i]);
        EXPECT(rc_array_push_give(a, &s));
    }
    EXPECT(rc_array_sort(a, NULL));
    EXPECT_STR("apple", rc_string_text(rc_array_get(a, 0)));
    EXPECT_STR("apple pie", rc_string_text(rc_array_get(a, 1)));
    EXPECT_STR("fig", rc_string_text(rc_array_get(a, 2)));
    struct rc_string *fig = rc_string_new("fig"), *none = rc_string_new("date");
    EXPECT_EQ(2, rc_array_find_value(a, 0, &fig));
    EXPECT_EQ(RC_NOT_FOUND, rc_array_find_value(a, 0, &none));
    EXPECT_EQ(rc_string_hash(fig), rc_string_element.hash(&fig));
    EXPECT(rc_string_element.equal(&fig, &fig) && !rc_string_element.equal(&fig, &none));
    rc_release(none);
    rc_release(fig);
    rc_release(a);
}

TEST(no_string_is_less_than_any_and_equal_to_itself) {
    struct rc_string *s = rc_string_new("a"), *longer = rc_string_new("ab"), *empty = rc_string_new("");
    EXPECT_EQ(0, rc_string_compare(NULL, NULL));
    EXPECT_EQ(-1, rc_string_compare(NULL, s));
    EXPECT_EQ(1, rc_string_compare(s, NULL));
    EXPECT_EQ(-1, rc_string_compare(s, longer));
    EXPECT_EQ(1, rc_string_compare(longer, s));
    EXPECT(rc_string_equal(NULL, NULL) && !rc_string_equal(NULL, s));
    EXPECT(!rc_string_equal(s, NULL) && !rc_string_equal(s, longer));
    EXPECT_EQ(0, rc_string_hash(NULL));
    EXPECT_EQ(0, rc_string_length(NULL));
    EXPECT_EQ(0, rc_string_find(s, 0, NULL));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 2, empty));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 1, s));
    EXPECT_EQ(RC_NOT_FOUND, rc_string_find(s, 0, longer));
    struct rc_string *nothing = rc_string_new_bytes(NULL, 0), *same = rc_string_intern_bytes(NULL, 0);
    EXPECT_EQ(0, rc_string_length(nothing));
    EXPECT(rc_string_equal(nothing, same));
    rc_release(same);
    rc_release(nothing);
    rc_release(empty);
    rc_release(longer);
    rc_release(s);
}

TEST(texts_that_are_null_are_faults) {
    faults_begin();
    EXPECT_PTR(NULL, rc_string_new(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_new");
    EXPECT_PTR(NULL, rc_string_new_bytes(NULL, 1));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_new_bytes");
    const char *volatile no_format = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
    EXPECT_PTR(NULL, rc_string_format(no_format));
#pragma GCC diagnostic pop
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_format");
    EXPECT_PTR(NULL, rc_string_intern(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_intern_bytes");
    EXPECT_PTR(NULL, rc_string_interned(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_string_interned");
}

// ---- random operations, beside plain C texts

enum { HELD = 24 };
static struct rc_string *held_string[HELD];
static char held_text[HELD][64];
static uint32_t seed;

static uint32_t chance(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

// Interned strings of one text are one object, others are objects of their own; each has its text.
static void expect_as_held(const bool *interned) {
    for (int i = 0; i < HELD; i++) {
        EXPECT_STR(held_text[i], rc_string_text(held_string[i]));
        for (int k = 0; k < i; k++) {
            bool equal = held_string[i] && held_string[k] && strcmp(held_text[i], held_text[k]) == 0;
            if (held_string[i] && held_string[k])
                EXPECT_EQ(equal, rc_string_equal(held_string[i], held_string[k]));
            if (equal)
                EXPECT_EQ(rc_string_hash(held_string[i]), rc_string_hash(held_string[k]));
            if (interned[i] && interned[k])
                EXPECT_EQ(equal, held_string[i] == held_string[k]);
        }
    }
    if (test_failures())
        test_stop();
}

TEST(random_operations, .limit = 60) {
    for (uint32_t s = 1; s <= scaled(20); s++) {
        struct rc_heap *heap = scarce_enter();
        bool interned[HELD] = {false};
        seed = s;
        for (int n = 0; n < 600; n++) {
            test_note("seed %u, operation %d", s, n);
            int i = (int)chance(HELD), a = (int)chance(HELD), b = (int)chance(HELD);
            const struct rc_string *from = held_string[a];
            char text[64];
            struct rc_string *made = NULL;
            bool intern = false;
            size_t at = chance((uint32_t)strlen(held_text[a]) + 1), length = chance(9);
            switch (chance(6)) {
            case 0: // gone
                *text = 0;
                break;
            case 1:
                snprintf(text, sizeof text, "%.*s%.*s", 20, held_text[a], 20, held_text[b]);
                if (strlen(held_text[a]) > 20 || strlen(held_text[b]) > 20)
                    continue;
                EACH_FAILURE_OF(made, rc_string_join(from, held_string[b]))
                    EXPECT_PTR(NULL, made);
                break;
            case 2:
                if (length > strlen(held_text[a]) - at)
                    length = strlen(held_text[a]) - at;
                snprintf(text, sizeof text, "%.*s", (int)length, held_text[a] + at);
                EACH_FAILURE_OF(made, rc_string_slice(from, at, length))
                    EXPECT_PTR(NULL, made);
                break;
            case 3:
                if (!from)
                    continue;
                snprintf(text, sizeof text, "%.60s", held_text[a]);
                EACH_FAILURE_OF(made, rc_string_interned(held_string[a])) {
                    EXPECT_PTR(NULL, made);
                    expect_as_held(interned);
                }
                interned[a] |= made == from;
                intern = true;
                break;
            default:
                snprintf(text, sizeof text, "%u", chance(30));
                EACH_FAILURE_OF(made, rc_string_intern(text)) {
                    EXPECT_PTR(NULL, made);
                    expect_as_held(interned);
                }
                intern = true;
                break;
            }
            rc_release(held_string[i]);
            held_string[i] = made;
            interned[i] = intern;
            strcpy(held_text[i], text);
            rc_collect_step(0);
            expect_as_held(interned);
        }
        for (int i = 0; i < HELD; i++) {
            rc_release(held_string[i]);
            held_string[i] = NULL;
            *held_text[i] = 0;
        }
        EXPECT_EQ(0, stats().objects);
        scarce_leave(heap);
    }
}

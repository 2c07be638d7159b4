// SPDX-License-Identifier: MIT
// rc_set: members, what two sets do to each other, bad input, and random operations against an array of booleans. What
// sets have in common with maps is tested there.
#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include "tests/steps.h"
#include <refcyc/set.h>
#include <refcyc/string.h>

enum { MEMBERS = 30 };
static struct item *item[MEMBERS];

static struct rc_set *set_of(unsigned bits) {
    struct rc_set *set = rc_set_new(&rc_link_element);
    REQUIRE(set);
    for (int i = 0; i < MEMBERS; i++)
        if (bits >> i & 1)
            EXPECT(rc_set_add(set, &item[i]));
    return set;
}

static unsigned bits_of(struct rc_set *set) {
    unsigned bits = 0;
    struct rc_set_iter it = rc_set_iter(set);
    while (rc_set_next(&it) == RC_ITER_ITEM) {
        int id = item_id(*(struct item *const *)it.member);
        EXPECT(!(bits >> id & 1));
        bits |= 1u << id;
    }
    EXPECT_EQ(rc_set_size(set), __builtin_popcount(bits));
    return bits;
}

TEST(member_is_there_once) {
    items_new(item, MEMBERS, NULL);
    struct rc_set *set = set_of(0);
    EXPECT(rc_set_add(set, &item[1]));
    EXPECT(rc_set_add(set, &item[1]));
    EXPECT_EQ(1, rc_set_size(set));
    EXPECT_EQ(1, rc_links(item[1]));
    EXPECT(rc_set_has(set, &item[1]));
    EXPECT(!rc_set_has(set, &item[2]));
    EXPECT(rc_set_remove(set, &item[1]));
    EXPECT(!rc_set_remove(set, &item[1]));
    EXPECT_EQ(0, rc_links(item[1]));
    rc_release(set);
    items_release(item, MEMBERS);
}

TEST(texts_are_members) {
    struct rc_set *set = rc_set_new(&rc_string_element);
    for (int i = 0; i < 100; i++) {
        struct rc_string *s = rc_string_format("%d", i % 10);
        EXPECT(i % 2 ? rc_set_add(set, &s) : rc_set_add_give(set, &s));
        if (i % 2)
            rc_release(s);
    }
    EXPECT_EQ(10, rc_set_size(set));
    struct rc_string *five = rc_string_new("5"), *taken;
    struct rc_string *const *found = rc_set_find(set, &five);
    EXPECT(found && *found != five && rc_string_equal(*found, five));
    EXPECT(rc_set_take(set, &five, &taken));
    EXPECT_EQ(1, rc_handles(taken));
    EXPECT(!rc_set_take(set, &five, &taken));
    EXPECT_EQ(9, rc_set_size(set));
    rc_release(taken);
    rc_release(five);
    rc_release(set);
}

TEST(values_are_members) {
    items_new(item, MEMBERS, NULL);
    struct rc_set *set = rc_set_new(&wire_element);
    for (int i = 0; i < 2 * MEMBERS; i++) {
        struct wire w = wire_of(item[i % MEMBERS], NULL);
        EXPECT(i % 3 ? rc_set_add(set, &w) : rc_set_add_give(set, &w));
        if (i % 3)
            wire_close(&w);
    }
    EXPECT_EQ(MEMBERS, rc_set_size(set));
    EXPECT_EQ(MEMBERS, resources_open);
    struct rc_set *copy = rc_set_copy(set);
    EXPECT_EQ(2 * MEMBERS, resources_open);
    EXPECT(rc_set_is_within(copy, set) && rc_set_is_within(set, copy));
    copies_fail = true;
    EXPECT_PTR(NULL, rc_set_copy(set));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT_EQ(2 * MEMBERS, resources_open);
    rc_release(copy);
    rc_release(set);
    EXPECT_EQ(0, resources_open);
    items_release(item, MEMBERS);
    rc_collect();
    EXPECT_EQ(0, items_alive);
}

TEST(sets_are_united_and_cut) {
    items_new(item, MEMBERS, NULL);
    struct rc_set *a = set_of(0x0F3), *b = set_of(0x03F);
    EXPECT(rc_set_add_all(a, b));
    EXPECT_EQ(0x0FF, bits_of(a));
    EXPECT(rc_set_is_within(b, a));
    EXPECT(!rc_set_is_within(a, b));
    EXPECT(rc_set_remove_all(a, b));
    EXPECT_EQ(0x0C0, bits_of(a));
    EXPECT(rc_set_add(a, &item[0]));
    EXPECT(rc_set_keep_all(b, a));
    EXPECT_EQ(0x001, bits_of(b));
    EXPECT(rc_set_add_all(a, a));
    EXPECT_EQ(0x0C1, bits_of(a));
    EXPECT(rc_set_keep_all(a, a));
    EXPECT_EQ(0x0C1, bits_of(a));
    EXPECT(rc_set_remove_all(a, a));
    EXPECT_EQ(0, bits_of(a));
    EXPECT(rc_set_is_within(a, b));
    rc_release(a);
    rc_release(b);
    items_release(item, MEMBERS);
    EXPECT_EQ(0, items_alive);
}

TEST(union_without_memory_changes_nothing) {
    struct rc_heap *heap = scarce_enter();
    items_new(item, MEMBERS, NULL);
    struct rc_set *a = set_of(0x3), *b = set_of(0x3FFFFFFE);
    EACH_FAILURE(ok, rc_set_add_all(a, b)) {
        EXPECT(!ok);
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(0x3, bits_of(a));
        EXPECT_EQ(1, rc_links(item[20]));
    }
    EXPECT(ok);
    EXPECT_EQ(0x3FFFFFFF, bits_of(a));
    EXPECT_EQ(2, rc_links(item[20]));
    rc_release(a);
    rc_release(b);
    items_release(item, MEMBERS);
    EXPECT_EQ(0, items_alive);
    scarce_leave(heap);
}

TEST(bad_input_is_an_error_or_a_fault) {
    items_new(item, MEMBERS, NULL);
    struct rc_set *set = set_of(1), *numbers = rc_set_new(&rc_int_element);
    faults_begin();
    EXPECT(!rc_set_add(set, &(void *){NULL}));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_add");
    EXPECT(!rc_set_add(set, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_add");
    EXPECT(!rc_set_add(NULL, &item[0]));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_add");
    EXPECT(!rc_set_has(NULL, &item[0]));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_has");
    EXPECT(!rc_set_take(set, &item[0], NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_take");
    EXPECT(!rc_set_add_all(set, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_add_all");
    EXPECT(!rc_set_keep_all(NULL, set));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_keep_all");
    EXPECT(!rc_set_add_all(set, numbers));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_set_add_all");
    EXPECT_PTR(NULL, rc_set_new(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_set_new");
    EXPECT_EQ(0, rc_set_size(NULL));
    struct rc_set_iter it = rc_set_iter(NULL);
    EXPECT_EQ(RC_ITER_END, rc_set_next(&it));
    EXPECT_EQ(1, bits_of(set));
    EXPECT_NO_FAULT();
    rc_release(set);
    rc_release(numbers);
    items_release(item, MEMBERS);
}

static bool is_low(const void *member, void *arg) {
    return item_id(*(struct item *const *)member) < *(int *)arg;
}

static uint32_t seed;
static uint32_t chance(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

// Two sets in holders, that members link back to.
static struct rc_set *a, *b;
static unsigned in_a, in_b;

static void expect_as_model(void) {
    EXPECT_EQ(in_a, bits_of(a));
    EXPECT_EQ(in_b, bits_of(b));
    for (int i = 0; i < MEMBERS; i++)
        EXPECT_EQ((in_a >> i & 1) + (in_b >> i & 1), rc_links(item[i]));
    if (test_failures())
        test_stop();
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

static void one_operation(void) {
    int i = (int)chance(MEMBERS);
    struct rc_set_iter it = rc_set_iter(a);
    switch (chance(16)) {
    default: DO(rc_set_add(a, &item[i])); in_a |= 1u << i; break;
    case 5: DO(rc_set_add(b, &item[i])); in_b |= 1u << i; break;
    case 6: EXPECT_EQ(in_a >> i & 1, rc_set_remove(a, &item[i])); in_a &= ~(1u << i); break;
    case 7: EXPECT_EQ(in_b >> i & 1, rc_set_remove(b, &item[i])); in_b &= ~(1u << i); break;
    case 8: DO(rc_set_add_all(b, a)); in_b |= in_a; break;
    case 9: DO(rc_set_remove_all(a, b)); in_a &= ~in_b; break;
    case 10: DO(rc_set_keep_all(b, a)); in_b &= in_a; break;
    case 11: EXPECT_EQ(!(in_a & ~in_b), rc_set_is_within(a, b)); break;
    case 12: DO(rc_set_shrink(a)); break;
    case 13: DO(rc_set_reserve(b, chance(60))); break;
    case 14:
        i = i / 4;
        DO(rc_set_remove_if(a, is_low, &i, NULL));
        in_a &= ~0u << i;
        break;
    case 15:
        if (rc_set_next(&it) == RC_ITER_ITEM) {
            in_a &= ~(1u << item_id(*(struct item *const *)it.member));
            EXPECT(rc_set_iter_remove(&it));
        }
        if (chance(8) == 0) {
            rc_set_clear(b);
            in_b = 0;
        }
        break;
    }
}

TEST(random_operations, .limit = 60) {
    for (uint32_t s = 1; s <= scaled(30); s++) {
        struct rc_heap *heap = scarce_enter();
        seed = s;
        struct holder *way_a = holder_of(a = rc_set_new(&rc_link_element));
        struct holder *way_b = holder_of(b = rc_set_new(&rc_link_element));
        items_new(item, MEMBERS, a);
        for (int i = 0; i < MEMBERS; i += 2)
            rc_set(&item[i]->back, b);
        in_a = in_b = 0;
        for (size_t n = 0; n < 800; n++) {
            test_note("seed %u, operation %zu", s, n);
            if (chance(3) == 0)
                stir(chance(2) ? way_a : way_b);
            for (uint32_t units = chance(5); units; units--)
                rc_collect_step(0);
            one_operation();
            expect_as_model();
        }
        items_release(item, MEMBERS);
        rc_collect();
        EXPECT_EQ(__builtin_popcount(in_a | in_b), items_alive);
        rc_release(way_a);
        rc_release(way_b);
        rc_collect();
        EXPECT_EQ(0, items_alive);
        scarce_leave(heap);
    }
}

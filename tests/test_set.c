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

static struct rc_set *shrinking;
static void shrink_it(struct item *x) {
    (void)x;
    EXPECT(rc_set_shrink(shrinking));
}

static bool is_any(const void *member, void *arg) {
    return member && !arg;
}

static bool copy_and_keep(const void *member, void *arg) {
    struct rc_set *copy = rc_set_copy(arg);
    EXPECT(rc_set_has(copy, member) && rc_set_is_within(copy, arg));
    EXPECT(rc_set_add(copy, &(int){1000})); // it is not busy
    rc_release(copy);
    return false;
}

TEST(callbacks_may_copy_the_set_that_called_them) {
    struct rc_set *set = rc_set_new(&rc_int_element);
    for (int i = 0; i < 20; i++)
        EXPECT(rc_set_add(set, &i));
    EXPECT(rc_set_remove_if(set, copy_and_keep, set, NULL));
    EXPECT_EQ(20, rc_set_size(set));
    rc_release(set);
}

//   what is behind moves to lower numbers
TEST(destructors_may_shrink_the_set_while_members_are_removed) {
    for (int how = 0; how < 3; how++) {
        items_new(item, MEMBERS, NULL);
        shrinking = set_of(0x3FFFFFFF);
        items_release(item, MEMBERS);
        struct rc_set *none = rc_set_new(&rc_link_element), *all = rc_set_copy(shrinking);
        size_t removed = 0;
        on_item_destroy = shrink_it;
        switch (how) {
        case 0:
            rc_release(all);
            EXPECT(rc_set_remove_if(shrinking, is_any, NULL, &removed));
            EXPECT_EQ(MEMBERS, removed);
            break;
        case 1:
            rc_release(all);
            EXPECT(rc_set_keep_all(shrinking, none));
            break;
        case 2: EXPECT(rc_set_remove_all(shrinking, all)); break;
        }
        EXPECT_EQ(0, rc_set_size(shrinking));
        if (how == 2)
            rc_release(all);
        on_item_destroy = NULL;
        rc_release(none);
        rc_release(shrinking);
        EXPECT_EQ(0, items_alive);
    }
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

static unsigned lie; // what the functions say, in turn
static uint64_t lying_hash(const void *member) {
    return lie++ % 5 == 0 ? lie : (uint64_t)item_id(*(struct item *const *)member);
}
static bool lying_equal(const void *a, const void *b) {
    return lie++ % 7 == 0 || memcmp(a, b, sizeof(void *)) == 0;
}
struct holds_one {
    struct item *item;
};
static RC_ELEMENT(liar, struct holds_one, .slots = RC_SLOTS(RC_LINK(struct holds_one, item)), .hash = lying_hash,
                  .equal = lying_equal);

TEST(hash_and_equality_that_lie_lose_nothing) {
    items_new(item, MEMBERS, NULL);
    struct rc_set *set[2] = {rc_set_new(&liar_element), rc_set_new(&liar_element)};
    for (unsigned i = 0; i < 6000; i++) {
        struct rc_set *to = set[i / 3 % 2], *from = set[i / 5 % 2];
        struct item **x = &item[i * 7 % MEMBERS];
        switch (i % 11) {
        default: EXPECT(rc_set_add(to, x)); break;
        case 2:
        case 3: rc_set_remove(to, x); break;
        case 4: EXPECT(rc_set_size(from) > 500 || rc_set_add_all(to, from)); break;
        case 5: EXPECT(rc_set_remove_all(to, from)); break;
        case 6: EXPECT(rc_set_keep_all(to, from)); break;
        case 7: rc_set_is_within(to, from); break;
        case 8: EXPECT(rc_set_shrink(to)); break;
        }
        size_t links = 0;
        for (int k = 0; k < MEMBERS; k++)
            links += rc_links(item[k]);
        if (!EXPECT_EQ(rc_set_size(set[0]) + rc_set_size(set[1]), links))
            break;
    }
    rc_release(set[0]);
    rc_release(set[1]);
    items_release(item, MEMBERS);
    EXPECT_EQ(0, items_alive);
}

// ---- in the middle of a collection

enum { MANY = 3000 };
static struct rc_set *some; // every second one of the MANY

static void add_members(struct rc_set *set) {
    for (int i = 0; i < MEMBERS; i++)
        EXPECT(rc_set_add(set, &item[i]));
}
static struct item *first_of(struct rc_set *set) {
    struct rc_set_iter it = rc_set_iter(set);
    EXPECT_EQ(RC_ITER_ITEM, rc_set_next(&it));
    return *(struct item *const *)it.member;
}
// What was read leaves, and comes again to where was not read yet, or the other way about.
static void replace_members(struct rc_set *set) {
    struct item *kept[100];
    for (int i = 0; i < 100; i++) {
        struct item *x = first_of(set);
        EXPECT(rc_set_take(set, &x, &kept[i]));
    }
    add_members(set);
    for (int i = 0; i < 100; i++)
        EXPECT(rc_set_add_give(set, &kept[i]));
}
static void grow(struct rc_set *set) {
    EXPECT(rc_set_reserve(set, 100000));
}
static bool is_every_third(const void *member, void *arg) {
    (void)arg;
    return item_id(*(struct item *const *)member) % 3 == 0;
}
static void shrink(struct rc_set *set) {
    EXPECT(rc_set_remove_if(set, is_every_third, NULL, NULL));
    EXPECT(rc_set_shrink(set));
}
static void clear(struct rc_set *set) {
    rc_set_clear(set);
}
static void clear_without_memory(struct rc_set *set) {
    fail_allocation(1, true);
    rc_set_clear(set);
    EXPECT(refused() > 0);
    EXPECT_EQ(0, rc_set_size(set));
}
static void refill(struct rc_set *set) {
    struct rc_set *all = rc_set_copy(set);
    rc_set_clear(set);
    EXPECT(rc_set_add_all(set, all));
    rc_release(all);
}
static void unite(struct rc_set *set) {
    EXPECT(rc_set_keep_all(set, some));
    add_members(some);
    EXPECT(rc_set_add_all(set, some));
}
static void cut(struct rc_set *set) {
    EXPECT(rc_set_remove_all(set, some));
}

// The set, whose members link back to it, is changed when some of it was read. The way to it goes then, or when the
// collection has ended: either way what is reachable is there until then, and nothing is after that.
static void expect_sound(void (*change)(struct rc_set *set)) {
    struct rc_heap *heap = scarce_enter();
    for (size_t round = 0; round < 8; round++) {
        bool early = round % 2;
        struct rc_set *set = rc_set_new(&rc_link_element);
        some = rc_set_new(&rc_link_element);
        for (int i = 0; i < MANY; i++) {
            struct item *x = item_new(i);
            rc_set(&x->back, set);
            EXPECT(i % 2 || rc_set_add(some, &x));
            REQUIRE(rc_set_add_give(set, &x));
        }
        items_new(item, MEMBERS, NULL);
        struct holder *way = holder_of(set);
        uint64_t edges = stats().edges;
        stir(way);
        stop_in(RC_PHASE_BUILD);
        while (stats().edges - edges < 1 + round / 2 * MANY / 4)
            REQUIRE(rc_collect_step(0) == RC_STEP_MORE && rc_collect_phase() == RC_PHASE_BUILD);
        change(set);
        rc_set_clear(some);
        size_t reachable = MEMBERS;
        struct rc_set_iter it = rc_set_iter(set);
        while (rc_set_next(&it) == RC_ITER_ITEM)
            reachable += (*(struct item *const *)it.member)->back == set;
        if (early)
            rc_release(way);
        while (rc_collect_step(0) == RC_STEP_MORE)
            continue;
        if (!early) {
            EXPECT_EQ(reachable, items_alive);
            EXPECT_EQ(0, rc_verify(NULL, NULL));
            rc_release(way);
            rc_collect();
        }
        EXPECT_EQ(MEMBERS, items_alive);
        rc_release(some);
        items_release(item, MEMBERS);
        rc_collect();
        EXPECT_EQ(0, items_alive);
    }
    scarce_leave(heap);
}

TEST(r9_members_added_while_read_in_pieces) { expect_sound(add_members); }
TEST(r9_members_replaced_while_read_in_pieces) { expect_sound(replace_members); }
TEST(r9_growth_while_read_in_pieces) { expect_sound(grow); }
TEST(r9_shrinking_while_read_in_pieces) { expect_sound(shrink); }
TEST(r9_clear_while_read_in_pieces) { expect_sound(clear); }
TEST(r9_clear_without_memory_while_read_in_pieces) { expect_sound(clear_without_memory); }
TEST(r9_refilled_while_read_in_pieces) { expect_sound(refill); }
TEST(r9_united_while_read_in_pieces) { expect_sound(unite); }
TEST(r9_cut_while_read_in_pieces) { expect_sound(cut); }

// ---- random operations

static uint32_t seed;
static uint32_t chance(uint32_t n) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

// Two sets in holders, that members link back to.
static const struct rc_element *element;
static struct rc_set *a, *b;
static unsigned in_a, in_b;
static struct rc_string *string[MEMBERS];

union any {
    struct item *item;
    struct rc_string *string;
    struct wire wire;
};

// Member number [i], a value of the caller's.
static union any member_of(int i) {
    union any m;
    memset(&m, 0, sizeof m);
    if (element == &wire_element)
        m.wire = wire_of(item[i], NULL);
    else if (element == &rc_string_element)
        m.string = rc_retain(string[i]);
    else
        m.item = rc_retain(item[i]);
    return m;
}
static void close_member(union any *m) {
    if (element == &wire_element)
        wire_close(&m->wire);
    else
        rc_release(m->item);
}
static int number_of(const void *member) {
    if (element == &rc_string_element)
        return atoi(rc_string_text(*(struct rc_string *const *)member));
    return item_id(*(struct item *const *)member); // a wire begins with its item
}

static unsigned numbers_in(struct rc_set *set) {
    unsigned bits = 0;
    struct rc_set_iter it = rc_set_iter(set);
    while (rc_set_next(&it) == RC_ITER_ITEM) {
        EXPECT(!(bits >> number_of(it.member) & 1));
        bits |= 1u << number_of(it.member);
    }
    EXPECT_EQ(rc_set_size(set), __builtin_popcount(bits));
    return bits;
}

static void expect_as_model(void) {
    EXPECT_EQ(in_a, numbers_in(a));
    EXPECT_EQ(in_b, numbers_in(b));
    for (int i = 0; i < MEMBERS; i++) {
        union any m = member_of(i);
        EXPECT_EQ(in_a >> i & 1, rc_set_has(a, &m));
        close_member(&m);
        void *obj = element == &rc_string_element ? (void *)string[i] : item[i];
        EXPECT_EQ((in_a >> i & 1) + (in_b >> i & 1), rc_links(obj));
    }
    if (element == &wire_element)
        EXPECT_EQ(__builtin_popcount(in_a) + __builtin_popcount(in_b), resources_open);
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

static void add(struct rc_set *set, unsigned *in, int i) {
    union any m = member_of(i);
    if (element == &wire_element && chance(4) == 0) {
        copies_fail = true;
        EXPECT_EQ(*in >> i & 1, rc_set_add(set, &m)); // what is there needs no copy
        EXPECT(*in >> i & 1 || errno == ENOMEM);
        copies_fail = false;
    }
    bool give = chance(2);
    if (element == &wire_element)
        resources_open--; // expect_as_model counts those in sets
    DO(give ? rc_set_add_give(set, &m) : rc_set_add(set, &m));
    resources_open += element == &wire_element;
    if (!give)
        close_member(&m);
    *in |= 1u << i;
}

static void take(struct rc_set *set, unsigned *in, int i) {
    union any m = member_of(i), taken;
    if (EXPECT_EQ(*in >> i & 1, rc_set_take(set, &m, &taken)) && *in >> i & 1) {
        EXPECT_EQ(i, number_of(&taken));
        close_member(&taken);
    }
    close_member(&m);
    *in &= ~(1u << i);
}

static void drop(struct rc_set *set, unsigned *in, int i) {
    union any m = member_of(i);
    EXPECT_EQ(*in >> i & 1, rc_set_remove(set, &m));
    close_member(&m);
    *in &= ~(1u << i);
}

static bool is_below(const void *member, void *arg) {
    return number_of(member) < *(int *)arg;
}

// What it was a copy of goes on living, or goes.
static void copy(void) {
    struct rc_set *copy;
    EACH_FAILURE_OF(copy, rc_set_copy(a)) {
        EXPECT_PTR(NULL, copy);
        EXPECT_EQ(ENOMEM, errno);
        expect_as_model();
    }
    EXPECT_EQ(in_a, numbers_in(copy));
    EXPECT(rc_set_is_within(copy, a) && rc_set_is_within(a, copy));
    rc_release(copy);
    struct rc_array *row;
    EACH_FAILURE_OF(row, rc_set_members(a)) {
        EXPECT_PTR(NULL, row);
        EXPECT_EQ(ENOMEM, errno);
        expect_as_model();
    }
    unsigned bits = 0;
    for (size_t i = 0; i < rc_array_size(row); i++)
        bits |= 1u << number_of(rc_array_at(row, i));
    EXPECT_EQ(in_a, bits);
    EXPECT_EQ(rc_set_size(a), rc_array_size(row));
    rc_release(row);
}

static void empty(void) {
    bool first = chance(2);
    fail_allocation(chance(2), true);
    rc_set_clear(first ? a : b);
    fail_allocation(0, false);
    *(first ? &in_a : &in_b) = 0;
}

static void one_operation(void) {
    int i = (int)chance(MEMBERS);
    struct rc_set_iter it = rc_set_iter(a);
    switch (chance(18)) {
    default: add(a, &in_a, i); break;
    case 5: add(b, &in_b, i); break;
    case 6: drop(a, &in_a, i); break;
    case 7: take(b, &in_b, i); break;
    case 8: DO(rc_set_add_all(b, a)); in_b |= in_a; break;
    case 9: DO(rc_set_remove_all(a, b)); in_a &= ~in_b; break;
    case 10: DO(rc_set_keep_all(b, a)); in_b &= in_a; break;
    case 11: EXPECT_EQ(!(in_a & ~in_b), rc_set_is_within(a, b)); break;
    case 12: DO(rc_set_shrink(a)); break;
    case 13: DO(rc_set_reserve(b, chance(60))); break;
    case 14:
        i = i / 4;
        DO(rc_set_remove_if(a, is_below, &i, NULL));
        in_a &= ~0u << i;
        break;
    case 15:
        if (rc_set_next(&it) == RC_ITER_ITEM) {
            in_a &= ~(1u << number_of(it.member));
            EXPECT(rc_set_iter_remove(&it));
        }
        break;
    case 16: copy(); break;
    case 17:
        if (chance(4) == 0)
            empty();
        break;
    }
}

static void random_operations(const struct rc_element *of) {
    element = of;
    for (uint32_t s = 1; s <= scaled(15); s++) {
        struct rc_heap *heap = scarce_enter();
        seed = s;
        struct holder *way_a = holder_of(a = rc_set_new(element));
        struct holder *way_b = holder_of(b = rc_set_new(element));
        items_new(item, MEMBERS, a);
        for (int i = 0; i < MEMBERS; i++) {
            string[i] = rc_string_format("%d", i);
            if (i % 2)
                rc_set(&item[i]->back, b);
        }
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
        for (int i = 0; i < MEMBERS; i++)
            rc_release(string[i]);
        rc_collect();
        EXPECT_EQ(element == &rc_string_element ? 0 : __builtin_popcount(in_a | in_b), items_alive);
        rc_release(way_a);
        rc_release(way_b);
        rc_collect();
        EXPECT_EQ(0, items_alive);
        EXPECT_EQ(0, resources_open);
        scarce_leave(heap);
    }
}

TEST(random_operations_on_links, .limit = 60) { random_operations(&rc_link_element); }
TEST(random_operations_on_strings, .limit = 60) { random_operations(&rc_string_element); }
TEST(random_operations_on_values, .limit = 60) { random_operations(&wire_element); }

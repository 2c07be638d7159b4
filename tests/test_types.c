// SPDX-License-Identifier: MIT
// What a type table says is what happens: slots of every sort are followed and cleared, types extend one another, the
// library finds out which types cannot be in a cycle, and refuses tables that break their laws.
#define _DEFAULT_SOURCE
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/vector.h"

#include <sys/mman.h>

// ---- laws of a table

static void expect_refused(const struct rc_type *type) {
    faults_begin();
    errno = 0;
    EXPECT_PTR(NULL, rc_new(type));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
    EXPECT_EQ(0, stats().objects);
    EXPECT_PTR(NULL, rc_new(type)); // and again, not only the first time
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
}

struct pair { struct pair *x, *y; };

static const struct rc_type wide_type = {"wide", sizeof(void *),
                                         .slots = RC_SLOTS(RC_LINK(struct pair, x), RC_LINK(struct pair, y))};

TEST(slot_outside_of_the_object_is_refused) {
    expect_refused(&wide_type);
    EXPECT_HAS("wide", last_fault()->message);
    EXPECT_STR("wide", last_fault()->type);
}

static const struct rc_type over_type = {"over", 3 * sizeof(void *),
                                         .slots = RC_SLOTS({RC_SLOT_LINK, sizeof(void *), 3, "over", NULL})};

TEST(slot_that_ends_outside_is_refused) {
    expect_refused(&over_type);
}

static const struct rc_type huge_type = {
    "huge", 64, .slots = RC_SLOTS({RC_SLOT_LINK, 8, SIZE_MAX / sizeof(void *) + 1, "huge", NULL})};

TEST(slot_count_that_overflows_is_refused) {
    expect_refused(&huge_type);
}

static const struct rc_type unknown_type = {"unknown", 64, .slots = RC_SLOTS({(enum rc_slot_kind)9, 8, 1, "unknown", NULL})};

TEST(slot_of_no_known_kind_is_refused) {
    expect_refused(&unknown_type);
}

static bool no_more(void *obj, size_t from, size_t to) {
    (void)obj;
    return from > to;
}
static const struct rc_type parts_type = {"parts", 64, .destroy_some = no_more};
static const struct rc_type more_parts_type = {"more parts", 128, .base = &parts_type, .destroy_some = no_more};

TEST(two_destructors_of_parts_are_refused) {
    expect_refused(&more_parts_type);
    rc_release(rc_new(&parts_type));
    EXPECT_NO_FAULT();
}

static const struct rc_type odd_type = {"odd", 64, .slots = RC_SLOTS({RC_SLOT_LINK, 12, 1, "odd", NULL})};

TEST(slot_that_is_not_aligned_is_refused) {
    expect_refused(&odd_type);
}

static const struct rc_type twice_type = {"twice", sizeof(struct pair),
                                          .slots = RC_SLOTS(RC_LINK(struct pair, x), RC_LINK(struct pair, y),
                                                            RC_LINK(struct pair, x))};

TEST(slot_declared_twice_is_refused) {
    expect_refused(&twice_type);
}

struct rows { void *a[4]; void *b[4]; };

static const struct rc_type overlap_type = {"overlap", sizeof(struct rows),
                                            .slots = RC_SLOTS(RC_LINK(struct rows, a), RC_LINK(struct rows, b),
                                                              {RC_SLOT_LINK, 5 * sizeof(void *), 1, "b[1]", NULL})};

TEST(slot_declared_alone_and_in_a_row_is_refused) {
    expect_refused(&overlap_type);
}

static const struct rc_type both_type = {"both", sizeof(struct pair),
                                         .slots = RC_SLOTS(RC_LINK(struct pair, x), RC_WEAK(struct pair, x))};

TEST(slot_declared_as_link_and_as_weak_is_refused) {
    expect_refused(&both_type);
}

static const struct rc_type base_type = {"base", sizeof(struct pair), .slots = RC_SLOTS(RC_LINK(struct pair, x))};
static const struct rc_type extends_type = {"extends", sizeof(struct pair), .base = &base_type,
                                            .slots = RC_SLOTS(RC_LINK(struct pair, y), RC_LINK(struct pair, x))};

TEST(slot_declared_again_in_an_extending_table_is_refused) {
    expect_refused(&extends_type);
    rc_release(rc_new(&base_type)); // the base itself is good
}

static const struct rc_type broken_base_type = {"base", 8, .slots = RC_SLOTS(RC_LINK(struct pair, y))};
static const struct rc_type extends_broken_type = {"extends", sizeof(struct pair), .base = &broken_base_type};

TEST(broken_base_is_refused_with_what_extends_it) {
    expect_refused(&extends_broken_type);
}

static const struct rc_type small_type = {"small", 8, .base = &node_type};

TEST(type_smaller_than_its_base_is_refused) {
    expect_refused(&small_type);
}

static const struct rc_type ring_type, far_type;
static const struct rc_type near_type = {"near", sizeof(struct pair), .base = &far_type};
static const struct rc_type far_type = {"far", sizeof(struct pair), .base = &near_type};
static const struct rc_type ring_type = {"ring", sizeof(struct pair), .base = &ring_type};
static const struct rc_type into_a_ring_type = {"into", sizeof(struct pair), .base = &near_type};

TEST(type_that_extends_itself_is_refused) {
    expect_refused(&ring_type);
    expect_refused(&near_type);
    expect_refused(&far_type);
    expect_refused(&into_a_ring_type);
    expect_refused(&(struct rc_type){"outer", sizeof(struct pair), .base = &into_a_ring_type});
}

static const struct rc_type owned_type = {"owned", sizeof(struct pair),
                                          .slots = RC_SLOTS(RC_OWNER(struct pair, x), RC_OWNER(struct pair, y))};

TEST(two_owner_slots_are_refused) {
    expect_refused(&owned_type);
}

struct tailed { size_t n; void *tail[]; };

static const struct rc_type tail_type = {"tail", sizeof(struct tailed),
                                         .slots = RC_SLOTS({RC_SLOT_TAIL, 8, 64, "tail", NULL})};

TEST(tail_whose_number_lies_outside_is_refused) {
    expect_refused(&tail_type);
}

struct tailed_twice { size_t n; void *more; }; // begins as a tailed, but for the array

static const struct rc_type two_tails_type = {
    "two_tails", sizeof(struct tailed),
    .slots = RC_SLOTS(RC_TAIL(struct tailed, tail, n), {RC_SLOT_TAIL, 8, 0, "again", NULL})};

TEST(two_tails_are_refused) {
    expect_refused(&two_tails_type);
}

static const struct rc_type one_tail_type = {"one_tail", sizeof(struct tailed),
                                             .slots = RC_SLOTS(RC_TAIL(struct tailed, tail, n))};
static const struct rc_type over_the_tail_type = {"over_the_tail", sizeof(struct tailed_twice), .base = &one_tail_type,
                                                  .slots = RC_SLOTS(RC_LINK(struct tailed_twice, more))};

//   what the extending struct adds lies where the tail of the base begins
TEST(slot_where_the_tail_of_the_base_lies_is_refused) {
    expect_refused(&over_the_tail_type);
}

static const struct rc_type tail_first_type = {
    "tail_first", sizeof(struct tailed_twice),
    .slots = RC_SLOTS(RC_TAIL(struct tailed, tail, n), RC_LINK(struct tailed_twice, more))};
static const struct rc_type tail_last_type = {
    "tail_last", sizeof(struct tailed_twice),
    .slots = RC_SLOTS(RC_LINK(struct tailed_twice, more), RC_TAIL(struct tailed, tail, n))};
static const struct rc_type far_tail_type = {"far_tail", sizeof(struct tailed),
                                             .slots = RC_SLOTS({RC_SLOT_TAIL, 64, 0, "tail", NULL})};

//   the same in one table, in either order; and a tail that begins beyond the object
TEST(tail_that_runs_into_a_slot_is_refused) {
    expect_refused(&tail_first_type);
    expect_refused(&tail_last_type);
    expect_refused(&far_tail_type);
}

static const struct rc_type strange_type = {"strange", sizeof(struct pair),
                                            .slots = RC_SLOTS({(enum rc_slot_kind)99, 0, 1, "x", NULL})};
static const struct rc_type negative_type = {"negative", sizeof(struct pair),
                                             .slots = RC_SLOTS({(enum rc_slot_kind)-1, 0, 1, "x", NULL})};
static const struct rc_type no_row_type = {"no_row", sizeof(struct pair),
                                           .slots = RC_SLOTS({RC_SLOT_LINK, 0, 0, "x", NULL})};

TEST(slot_of_no_known_kind_and_row_of_none_are_refused) {
    expect_refused(&strange_type);
    expect_refused(&negative_type);
    expect_refused(&no_row_type);
}

TEST(type_beyond_4_gib_is_refused) {
    static const struct rc_type huge = {"huge", (size_t)1 << 32, .acyclic = true};
    expect_refused(&huge);
}

TEST(type_without_name_or_size_is_refused) {
    static const struct rc_type nameless = {NULL, 8, .acyclic = true}, empty = {"empty", 0, .acyclic = true};
    expect_refused(&nameless);
    expect_refused(&empty);
}

TEST(null_type_is_a_fault) {
    faults_begin();
    EXPECT_PTR(NULL, rc_new(NULL));
    EXPECT_EQ(1, faults_seen());
    EXPECT_STR("rc_new", last_fault()->call);
}

TEST(refused_type_aborts_by_default, .aborts = "twice") {
    rc_release(rc_new(&twice_type));
}

TEST(size_that_overflows_is_out_of_memory) {
    errno = 0;
    EXPECT_PTR(NULL, rc_new_sized(&node_type, SIZE_MAX));
    EXPECT_EQ(ENOMEM, errno);
    errno = 0;
    EXPECT_PTR(NULL, rc_new_sized(&node_type, SIZE_MAX - sizeof(struct node) - 8));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT_EQ(0, stats().objects);
}

// ---- slots of every sort

TEST(memory_is_zero_and_aligned_at_every_size) {
    static char plenty[3000];
    for (size_t extra = 0; extra < sizeof plenty - sizeof(struct node); extra += 7) {
        struct node *node = rc_new_sized(&node_type, extra);
        REQUIRE(node);
        EXPECT_EQ(0, (uintptr_t)node % 16);
        EXPECT_EQ(0, memcmp(node, plenty, sizeof *node + extra));
        memset((char *)node + sizeof *node, 0x5a, extra);
        rc_release(node);
    }
}

struct row { struct row *row[5]; };
RC_TYPE(row, struct row, .slots = RC_SLOTS(RC_LINK(struct row, row)));

//   a <==> b   by the first and by the last slot of a row
TEST(inline_row_of_slots_is_followed_and_cleared) {
    struct row *a = rc_new(&row_type), *b = rc_new(&row_type);
    rc_set(&a->row[0], b);
    rc_set(&a->row[4], b);
    rc_set(&b->row[4], a);
    EXPECT_EQ(2, rc_links(b));
    rc_release(a);
    rc_release(b);
    EXPECT_EQ(2, rc_collect());
}

RC_TYPE(tailed, struct tailed, .slots = RC_SLOTS(RC_TAIL(struct tailed, tail, n)));

//   t --> t (each of 1000 slots)
TEST(tail_is_followed_as_far_as_its_number_says) {
    struct tailed *t = rc_new_sized(&tailed_type, 1000 * sizeof(void *));
    t->n = 1000;
    for (size_t i = 0; i < t->n; i++)
        rc_set(&t->tail[i], t);
    EXPECT_EQ(1000, rc_links(t));
    EXPECT_EQ(0, rc_collect());
    rc_release(t);
    EXPECT_EQ(1, rc_collect());
}

//   t --> n   t dies by count, and n with it
TEST(tail_is_cleared_when_its_object_dies) {
    graph("n");
    struct tailed *t = rc_new_sized(&tailed_type, 3 * sizeof(void *));
    t->n = 3;
    rc_set(&t->tail[2], at('n'));
    drop("n");
    EXPECT_STR("", gone());
    rc_release(t);
    EXPECT_STR("n", gone());
}

//   v <--> w, and n hangs on v
TEST(traced_slots_are_followed_and_cleared) {
    graph("n");
    struct vector *v = vector_new(10), *w = vector_new(1);
    rc_set(&v->slots[9], w);
    rc_set(&v->slots[3], at('n'));
    rc_set(&w->slots[0], v);
    drop("n");
    rc_release(v);
    rc_release(w);
    EXPECT_EQ(3, rc_collect());
    EXPECT_STR("n", gone());
}

TEST(trace_that_reports_nothing_is_fine) {
    rc_release(vector_new(0));
    EXPECT_EQ(0, stats().objects);
}

//   n hangs on v, which dies by count
struct pointing {
    struct node *kept, **outside;
};
static const struct rc_slot node_slots[] = {RC_LINK(struct node, x), RC_END};
static bool as_structs;
static void pointing_trace(void *obj, struct rc_visitor *visitor) {
    struct pointing *p = obj;
    if (as_structs)
        rc_visit_structs(visitor, p->outside, 1, sizeof(struct node), node_slots);
    else
        rc_visit(visitor, p->outside);
    rc_visit_slots(visitor, NULL, 0);
    rc_visit_structs(visitor, NULL, 0, sizeof(struct node), node_slots);
    rc_visit(visitor, &p->kept);
}
RC_TYPE(pointing, struct pointing, .trace = pointing_trace);

//   p --kept--> a: seen, although what is reported before it is no slot
TEST(trace_that_reports_a_field_of_null_is_a_fault) {
    static const char *const call[] = {"rc_visit_slots", "rc_visit_structs"};
    for (int structs = 0; structs < 2; structs++)
        for (size_t offset = 0; offset < 32; offset += 16) {
            graph("a");
            struct pointing *p = rc_new(&pointing_type);
            as_structs = structs;
            p->outside = (struct node **)offset;
            rc_give(&p->kept, at('a'));
            faults_begin();
            EXPECT_EQ(1, rc_referrers(at('a'), NULL, NULL));
            EXPECT_FAULT(RC_FAULT_NULL, call[structs]);
            rc_release(p);
            EXPECT_FAULT(RC_FAULT_NULL, call[structs]);
            EXPECT_EQ(0, stats().objects);
        }
}

TEST(traced_slots_are_cleared_when_their_object_dies) {
    graph("n");
    struct vector *v = vector_new(3);
    rc_set(&v->slots[1], at('n'));
    drop("n");
    rc_release(v);
    EXPECT_STR("n", gone());
}

// ---- types that extend others

struct element { struct node node; struct element *first; };
struct division { struct element element; void *data; };
static char destructors[8];
static void element_destroy(void *obj) { (void)obj, strcat(destructors, "e"); }
static void division_destroy(void *obj) { (void)obj, strcat(destructors, "d"); }
RC_TYPE(element, struct element, .base = &node_type, .slots = RC_SLOTS(RC_LINK(struct element, first)),
        .destroy = element_destroy);
RC_TYPE(division, struct division, .base = &element_type, .destroy = division_destroy);

TEST(object_is_of_its_type_and_of_all_it_extends) {
    struct division *d = rc_new(&division_type);
    EXPECT_PTR(&division_type, rc_type_of(d));
    EXPECT(rc_is_a(d, &division_type));
    EXPECT(rc_is_a(d, &element_type));
    EXPECT(rc_is_a(d, &node_type));
    EXPECT(!rc_is_a(d, &vector_type));
    struct element *e = rc_new(&element_type);
    EXPECT(rc_is_a(e, &node_type));
    EXPECT(!rc_is_a(e, &division_type));
    EXPECT(!rc_is_a(NULL, &node_type));
    rc_release(d);
    rc_release(e);
}

static size_t sorts;
static void count_sort(const struct rc_leak *leak, void *type) {
    EXPECT_PTR(type, leak->type);
    EXPECT_EQ(2, leak->objects);
    sorts++;
}

// Whether its elements have links or none, which makes a difference to the library.
TEST(container_is_of_its_type_whatever_it_holds) {
    const struct rc_element *links = &rc_link_element, *bytes = &rc_int64_element;
    int64_t value = 0;
    struct {
        const struct rc_type *type;
        void *of_links, *of_bytes;
    } kind[] = {{&rc_array_type, rc_array_new(links), rc_array_new(bytes)},
                {&rc_list_type, rc_list_new(links), rc_list_new(bytes)},
                {&rc_map_type, rc_map_new(bytes, links), rc_map_new(bytes, bytes)},
                {&rc_set_type, rc_set_new(links), rc_set_new(bytes)},
                {&rc_box_type, rc_box_new(links, &value), rc_box_new(bytes, &value)}};
    enum { KINDS = sizeof kind / sizeof *kind };
    for (size_t i = 0; i < KINDS; i++) {
        EXPECT_PTR(kind[i].type, rc_type_of(kind[i].of_links));
        EXPECT_PTR(kind[i].type, rc_type_of(kind[i].of_bytes));
        EXPECT(rc_is_a(kind[i].of_links, kind[i].type));
        EXPECT(rc_is_a(kind[i].of_bytes, kind[i].type));
        EXPECT(!rc_is_a(kind[i].of_bytes, kind[(i + 1) % KINDS].type));
    }
    for (size_t i = KINDS; i-- > 0;) {
        if (i == 0)
            EXPECT(rc_leaks(count_sort, (void *)(uintptr_t)&rc_array_type));
        rc_release(kind[i].of_links);
        rc_release(kind[i].of_bytes);
    }
    EXPECT_EQ(1, sorts);
}

//   d --x--> d, a slot that the base of the base declares
TEST(slots_of_the_base_are_followed) {
    struct division *d = rc_new(&division_type);
    rc_set(&d->element.node.x, &d->element.node);
    rc_release(d);
    EXPECT_EQ(1, rc_collect());
}

// They would lack what their own calls give them: the table of their elements, or room for a text.
TEST(what_rc_new_cannot_make_is_refused) {
    faults_begin();
    static const struct {
        const struct rc_type *type;
        const char *by;
    } made[] = {{&rc_list_type, "rc_list_new makes"}, {&rc_map_type, "rc_map_new makes"},
                {&rc_set_type, "rc_set_new makes"},   {&rc_weak_map_type, "rc_weak_map_new makes"},
                {&rc_box_type, "rc_box_new makes"},   {&rc_string_type, "rc_string_new makes"}};
    rc_release(rc_map_new(&rc_int_element, &rc_link_element)); // that one is known makes no difference
    rc_release(rc_string_new("text"));
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        for (int sized = 0; sized < 2; sized++) {
            errno = 0;
            EXPECT_PTR(NULL, sized ? rc_new_sized(made[i].type, 64) : rc_new(made[i].type));
            EXPECT_EQ(EINVAL, errno);
            EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
            EXPECT_HAS(made[i].by, last_fault()->message);
        }
    rc_release(rc_new(&rc_array_type));
    EXPECT_NO_FAULT();
}

TEST(what_extends_a_container_other_than_an_array_is_refused) {
    faults_begin();
    static const struct rc_type *const base[] = {&rc_list_type, &rc_map_type, &rc_set_type, &rc_weak_map_type, &rc_box_type};
    for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
        const struct rc_type type = {.name = "longer", .size = base[i]->size + 16, .base = base[i]};
        const struct rc_type more = {.name = "longer still", .size = base[i]->size + 32, .base = &type};
        errno = 0;
        EXPECT_PTR(NULL, rc_new(&more));
        EXPECT_EQ(EINVAL, errno);
        EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
        EXPECT_HAS("longer still", last_fault()->message);
        EXPECT_HAS("which no type can extend", last_fault()->message);
    }
}

// Its text would be where the next object begins.
TEST(string_without_room_for_the_end_of_its_text_is_refused) {
    faults_begin();
    static const struct rc_type bare = {"bare", sizeof(struct rc_string), .base = &rc_string_type, .slots = NULL},
                                same = {"same", sizeof(struct rc_string), .base = &bare, .slots = NULL},
                                word = {"word", sizeof(struct rc_string) + 1, .base = &rc_string_type, .slots = NULL};
    errno = 0;
    EXPECT_PTR(NULL, rc_new(&bare));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
    EXPECT_HAS("no byte behind it", last_fault()->message);
    EXPECT_PTR(NULL, rc_new_sized(&same, 16));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
    struct rc_string *s = rc_new(&word);
    EXPECT_STR("", rc_string_text(s));
    rc_release(s);
    EXPECT_NO_FAULT();
}

TEST(destructors_run_from_the_type_to_its_base) {
    struct division *d = rc_new(&division_type);
    d->element.node.name = 'n';
    rc_release(d);
    EXPECT_STR("de", destructors);
    EXPECT_STR("n", gone());
}

static void order_finalize(void *obj) { (void)obj, strcat(destructors, "f"); }
static void order_destroy(void *obj) { (void)obj, strcat(destructors, "x"); }
RC_TYPE(first, struct division, .base = &division_type, .finalize = order_finalize, .destroy = order_destroy);

TEST(finalizer_runs_before_any_destructor) {
    struct division *d = rc_new(&first_type);
    rc_release(d);
    EXPECT_STR("fxde", destructors);
}

// ---- types that cannot be in a cycle

struct leaf { int value; };
RC_TYPE(leaf, struct leaf, .destroy = NULL);
struct holder { struct leaf *leaf; };
RC_TYPE(holder, struct holder, .slots = RC_SLOTS(RC_LINK_TO(struct holder, leaf, leaf_type)));

static size_t suspects_after_a_pair_of_handles(const struct rc_type *type, struct vector *keeper) {
    void *obj = rc_new(type);
    rc_set(&keeper->slots[0], obj);
    rc_release(obj); // without a handle now, kept by a link
    size_t n = stats().suspects;
    rc_clear(&keeper->slots[0]);
    return n;
}

TEST(type_without_a_way_back_to_itself_is_never_suspected) {
    struct vector *keeper = vector_new(1);
    EXPECT_EQ(0, suspects_after_a_pair_of_handles(&leaf_type, keeper));
    EXPECT_EQ(0, suspects_after_a_pair_of_handles(&holder_type, keeper));
    struct row *other = rc_new(&row_type), *row = rc_new(&row_type);
    rc_set(&row->row[0], other);
    rc_give(&keeper->slots[0], row);
    EXPECT_EQ(1, stats().suspects);
    rc_release(other);
    rc_release(keeper);
}

struct self { struct self *next; };
extern const struct rc_type self_type;
RC_TYPE(self, struct self, .slots = RC_SLOTS(RC_LINK_TO(struct self, next, self_type)));

TEST(type_that_points_to_itself_is_suspected) {
    struct self *a = rc_new(&self_type);
    rc_set(&a->next, a);
    rc_release(a);
    EXPECT_EQ(1, rc_collect());
}

struct husband { struct wife *wife; };
struct wife { struct husband *husband; };
extern const struct rc_type wife_type;
RC_TYPE(husband, struct husband, .slots = RC_SLOTS(RC_LINK_TO(struct husband, wife, wife_type)));
RC_TYPE(wife, struct wife, .slots = RC_SLOTS(RC_LINK_TO(struct wife, husband, husband_type)));

TEST(types_that_point_to_each_other_are_suspected) {
    struct husband *a = rc_new(&husband_type);
    struct wife *b = rc_new(&wife_type);
    rc_set(&a->wife, b);
    rc_set(&b->husband, a);
    rc_release(a);
    rc_release(b);
    EXPECT_EQ(2, rc_collect());
}

struct shape { int colour; };
struct frame { struct shape *shape; };
struct group { struct shape shape; struct frame *frame; };
RC_TYPE(shape, struct shape, .destroy = NULL);
RC_TYPE(frame, struct frame, .slots = RC_SLOTS(RC_LINK_TO(struct frame, shape, shape_type)));
RC_TYPE(group, struct group, .base = &shape_type, .slots = RC_SLOTS(RC_LINK_TO(struct group, frame, frame_type)));

//   f --> g --> f    where f's slot is declared for shapes, which have no slots; a group is a shape and has one
TEST(later_subtype_that_closes_a_cycle_is_taken_into_account) {
    struct frame *f = rc_new(&frame_type); // shapes cannot lead back here: so far
    struct shape *s = rc_new(&shape_type);
    rc_set(&f->shape, s);
    rc_release(s);
    struct group *g = rc_new(&group_type);
    rc_set(&f->shape, &g->shape);
    rc_set(&g->frame, f);
    rc_release(f);
    rc_release(g);
    EXPECT_EQ(2, rc_collect());
}

//   the same, where the frame lost its handle before there was any group
TEST(later_subtype_finds_frames_that_were_let_go_before) {
    struct vector *keeper = vector_new(1);
    struct frame *f = rc_new(&frame_type);
    rc_set(&keeper->slots[0], f);
    rc_release(f);
    rc_collect();
    struct group *g = rc_new(&group_type);
    rc_set(&f->shape, &g->shape);
    rc_set(&g->frame, f);
    rc_release(g);
    rc_release(keeper);
    EXPECT_EQ(2, rc_collect());
}

//   a --> b --> c --> d    where the subtype closes a cycle over four types
struct c4 { struct d4 *d; };
struct b4 { struct c4 *c; };
struct a4 { struct b4 *b; };
struct d4 { int unused; };
struct e4 { struct d4 d; struct a4 *a; };
RC_TYPE(d4, struct d4, .destroy = NULL);
RC_TYPE(c4, struct c4, .slots = RC_SLOTS(RC_LINK_TO(struct c4, d, d4_type)));
RC_TYPE(b4, struct b4, .slots = RC_SLOTS(RC_LINK_TO(struct b4, c, c4_type)));
RC_TYPE(a4, struct a4, .slots = RC_SLOTS(RC_LINK_TO(struct a4, b, b4_type)));
RC_TYPE(e4, struct e4, .base = &d4_type, .slots = RC_SLOTS(RC_LINK_TO(struct e4, a, a4_type)));

TEST(later_subtype_that_closes_a_long_way_round_is_taken_into_account) {
    struct a4 *a = rc_new(&a4_type);
    struct b4 *b = rc_new(&b4_type);
    struct c4 *c = rc_new(&c4_type);
    struct e4 *e = rc_new(&e4_type);
    rc_give(&e->a, a);
    rc_give(&c->d, &e->d);
    rc_give(&b->c, c);
    rc_give(&a->b, b);
    EXPECT_EQ(4, rc_collect());
}

RC_TYPE(promised, struct pair, .slots = RC_SLOTS(RC_LINK(struct pair, x), RC_LINK(struct pair, y)), .acyclic = true);

//   v --> p   by promise never a suspect; and where the promise is broken, the cycle leaks until the heap goes
TEST(declared_acyclic_is_believed) {
    struct vector *keeper = vector_new(1);
    EXPECT_EQ(0, suspects_after_a_pair_of_handles(&promised_type, keeper));
    rc_release(keeper);
    struct pair *p = rc_new(&promised_type);
    rc_set(&p->x, p);
    rc_release(p);
    EXPECT_EQ(0, rc_collect());
    EXPECT_EQ(1, stats().objects);
    EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
}

//   p (acyclic by promise) --> h (acyclic by inference) --> leaf    dies by count as everything does
TEST(acyclic_objects_die_by_count) {
    struct holder *h = rc_new(&holder_type);
    struct leaf *leaf = rc_new(&leaf_type);
    rc_give(&h->leaf, leaf);
    rc_release(h);
    EXPECT_EQ(0, stats().objects);
}

//   cycle --> leaf: what a cycle holds that is acyclic goes with it
TEST(acyclic_object_dies_with_the_cycle_that_held_it) {
    struct vector *v = vector_new(2);
    struct holder *h = rc_new(&holder_type);
    struct leaf *leaf = rc_new(&leaf_type);
    rc_give(&h->leaf, leaf);
    rc_set(&v->slots[0], v);
    rc_set(&v->slots[1], h);
    rc_release(h);
    rc_release(v);
    rc_collect();
    EXPECT_EQ(0, stats().objects);
}

// ---- what is known of a type

static size_t census_objects, census_bytes;
static void census_each(const struct rc_type *type, size_t objects, size_t bytes, void *arg) {
    if (type == arg) {
        census_objects += objects;
        census_bytes += bytes;
    }
}

// With the header, and what rounding up to a multiple of 16 may add.
static void expect_census(const struct rc_type *type, size_t objects) {
    census_objects = census_bytes = 0;
    rc_census(census_each, (void *)(uintptr_t)type);
    EXPECT_EQ(objects, census_objects);
    EXPECT(census_bytes >= objects * (type->size + 16));
    EXPECT_AT_MOST(objects * ((type->size + 16 + 15) & ~(size_t)15), census_bytes);
}

TEST(census_counts_objects_and_bytes_of_each_type) {
    struct leaf *a = rc_new(&leaf_type), *b = rc_new(&leaf_type);
    struct row *r = rc_new(&row_type);
    expect_census(&leaf_type, 2);
    expect_census(&row_type, 1);
    expect_census(&holder_type, 0);
    rc_release(a);
    expect_census(&leaf_type, 1);
    rc_release(b);
    rc_release(r);
    expect_census(&leaf_type, 0);
}

static void census_names(const struct rc_type *type, size_t objects, size_t bytes, void *arg) {
    EXPECT_PTR(&rc_map_type, type);
    EXPECT_EQ(3, objects);
    EXPECT_EQ(stats().bytes, bytes);
    ++*(unsigned *)arg;
}

TEST(census_names_a_container_once_whatever_it_holds) {
    struct rc_map *links = rc_map_new(&rc_int_element, &rc_link_element),
                  *leaf = rc_map_new(&rc_int_element, &rc_int_element), *other = rc_map_copy(leaf);
    unsigned calls = 0;
    rc_census(census_names, &calls);
    EXPECT_EQ(1, calls);
    rc_release(links);
    rc_release(leaf);
    rc_release(other);
}

TEST(census_without_anybody_to_call_is_a_fault) {
    faults_begin();
    struct leaf *a = rc_new(&leaf_type);
    rc_census(NULL, NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_census");
    rc_release(a);
}

// Class numbers are what types and heaps share; when they are gone, rc_new says so and nothing else suffers.
TEST(too_many_types_in_too_many_heaps_are_out_of_memory, .limit = 60) {
    enum { HEAPS = 80, TYPES = 500 };
    static struct rc_type types[TYPES];
    static struct rc_heap *heaps[HEAPS];
    for (int i = 0; i < TYPES; i++)
        types[i] = (struct rc_type){"many", sizeof(struct pair), .acyclic = true};
    size_t made = 0, refused = 0;
    static void *objects[HEAPS][TYPES];
    for (int k = 0; k < HEAPS; k++) {
        REQUIRE((heaps[k] = rc_heap_new(NULL)));
        rc_heap_enter(heaps[k]);
        for (int i = 0; i < TYPES; i++) {
            errno = 0;
            if ((objects[k][i] = rc_new(&types[i])))
                made++;
            else
                refused += EXPECT_EQ(ENOMEM, errno);
        }
        rc_heap_leave(heaps[k]);
    }
    EXPECT(made > 30000);
    EXPECT(refused > 0);
    for (int k = 0; k < HEAPS; k++) {
        rc_heap_enter(heaps[k]);
        for (int i = 0; i < TYPES; i++)
            rc_release(objects[k][i]);
        rc_heap_leave(heaps[k]);
        free_heap(heaps[k]);
    }
    rc_release(rc_new(&types[0])); // there is room again
}

TEST(many_types_live_side_by_side) {
    enum { MANY = 3000 };
    static struct rc_type types[MANY];
    static void *objects[MANY];
    int n = (int)scaled(MANY);
    for (int i = 0; i < n; i++) {
        types[i] = (struct rc_type){"many", sizeof(struct pair), .slots = RC_SLOTS(RC_LINK(struct pair, x))};
        objects[i] = rc_new(&types[i]);
        REQUIRE(objects[i]);
    }
    for (int i = 0; i < n; i++) {
        EXPECT_PTR(&types[i], rc_type_of(objects[i]));
        rc_set_slot(objects[i], objects[(i + 1) % n]);
    }
    for (int i = 0; i < n; i++)
        rc_release(objects[i]);
    EXPECT_EQ(n, rc_collect());
}

static const struct rc_type many_type = {"many", sizeof(struct pair), .slots = RC_SLOTS(RC_LINK(struct pair, x))};

// More than a heap finds without looking for them.
TEST(many_types_are_forgotten_and_known_again) {
    enum { N = 50 };
    static struct rc_type types[N];
    for (int i = 0; i < N; i++)
        types[i] = many_type;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++)
            rc_release(rc_new(&types[i]));
        for (int i = 0; i < N; i += 2)
            EXPECT(rc_type_forget(&types[i]));
        for (int i = 0; i < N; i++) {
            struct pair *p = rc_new(&types[i]);
            EXPECT_PTR(&types[i], rc_type_of(p));
            rc_release(p);
        }
        for (int i = 0; i < N; i++)
            EXPECT(rc_type_forget(&types[i]));
    }
}

// ---- tables that do not last

// What dlclose takes away: tables, their names and slots. Those of a plugin start with a link; those of another one, which may
// come to lie at the same place, end with one.
struct plugin {
    char name[8];
    struct rc_slot slots[2];
    struct rc_type type, more;
};
struct part { struct part *first; size_t number; struct part *last; };

static struct plugin *load(void *at, size_t link) {
    struct plugin *p = mmap(at, sizeof *p, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
    REQUIRE(p != MAP_FAILED);
    strcpy(p->name, "part");
    p->slots[0] = (struct rc_slot){RC_SLOT_LINK, link, 1, p->name, NULL};
    p->type = (struct rc_type){p->name, sizeof(struct part), .slots = p->slots};
    p->more = (struct rc_type){p->name, sizeof(struct part), .base = &p->type};
    return p;
}
static void unload(struct plugin *p) {
    munmap(p, sizeof *p);
}

TEST(forgotten_table_may_go) {
    struct plugin *p = load(NULL, offsetof(struct part, first));
    struct part *a = rc_new(&p->type), *b = rc_new(&p->more);
    rc_set(&a->first, b);
    rc_give(&b->first, a);
    rc_release(b);
    EXPECT_EQ(2, rc_collect());
    EXPECT(rc_type_forget(&p->type));
    unload(p);
    struct leaf *later = rc_new(&leaf_type); // a new type has the heap look at all that it knows
    rc_release(later);
    expect_census(&leaf_type, 0);
}

TEST(other_table_at_the_same_place_is_another_type) {
    struct plugin *p = load(NULL, offsetof(struct part, first));
    rc_release(rc_new(&p->type));
    EXPECT(rc_type_forget(&p->type));
    unload(p);
    p = load(p, offsetof(struct part, last));
    struct part *a = rc_new(&p->type);
    a->first = (struct part *)16; // no slot any more
    rc_set(&a->last, a);
    rc_release(a);
    EXPECT_EQ(1, rc_collect());
    EXPECT(rc_type_forget(&p->type));
    unload(p);
}

#ifdef RC_CHECK
TEST(other_table_at_the_same_place_is_refused_until_the_first_is_forgotten) {
    faults_begin();
    struct plugin *p = load(NULL, offsetof(struct part, first));
    rc_release(rc_new(&p->more));
    for (int change = 0; change < 4; change++) {
        unload(p);
        p = load(p, change == 0 ? offsetof(struct part, last) : offsetof(struct part, first));
        p->type.size += change == 1 ? sizeof(struct part) : 0;
        p->type.destroy = change == 2 ? element_destroy : NULL;
        p->more.acyclic = change == 3;
        p->more.size = p->type.size;
        errno = 0;
        EXPECT_PTR(NULL, rc_new(&p->more));
        EXPECT_EQ(EINVAL, errno);
        EXPECT_FAULT(RC_FAULT_TYPE, "rc_new");
        EXPECT_HAS("not what it was", last_fault()->message);
    }
    EXPECT_EQ(0, stats().objects);
    EXPECT(rc_type_forget(&p->type));
    rc_release(rc_new(&p->more));
    EXPECT_NO_FAULT();
    EXPECT(rc_type_forget(&p->type));
    unload(p);
}
#endif

TEST(type_with_objects_is_not_forgotten) {
    struct plugin *p = load(NULL, offsetof(struct part, first));
    struct part *a = rc_new(&p->type);
    errno = 0;
    EXPECT(!rc_type_forget(&p->type));
    EXPECT_EQ(EBUSY, errno);
    rc_set(&a->first, a);
    rc_release(a);
    EXPECT(!rc_type_forget(&p->type)); // garbage
    EXPECT_EQ(1, rc_collect());
    struct part *b = rc_new(&p->more);
    EXPECT(!rc_type_forget(&p->type)); // it extends that
    rc_release(b);
    EXPECT(rc_type_forget(&p->more));
    EXPECT(rc_type_forget(&p->type));
    EXPECT(rc_type_forget(&p->type)); // twice
    EXPECT(rc_type_forget(&row_type)); // never known
    unload(p);
}

TEST(forgotten_type_may_come_back) {
    struct leaf *a = rc_new(&leaf_type);
    rc_release(a);
    EXPECT(rc_type_forget(&leaf_type));
    a = rc_new(&leaf_type);
    EXPECT_PTR(&leaf_type, rc_type_of(a));
    expect_census(&leaf_type, 1);
    rc_release(a);
}

TEST(types_of_a_merged_heap_are_forgotten_with_its_objects) {
    struct plugin *p = load(NULL, offsetof(struct part, first));
    rc_release(rc_new(&p->more));
    struct rc_heap *here = rc_heap_current(), *other = new_heap();
    rc_heap_enter(other);
    struct part *a = rc_new(&p->more);
    rc_heap_leave(other);
    REQUIRE(rc_heap_merge(here, other));
    EXPECT(!rc_type_forget(&p->type));
    rc_release(a);
    EXPECT(rc_type_forget(&p->type));
    unload(p);
    rc_release(rc_new(&leaf_type));
}

TEST(types_are_forgotten_heap_by_heap) {
    struct leaf *a = rc_new(&leaf_type);
    struct rc_heap *other = new_heap();
    rc_heap_enter(other);
    rc_release(rc_new(&leaf_type));
    EXPECT(rc_type_forget(&leaf_type));
    rc_heap_leave(other);
    free_heap(other);
    EXPECT(!rc_type_forget(&leaf_type));
    rc_release(a);
}

TEST(no_type_to_forget_is_a_fault) {
    faults_begin();
    errno = 0;
    EXPECT(!rc_type_forget(NULL));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_type_forget");
}

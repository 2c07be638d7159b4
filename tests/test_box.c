// SPDX-License-Identifier: MIT
// rc_box: a value or a resource is released once, whoever does it.
#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/items.h"
#include "tests/scarce.h"
#include <refcyc/box.h>

static unsigned released;
static void release_int(void *resource) {
    EXPECT_EQ(42, *(int *)resource);
    released++;
}

TEST(resource_is_released_with_its_box) {
    int resource = 42;
    struct rc_box *box = rc_box_wrap(&resource, release_int);
    EXPECT_PTR(&resource, rc_box_resource(box));
    EXPECT_PTR(NULL, rc_box_value(box));
    EXPECT_EQ(0, released);
    rc_release(box);
    EXPECT_EQ(1, released);
    EXPECT_EQ(0, stats().suspects);
}

TEST(resource_is_released_once_if_closed_before) {
    int resource = 42;
    struct rc_box *box = rc_box_wrap(&resource, release_int);
    rc_box_close(box);
    EXPECT_EQ(1, released);
    EXPECT_PTR(NULL, rc_box_resource(box));
    rc_box_close(box);
    rc_release(box);
    EXPECT_EQ(1, released);
}

TEST(unwrapped_resource_is_the_callers) {
    int resource = 42;
    struct rc_box *box = rc_box_wrap(&resource, release_int);
    EXPECT_PTR(&resource, rc_box_unwrap(box));
    errno = 0;
    EXPECT_PTR(NULL, rc_box_unwrap(box));
    EXPECT_EQ(ENOENT, errno);
    EXPECT(!rc_box_take(box, &resource));
    rc_release(box);
    EXPECT_EQ(0, released);
    box = rc_box_wrap(NULL, release_int); // nothing to release
    rc_release(box);
    EXPECT_EQ(0, released);
    box = rc_box_wrap(&resource, NULL); // nobody to do it
    rc_release(box);
}

TEST(buffer_of_malloc_is_freed) {
    struct rc_box *box = rc_box_wrap(malloc(100), free);
    memset(rc_box_resource(box), 1, 100);
    rc_release(box);
}

TEST(plain_value_is_in_the_box) {
    struct rc_box *box = rc_box_new(&rc_double_element, &(double){1.5});
    EXPECT(*(double *)rc_box_value(box) == 1.5);
    *(double *)rc_box_value(box) = 2.5;
    double out = 0;
    EXPECT(rc_box_take(box, &out));
    EXPECT(out == 2.5);
    EXPECT_PTR(NULL, rc_box_value(box));
    EXPECT(!rc_box_take(box, &out));
    EXPECT_EQ(ENOENT, errno);
    rc_release(box);
}

struct wide { _Alignas(16) char bytes[48]; };
RC_ELEMENT(wide, struct wide, .slots = NULL);

TEST(value_is_aligned) {
    for (int i = 0; i < 10; i++) {
        struct rc_box *box = rc_box_new(&wide_element, &(struct wide){{0}});
        EXPECT_EQ(0, (uintptr_t)rc_box_value(box) % 16);
        rc_release(box);
    }
}

TEST(value_with_links_is_copied_given_and_taken) {
    struct item *x = item_new(1);
    struct wire w = wire_of(x, x), out;
    struct rc_box *copied = rc_box_new(&wire_element, &w), *given = rc_box_give(&wire_element, &w);
    EXPECT_EQ(4, rc_links(x));
    EXPECT_EQ(1, rc_handles(x));
    EXPECT_EQ(2, resources_open);
    EXPECT(rc_box_take(given, &out));
    EXPECT_EQ(2, rc_links(x));
    EXPECT_EQ(3, rc_handles(x));
    wire_close(&out);
    rc_box_close(copied);
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(0, rc_links(x));
    rc_release(copied);
    rc_release(given);
    rc_release(x);
    EXPECT_EQ(0, items_alive);
}

TEST(box_in_a_cycle_is_collected_with_its_value) {
    struct item *x = item_new(1);
    struct wire w = wire_of(x, NULL);
    struct rc_box *box = rc_box_give(&wire_element, &w);
    rc_set(&x->back, box);
    rc_release(x);
    rc_release(box);
    EXPECT_EQ(1, resources_open);
    rc_collect();
    EXPECT_EQ(0, resources_open);
    EXPECT_EQ(0, items_alive);
}

TEST(bad_input_is_a_fault) {
    faults_begin();
    struct rc_box *box = NULL;
    EXPECT_PTR(NULL, rc_box_new(NULL, &box));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_box_new");
    EXPECT_PTR(NULL, rc_box_new(&rc_int_element, NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_box_new");
    struct wire w = {0};
    EXPECT_PTR(NULL, rc_box_new(&given_wire_element, &w));
    EXPECT_FAULT(RC_FAULT_TYPE, "rc_box_new");
    EXPECT_PTR(NULL, rc_box_value(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_box_value");
    EXPECT_PTR(NULL, rc_box_resource(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_box_resource");
    rc_box_close(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_box_close");
    EXPECT(!rc_box_take(NULL, &w));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_box_take");
    copies_fail = true;
    EXPECT_PTR(NULL, rc_box_new(&wire_element, &w));
    EXPECT_EQ(ENOMEM, errno);
    EXPECT_NO_FAULT();
}

TEST(without_memory_the_resource_stays_the_callers) {
    struct rc_heap *heap = scarce_enter();
    int resource = 42;
    struct rc_box *box;
    EACH_FAILURE_OF(box, rc_box_wrap(&resource, release_int)) {
        EXPECT_PTR(NULL, box);
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(0, released);
    }
    rc_release(box);
    EXPECT_EQ(1, released);
    scarce_leave(heap);
}

static struct rc_box *dying;
static void close_again(void *resource) {
    (void)resource;
    released++;
    rc_box_close(dying);
    EXPECT_PTR(NULL, rc_box_resource(dying));
}

TEST(release_function_may_close_the_box_it_is_called_for) {
    int resource;
    dying = rc_box_wrap(&resource, close_again);
    rc_box_close(dying);
    EXPECT_EQ(1, released);
    rc_release(dying);
}

// ---- random operations on a row of boxes, beside what is in them

enum { BOXES = 8, ITEMS = 4 };

TEST(random_operations, .limit = 60) {
    for (uint32_t s = 1; s <= scaled(20); s++) {
        struct rc_heap *heap = scarce_enter();
        struct holder *way[BOXES] = {NULL}; // to a box, by a link
        struct item *item[ITEMS];
        int id[BOXES]; // of the item in it; -1: it is empty
        size_t full = 0;
        uint32_t seed = s;
        items_new(item, ITEMS, NULL);
        for (int n = 0; n < 800; n++) {
            test_note("seed %u, operation %d", s, n);
            seed = seed * 1664525u + 1013904223u;
            int i = (int)((seed >> 8) % BOXES), k = (int)((seed >> 12) % ITEMS);
            struct rc_box *box = way[i] ? way[i]->held : NULL;
            struct wire w;
            switch (box ? (seed >> 20) % 4 : 4 + (seed >> 20) % 2) {
            case 0:
                rc_box_close(box);
                full -= id[i] >= 0;
                id[i] = -1;
                break;
            case 1:
                EXPECT_EQ(id[i] >= 0, rc_box_take(box, &w));
                if (id[i] >= 0) {
                    EXPECT_EQ(id[i], item_id(w.a));
                    wire_close(&w);
                    full--;
                }
                id[i] = -1;
                break;
            case 2:
                full -= id[i] >= 0;
                rc_release(way[i]);
                way[i] = NULL;
                break;
            case 3:
                stir(way[i]);
                break;
            default: {
                bool give = (seed >> 20) % 2;
                w = wire_of(item[k], NULL);
                EACH_FAILURE_OF(box, give ? rc_box_give(&wire_element, &w) : rc_box_new(&wire_element, &w)) {
                    EXPECT_PTR(NULL, box);
                    EXPECT_EQ(full + 1, resources_open);
                }
                if (!give)
                    wire_close(&w);
                way[i] = holder_of(box);
                id[i] = k;
                full++;
            }
            }
            rc_collect_step(0);
            EXPECT_EQ(full, resources_open);
            for (int b = 0; b < BOXES; b++)
                if (way[b]) {
                    const struct wire *value = rc_box_value(way[b]->held);
                    EXPECT_EQ(id[b], value ? item_id(value->a) : -1);
                }
            if (test_failures())
                test_stop();
        }
        for (int i = 0; i < BOXES; i++)
            rc_release(way[i]);
        items_release(item, ITEMS);
        rc_collect();
        EXPECT_EQ(0, items_alive);
        EXPECT_EQ(0, resources_open);
        scarce_leave(heap);
    }
}

// SPDX-License-Identifier: MIT
// Containers whose functions meddle: copies, hashes, comparisons, tests, destructors and finalizers that now and then change a
// container, perhaps the one that has called them, or collect, or fail. After each program all has to be gone, and in between
// rc_verify has nothing to say. Which call may be refused, and which are not, is left to chance: what counts is that nothing is
// lost, read after its end, or freed twice. So this is for sanitizers and assertions, most of all. In half of the programs
// values have a destructor. Some iterations are kept from call to call, whatever comes between.
//
//     meddlers [-s seed] [-t seconds]
//
// A program is 400 calls on three containers of each sort; in half of them each sixth request for memory is refused.
#include "clock.h"
#include "random.h"

#include <refcyc/refcyc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EACH = 3, CALLS = 400 };

// One of each sort. The world holds EACH of these; a call holds what it works with.
struct shelf {
    struct rc_array *array;
    struct rc_list *list;
    struct rc_map *map;
    struct rc_set *set;
    struct rc_weak_map *weak_map;
    struct rc_box *box; // or NULL
};

static struct shelf world[EACH];
static uint64_t random_state, program;
static bool is_scarce, in_main; // memory is; the call is the main program's
static int depth;               // of calls within calls
static long nodes, opened;      // that are alive; values that are open

static uint32_t below(uint32_t n) {
    return random_below(&random_state, n);
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "meddlers: %s; repeat it with: -s %llu -t 0\n", what, (unsigned long long)program);
    abort();
}

static void meddle(void);

// ---- what containers hold: a number, or an object that leads on to itself or to a container

struct node {
    struct node *self;
    void *container;
    struct rc_weak *weak;
};

static void node_finalize(void *obj) {
    (void)obj;
    meddle();
}
static void node_destroy(void *obj) {
    (void)obj;
    nodes--;
    meddle();
}
static RC_TYPE(node, struct node,
               .slots = RC_SLOTS(RC_LINK(struct node, self), RC_LINK(struct node, container), RC_WEAK(struct node, weak)),
               .finalize = node_finalize, .destroy = node_destroy);

struct value {
    struct rc_weak *weak;
    bool is_node, is_open; // open: counted, until its destructor is called
    union {
        uint32_t number;
        struct node *node;
    } as;
};

static bool value_has_links(const void *value) {
    return ((const struct value *)value)->is_node;
}
static uint64_t value_hash(const void *value) {
    const struct value *v = value;
    meddle();
    return v->is_node ? 7 : v->as.number;
}
static bool value_equal(const void *a, const void *b) {
    const struct value *x = a, *y = b;
    meddle();
    return x->is_node == y->is_node && (x->is_node ? x->as.node == y->as.node : x->as.number == y->as.number);
}
static int value_compare(const void *a, const void *b) {
    const struct value *x = a, *y = b;
    meddle();
    if (x->is_node || y->is_node)
        return x->is_node - y->is_node;
    return (x->as.number > y->as.number) - (x->as.number < y->as.number);
}
static bool value_copy(void *to, const void *from) {
    (void)from;
    meddle();
    if (!below(15))
        return false;
    opened += ((struct value *)to)->is_open;
    return true;
}
static void value_destroy(void *value) {
    struct value *v = value;
    opened -= v->is_open;
    v->is_open = false;
    meddle();
}
#define VALUE                                                                                                          \
    .slots = RC_SLOTS(RC_LINK(struct value, as.node), RC_WEAK(struct value, weak)), .has_links = value_has_links,      \
    .hash = value_hash, .equal = value_equal, .compare = value_compare, .copy = value_copy
static RC_ELEMENT(value, struct value, VALUE);
static RC_ELEMENT(open_value, struct value, VALUE, .destroy = value_destroy);
static const struct rc_element *element; // the one of this program

static struct node *make_node(void) {
    bool scarce = is_scarce;
    is_scarce = false;
    struct node *node = rc_new(&node_type);
    is_scarce = scarce;
    if (!node)
        fail("a node is refused");
    nodes++;
    const struct shelf *shelf = &world[below(EACH)];
    void *containers[] = {shelf->array, shelf->list, shelf->map, shelf->set, shelf->weak_map};
    if (!below(3))
        rc_set(&node->self, node);
    if (!below(3))
        rc_set_slot(&node->container, containers[below(5)]);
    if (!below(4))
        rc_weak_set(&node->weak, node);
    return node;
}

static struct value make_value(void) {
    struct value v = {.as.number = below(12)};
    if (below(2))
        v = (struct value){.is_node = true, .as.node = make_node()};
    if (v.is_node && !below(4))
        rc_weak_set(&v.weak, v.as.node);
    v.is_open = element->destroy != NULL;
    opened += v.is_open;
    return v;
}
static void unmake_value(const struct value *v) {
    if (v->is_node)
        rc_release(v->as.node);
    rc_weak_release(v->weak);
    opened -= v->is_open;
}

static bool test(const void *value, void *arg) {
    (void)value, (void)arg;
    meddle();
    return below(2);
}
static bool test_entry(const void *key, const void *value, void *arg) {
    (void)key;
    return test(value, arg);
}

// ---- calls

// What a call works with: a shelf, another one, or the same, and two values. It sets those to numbers that it has moved.
struct work {
    struct shelf s, other;
    struct value v, w;
};

static void moved(bool done, struct value *v) {
    if (done)
        *v = (struct value){0};
}
static void took(bool done, const struct value *v) {
    if (done)
        unmake_value(v);
}

// Iterations that other calls come between. Each holds its container.
static struct rc_array_iter array_it;
static struct rc_list_iter list_it;
static struct rc_map_iter map_it;
static struct rc_set_iter set_it;

// Whether a value is there, which can be read.
static bool value_at(const struct value *v) {
    return v && (!v->is_node || !v->as.node || rc_type_of(v->as.node) == &node_type);
}

// One step of the iteration of this name. Where it stands on an element, [is_good] holds.
#define KEEP(name, step, is_good)                                                                                      \
    static void keep_##name(const struct work *k) {                                                                    \
        struct rc_##name *held = rc_retain(name##_it.name);                                                            \
        enum rc_iter is = held ? step(&name##_it) : RC_ITER_CHANGED;                                                   \
        if (is == RC_ITER_ITEM && !(is_good))                                                                          \
            fail("an iteration stands nowhere");                                                                       \
        for (uint32_t n = held ? below(3) : 0; n; n--)                                                                 \
            rc_##name##_iter_remove(&name##_it);                                                                       \
        if (is == RC_ITER_CHANGED || !below(5)) {                                                                      \
            struct rc_##name *old = name##_it.name;                                                                    \
            name##_it = rc_##name##_iter(rc_retain(k->s.name));                                                        \
            rc_release(old);                                                                                           \
        }                                                                                                              \
        rc_release(held);                                                                                              \
    }
KEEP(array, rc_array_next, value_at(rc_array_at(held, array_it.index)))
KEEP(list, rc_list_step, list_it.element == rc_list_at(held, list_it.pos) && value_at(list_it.element))
KEEP(map, rc_map_next, value_at(map_it.key) && value_at(map_it.value))
KEEP(set, rc_set_next, value_at(set_it.member))

static void keep_none(void) {
    rc_release(array_it.array);
    rc_release(list_it.list);
    rc_release(map_it.map);
    rc_release(set_it.set);
    array_it = (struct rc_array_iter){0};
    list_it = (struct rc_list_iter){0};
    map_it = (struct rc_map_iter){0};
    set_it = (struct rc_set_iter){0};
}

static struct rc_list_pos some_pos(const struct rc_list *l) {
    struct rc_list_pos pos = rc_list_first(l);
    for (uint32_t n = below(4); n && !rc_list_is_none(pos); n--)
        pos = rc_list_next(l, pos);
    return below(4) ? pos : RC_LIST_NONE;
}

static void array_call(struct work *k, uint32_t which) {
    struct rc_array *a = k->s.array, *b = k->other.array;
    size_t size = rc_array_size(a);
    struct value *some = size ? rc_array_at(a, below((uint32_t)size)) : &k->v, taken;
    struct rc_array_iter it = rc_array_iter(a);
    switch (which) {
    case 15: keep_array(k); break;
    case 16:
        rc_array_sort(a, NULL);
        rc_array_search(a, &k->v, NULL, NULL);
        break;
    case 17: rc_array_remove_fast(a, below(4)); break;
    case 18: rc_array_swap(a, below(4), below(4)); break;
    case 19: rc_array_reverse(a); break;
    case 20: rc_array_shrink(a); break;
    case 21: rc_release(rc_array_slice(a, 0, below(4))); break;
    case 22: below(3) ? (void)0 : rc_array_clear(a); break;
    case 23: rc_array_find_if(a, 0, test, NULL); break;
    case 0: rc_array_push_value(a, &k->v); break;
    case 1: rc_array_insert_value(a, below(5), &k->v); break;
    case 2: moved(rc_array_push_give(a, &k->v), &k->v); break;
    case 3: rc_array_insert_value(a, 0, some); break;
    case 4: rc_array_set_value(a, below(8), &k->v); break;
    case 5: rc_array_sort(a, NULL); break;
    case 6: rc_array_insert_range(a, below(4), b, 0, below(4)); break;
    case 7: rc_array_move_range(a, 0, b, 0, a != b); break;
    case 8: rc_array_remove_if(a, test, NULL, NULL); break;
    case 9: rc_array_remove_range(a, 0, below(4)); break;
    case 10: rc_array_insert_values(a, below((uint32_t)size + 1), size ? rc_array_at(a, 0) : &k->v, size > 3 ? 3 : size); break;
    case 11: took(rc_array_take_value(a, 0, &taken), &taken); break;
    case 12: rc_array_resize(a, below(40)); break;
    case 13: rc_array_find_value(a, 0, &k->v); break;
    default:
        while (rc_array_next(&it) == RC_ITER_ITEM)
            if (!below(3))
                rc_array_iter_remove(&it);
    }
}

static void list_call(struct work *k, uint32_t which) {
    struct rc_list *l = k->s.list, *m = k->other.list;
    struct rc_list_iter it = rc_list_iter(l);
    struct value taken;
    switch (which) {
    case 11: keep_list(k); break;
    case 12: rc_list_splice(l, some_pos(l), m, some_pos(m), some_pos(m)); break;
    case 13: took(rc_list_take_value(l, some_pos(l), &taken), &taken); break;
    case 14: rc_list_move(l, some_pos(l), some_pos(l)); break;
    case 15: rc_list_reverse(l); break;
    case 16: rc_list_reserve(l, below(30)); break;
    case 17: rc_list_find_value(l, some_pos(l), &k->v); break;
    case 18: rc_list_find_if(l, some_pos(l), test, NULL); break;
    case 19: {
        void *element = rc_list_at(l, some_pos(l));
        if (element)
            rc_list_insert_value(l, some_pos(l), element);
        break;
    }
    case 20: rc_list_set_value(l, some_pos(l), &k->v); break;
    case 0: rc_list_insert_value(l, RC_LIST_NONE, &k->v); break;
    case 1: moved(!rc_list_is_none(rc_list_insert_give(l, RC_LIST_NONE, &k->v)), &k->v); break;
    case 2: rc_list_set_value(l, rc_list_first(l), &k->v); break;
    case 3: rc_list_sort(l, NULL); break;
    case 4: l != m ? rc_list_splice(l, RC_LIST_NONE, m, RC_LIST_NONE, rc_list_first(m)) : false; break;
    case 5: rc_list_remove_if(l, test, NULL, NULL); break;
    case 6: rc_list_remove(l, rc_list_last(l)); break;
    case 7: rc_list_shrink(l); break;
    case 8: rc_release(rc_list_copy(l)); break;
    case 9: below(3) ? (void)0 : rc_list_clear(l); break;
    default:
        while (rc_list_step(&it) == RC_ITER_ITEM)
            if (!below(3))
                rc_list_iter_remove(&it);
            else if (!below(6))
                rc_list_insert_value(l, it.pos, &k->v);
    }
}

static void map_call(struct work *k, uint32_t which) {
    struct rc_map *m = k->s.map, *n = k->other.map;
    struct value taken, *found;
    switch (which) {
    case 12: keep_map(k); break;
    case 13: rc_release(rc_map_values(m)); break;
    case 14: rc_map_reserve(m, below(60)); break;
    case 15: {
        struct value both[2];
        if (rc_map_take_entry(m, &k->v, &both[0], &both[1]))
            unmake_value(&both[0]), unmake_value(&both[1]);
        break;
    }
    case 0: rc_map_put(m, &k->v, &k->w); break;
    case 1:
        if (rc_map_put_give(m, &k->v, &k->w))
            moved(true, &k->v), moved(true, &k->w);
        break;
    case 2: rc_map_remove(m, &k->v); break;
    case 3: took(rc_map_take(m, &k->v, &taken), &taken); break;
    case 4:
        found = rc_map_find(m, &k->v); // where the map itself has it, and nobody can change that meanwhile
        if (found)
            rc_map_put(m, &k->w, found);
        break;
    case 5: rc_map_put_all(m, n); break;
    case 6: rc_map_shrink(m); break;
    case 7: rc_map_remove_if(m, test_entry, NULL, NULL); break;
    case 8: rc_release(rc_map_keys(m)); break;
    case 9: rc_release(rc_map_copy(m)); break;
    case 10: rc_map_ensure(m, &k->v); break;
    default: below(3) ? (void)0 : rc_map_clear(m);
    }
}

static void set_call(struct work *k, uint32_t which) {
    struct rc_set *s = k->s.set, *t = k->other.set;
    struct rc_set_iter it = rc_set_iter(s);
    struct value taken;
    switch (which) {
    case 14: keep_set(k); break;
    case 0: rc_set_add(s, &k->v); break;
    case 1: moved(rc_set_add_give(s, &k->v), &k->v); break;
    case 2: rc_set_remove(s, &k->v); break;
    case 3: took(rc_set_take(s, &k->v, &taken), &taken); break;
    case 4: rc_set_add_all(s, t); break;
    case 5: rc_set_remove_all(s, t); break;
    case 6: rc_set_keep_all(s, t); break;
    case 7: rc_set_is_within(s, t); break;
    case 8: rc_release(rc_set_members(s)); break;
    case 9: rc_set_remove_if(s, test, NULL, NULL); break;
    case 10: rc_set_shrink(s); break;
    case 11: rc_release(rc_set_copy(s)); break;
    case 12: below(3) ? (void)0 : rc_set_clear(s); break;
    default:
        while (rc_set_next(&it) == RC_ITER_ITEM)
            if (!below(3))
                rc_set_iter_remove(&it);
            else if (!below(8))
                rc_set_add(s, &k->v);
    }
}

static void other_call(struct work *k, uint32_t which) {
    struct node *key = k->v.is_node ? k->v.as.node : NULL;
    struct value taken;
    switch (which) {
    case 0:
        if (key)
            rc_weak_map_put(k->s.weak_map, key, below(2) ? (void *)key : (void *)k->s.weak_map);
        break;
    case 1:
        if (key)
            rc_weak_map_put(k->s.weak_map, key, k->s.set);
        break;
    case 2: rc_weak_map_clear(k->s.weak_map); break;
    case 3: took(k->s.box && rc_box_take(k->s.box, &taken), &taken); break;
    default:
        if (k->s.box)
            rc_box_close(k->s.box);
    }
}

// ---- programs

static void hold(struct shelf *to, const struct shelf *from) {
    *to = (struct shelf){rc_retain(from->array), rc_retain(from->list),     rc_retain(from->map),
                         rc_retain(from->set),   rc_retain(from->weak_map), rc_retain(from->box)};
}
static void let_go(const struct shelf *shelf) {
    rc_release(shelf->array);
    rc_release(shelf->list);
    rc_release(shelf->map);
    rc_release(shelf->set);
    rc_release(shelf->weak_map);
    rc_release(shelf->box);
}

// The calls of a sort, and how many there are.
static const struct {
    void (*call)(struct work *k, uint32_t which);
    uint32_t calls;
} sorts[] = {{array_call, 24}, {list_call, 21}, {map_call, 16}, {set_call, 15}, {other_call, 5}};

static void one_call(void) {
    uint32_t place = below(EACH), sort = below(sizeof sorts / sizeof *sorts);
    struct work k = {.v = make_value(), .w = make_value()};
    hold(&k.s, &world[place]);
    hold(&k.other, &world[below(EACH)]);
    bool scarce = is_scarce;
    is_scarce = program & 1 && !depth;
    sorts[sort].call(&k, below(sorts[sort].calls));
    struct rc_box *box = below(20) ? NULL : rc_box_new(element, &k.v), *before = world[place].box;
    is_scarce = scarce;
    if (box) {
        world[place].box = box;
        rc_release(before);
    }
    unmake_value(&k.v);
    unmake_value(&k.w);
    let_go(&k.s);
    let_go(&k.other);
}

static void meddle(void) {
    uint32_t what = below(40);
    if (!in_main || depth > 1 || what > 3)
        return;
    depth++;
    if (what == 0)
        one_call();
    else if (what == 1)
        rc_collect();
    else
        rc_collect_step(what == 2 ? 0 : 500);
    depth--;
}

static void *scarce_alloc(size_t size, size_t align, void *arg) {
    (void)align, (void)arg;
    return is_scarce && !below(6) ? NULL : malloc(size); // which is aligned to 16
}
static void spoiling_free(void *memory, size_t size, void *arg) {
    (void)arg;
    memset(memory, 0xA5, size);
    free(memory);
}
static const struct rc_allocator scarce_allocator = {scarce_alloc, spoiling_free, NULL};

static void run(void) {
    struct rc_heap_options options = {.release_limit = program % 3 ? 0 : program % 5,
                                      .allocator = program % 4 < 2 ? NULL : &scarce_allocator};
    struct rc_heap *heap = rc_heap_new(&options);
    struct rc_stats stats;
    if (!heap)
        fail("a heap is refused");
    element = program / 8 % 2 ? &open_value_element : &value_element;
    rc_heap_enter(heap);
    for (int i = 0; i < EACH; i++)
        world[i] = (struct shelf){rc_array_new(element), rc_list_new(element), rc_map_new(element, element),
                                  rc_set_new(element),   rc_weak_map_new(),    NULL};
    in_main = true;
    for (int i = 0; i < CALLS; i++) {
        one_call();
        if (!below(3))
            rc_collect_step(0);
        if (i % 40 == 0 && rc_verify(NULL, NULL))
            fail("rc_verify found something");
    }
    in_main = false;
    keep_none();
    for (int i = 0; i < EACH; i++) {
        let_go(&world[i]);
        world[i] = (struct shelf){0};
    }
    rc_collect();
    rc_collect();
    rc_stats(&stats);
    if (stats.objects || nodes || opened || rc_weak_left())
        fail("something is left");
    rc_heap_leave(heap);
    rc_heap_free(heap);
}

static void on_fault(const struct rc_fault *fault) {
    fail(fault->message);
}

int main(int argc, char **argv) {
    double seconds = 20;
    program = (uint64_t)time(NULL);
    for (int option; (option = getopt(argc, argv, "s:t:")) != -1;)
        if (option == 's')
            program = strtoull(optarg, NULL, 0);
        else if (option == 't')
            seconds = strtod(optarg, NULL);
        else
            return 2;
    rc_set_fault_handler(on_fault);
    printf("meddlers: seed %llu\n", (unsigned long long)program);
    uint64_t first = program;
    double start = now(), shown = start;
    do {
        random_state = program;
        run();
        program++;
        if (now() - shown >= 1) {
            shown = now();
            printf("%6.0f s  %llu programs\n", shown - start, (unsigned long long)(program - first));
            fflush(stdout);
        }
    } while (now() < start + seconds);
    printf("meddlers: no failure in %llu programs of %d calls\n", (unsigned long long)(program - first), CALLS);
    return 0;
}

// SPDX-License-Identifier: MIT
// rc_why, rc_referrers, rc_leaks and rc_report: what they say, word for word, of every sort of slot and holder; that they
// say it in every phase of a collection and change nothing; and what happens when there is no memory for them.
#define _GNU_SOURCE
#include "tests/command.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/heaps.h"
#include "tests/items.h"
#include "tests/malloc.h"
#include "tests/steps.h"

#include <refcyc/inspect.h>
#include <unistd.h>

// ---- texts, with the names of objects instead of their addresses

static struct {
    const void *object;
    const char *name;
} named[32];
static size_t names;
static char text[8192];

static void *name(const char *name, void *object) {
    REQUIRE(object && names < sizeof named / sizeof *named);
    named[names].object = object;
    named[names++].name = name;
    return object;
}

static const char *name_of(const char *address, size_t length) {
    char known[32];
    for (size_t i = 0; i < names; i++) {
        int n = snprintf(known, sizeof known, "%p", named[i].object);
        if ((size_t)n == length && memcmp(known, address, length) == 0)
            return named[i].name;
    }
    return NULL;
}

static void add_line(const char *line, void *arg) {
    EXPECT(arg == &names);
    char *to = text + strlen(text), *end = text + sizeof text - 2;
    if (to != text)
        *to++ = '\n';
    while (*line && to < end) {
        size_t length = strncmp(line, "0x", 2) ? 0 : 2 + strspn(line + 2, "0123456789abcdef");
        const char *known = length ? name_of(line, length) : NULL;
        if (known) {
            to += sprintf(to, "%s", known);
            line += length;
        } else {
            *to++ = *line++;
        }
    }
    *to = 0;
}

static const char *why(const void *obj) {
    text[0] = 0;
    struct rc_stats before = stats();
    EXPECT(rc_why_print(obj, add_line, &names));
    struct rc_stats after = stats();
    EXPECT_EQ(0, memcmp(&before, &after, sizeof before));
    return text;
}

static const char *report(void) {
    text[0] = 0;
    EXPECT(rc_report(add_line, &names));
    return text;
}

static const char *node(char letter) { // the graph's, by their letters
    static char texts[26][2];
    char *t = texts[letter - 'a'];
    t[0] = letter;
    name(t, at(letter));
    return t;
}

// ---- allocations of the C library that fail

// The call with its first allocation failing, then its second, and so on; each time it says so, and the last time it works.
static void with_each_failure(bool (*call)(void *arg), void *arg) {
    for (fails_at = 1;; fails_at++) {
        asked = refusals = 0;
        errno = 0;
        scarce = true;
        bool ok = call(arg);
        scarce = false;
        test_note("allocation %zu", fails_at);
        EXPECT(ok == !refusals);
        if (!refusals)
            break;
        EXPECT_EQ(ENOMEM, errno);
        EXPECT_EQ(0, rc_verify(NULL, NULL));
        REQUIRE(test_failures() == 0);
    }
    EXPECT(fails_at > 1);
    test_note("%s", "");
}

// ---- a small world of documents

struct element;
struct closure {
    struct element *self;
    int calls;
};
struct element {
    struct element *first, *next;
    struct closure *listener[3];
    struct rc_weak *observed;
};
struct document {
    struct element *first;
    size_t n;
    void *rest[];
};
RC_TYPE(closure, struct closure, .slots = RC_SLOTS(RC_LINK(struct closure, self)));
RC_TYPE(element, struct element,
        .slots = RC_SLOTS(RC_LINK(struct element, first), RC_LINK(struct element, next), RC_LINK(struct element, listener),
                          RC_WEAK(struct element, observed)));
RC_TYPE(document, struct document, .slots = RC_SLOTS(RC_LINK(struct document, first), RC_TAIL(struct document, rest, n)));
RC_TYPE(page, struct document, .base = &document_type);

//   D --first--> E --listener[2]--> C --self--> E
static struct document *new_document(void) {
    struct document *d = name("D", rc_new_sized(&document_type, 4 * sizeof(void *)));
    d->n = 4;
    struct element *e = name("E", rc_new(&element_type));
    struct closure *c = name("C", rc_new(&closure_type));
    rc_set(&d->first, e);
    rc_give(&c->self, e);
    rc_give(&e->listener[2], c);
    return d;
}

// ---- rc_why: where the way begins

TEST(object_with_a_handle_is_its_own_reason) {
    graph("a");
    node('a');
    EXPECT_STR("node a is alive: it has 1 handle", why(at('a')));
    hold("a");
    EXPECT_STR("node a is alive: it has 2 handles", why(at('a')));
    drop("aa");
}

TEST(way_is_told_slot_by_slot) {
    struct document *d = new_document();
    EXPECT_STR("closure C is alive: document D, which has 1 handle, leads to it\n"
               "  document D\n"
               "    --first--> element E\n"
               "    --listener[2]--> closure C",
               why(d->first->listener[2]));
    rc_release(d);
    rc_collect();
}

TEST(way_is_there_as_data) {
    struct document *d = new_document();
    (void)rc_retain(d);
    struct rc_why *w = rc_why(d->first->listener[2]);
    REQUIRE(w);
    EXPECT_EQ(RC_WHY_HANDLES, w->kind);
    EXPECT_EQ(2, w->handles);
    EXPECT_EQ(0, w->foreign);
    EXPECT_EQ(0, w->links);
    EXPECT_EQ(0, w->explained);
    EXPECT_EQ(3, w->count);
    EXPECT_PTR(d, w->steps[0].object);
    EXPECT_PTR(&document_type, w->steps[0].type);
    EXPECT_STR("first", w->steps[0].slot);
    EXPECT_PTR(d->first, w->steps[1].object);
    EXPECT_PTR(&element_type, w->steps[1].type);
    EXPECT_STR("listener[2]", w->steps[1].slot);
    EXPECT_PTR(d->first->listener[2], w->steps[2].object);
    EXPECT_PTR(&closure_type, w->steps[2].type);
    EXPECT_PTR(NULL, w->steps[2].slot);
    rc_why_free(w);
    rc_why_free(NULL);
    rc_release(d);
    rc_release(d);
    rc_collect();
}

//   a --> b --> c --> d --> e, and g --> d: from g it is nearer
TEST(way_is_the_shortest) {
    graph("ab bc cd de gd");
    drop("bcde");
    node('d'), node('e'), node('g');
    EXPECT_STR("node e is alive: node g, which has 1 handle, leads to it\n"
               "  node g\n"
               "    --x--> node d\n"
               "    --x--> node e",
               why(at('e')));
    drop("ag");
}

TEST(handles_of_other_threads_are_told_apart_until_the_heap_has_taken_them_up) {
    graph("a");
    node('a');
    elsewhere(retain_there, at('a'));
    EXPECT_STR("node a is alive: it has 2 handles, of which 1 was counted elsewhere", why(at('a')));
    struct rc_why *w = rc_why(at('a'));
    REQUIRE(w);
    EXPECT_EQ(2, w->handles);
    EXPECT_EQ(1, w->foreign);
    rc_why_free(w);
    rc_release(at('a'));
    EXPECT_STR("node a is alive: it has 1 handle", why(at('a')));
    (void)rc_retain(at('a'));
    (void)rc_retain(at('a'));
    elsewhere(release_there, at('a'));
    EXPECT_STR("node a is alive: it has 2 handles, 3 less 1 given up elsewhere", why(at('a')));
    rc_release(at('a'));
    EXPECT_STR("node a is alive: it has 1 handle, 2 less 1 given up elsewhere", why(at('a')));
    drop("a");
    graph("bc");
    node('c');
    drop("c");
    elsewhere(retain_there, at('c'));
    EXPECT_STR("node c is alive: it has 1 handle, counted elsewhere", why(at('c')));
    elsewhere(retain_there, at('c'));
    hold("c");
    EXPECT_STR("node c is alive: it has 3 handles, of which 2 were counted elsewhere", why(at('c')));
    drop("c");
    rc_release(at('c'));
    rc_release(at('c'));
    drop("b");
}

TEST(immortal_object_is_a_reason) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("ab");
    drop("b");
    node('a'), node('b');
    rc_immortal(at('a'));
    EXPECT_STR("node b is alive: node a, which is immortal, leads to it\n"
               "  node a\n"
               "    --x--> node b",
               why(at('b')));
    EXPECT_STR("node a is alive: it is immortal", why(at('a')));
    rc_heap_leave(h);
    rc_heap_free(h);
}

//   a --> b, and somebody overwrites a.x: b has a link that is nowhere
TEST(links_that_no_slot_explains_are_a_reason) {
    graph("ab bc db");
    drop("bc");
    node('b'), node('c');
    struct node *b = at('b');
    at('a')->x = NULL; // by hand
    rc_clear(&at('d')->x);
    EXPECT_STR("node c is alive: node b, which has 1 link of which slots explain 0, leads to it\n"
               "  node b\n"
               "    --x--> node c",
               why(at('c')));
    struct rc_why *w = rc_why(b);
    REQUIRE(w);
    EXPECT_EQ(RC_WHY_UNEXPLAINED, w->kind);
    EXPECT_EQ(1, w->links);
    EXPECT_EQ(0, w->explained);
    rc_why_free(w);
    at('a')->x = b;
    drop("ad");
}

//   g --> a --> b --> a, c: dropped
TEST(garbage_is_said_to_be_garbage) {
    graph("ab ba bc");
    node('a'), node('b'), node('c');
    drop("abc");
    EXPECT_STR("node a is garbage, and a collection will free it: nothing leads to it but this cycle\n"
               "  node a\n"
               "    --x--> node b\n"
               "    --x--> node a",
               why(at('a')));
    EXPECT_HAS("    --y--> node c", why(at('c')));
    struct rc_why *w = rc_why(at('c'));
    REQUIRE(w);
    EXPECT_EQ(RC_WHY_GARBAGE, w->kind);
    EXPECT_EQ(4, w->count); // round the cycle, and on to c
    EXPECT_PTR(w->steps[0].object, w->steps[2].object);
    EXPECT_PTR(at('c'), w->steps[3].object);
    rc_why_free(w);
    EXPECT_EQ(3, rc_collect());
}

struct liar {
    void *other;
};
RC_TYPE(liar, struct liar, .slots = RC_SLOTS(RC_LINK(struct liar, other)), .acyclic = true);

TEST(cycle_of_a_type_that_is_declared_acyclic_is_said_to_be_lost) {
    struct liar *a = name("a", rc_new(&liar_type)), *b = name("b", rc_new(&liar_type));
    rc_set(&a->other, b);
    rc_set(&b->other, a);
    rc_release(a);
    rc_release(b);
    EXPECT_EQ(0, rc_collect());
    EXPECT_STR("liar a is lost, and no collection will free it: nothing leads to it but this cycle\n"
               "  liar a\n"
               "    --other--> liar b\n"
               "    --other--> liar a",
               why(a));
    rc_clear(&a->other);
}

//   a suspect, but its cycle has an object that the collector does not enter
TEST(cycle_through_a_type_that_is_declared_acyclic_is_said_to_be_lost) {
    graph("a");
    struct liar *l = name("l", rc_new(&liar_type));
    node('a');
    rc_set(&l->other, at('a'));
    rc_give_slot(&at('a')->x, l);
    drop("a");
    EXPECT_EQ(1, stats().suspects);
    EXPECT_HAS("node a is lost", why(at('a')));
    EXPECT_EQ(0, rc_collect());
    EXPECT_HAS("node a is lost", why(at('a')));
    rc_clear(&l->other);
}

TEST(address_of_no_object_is_a_fault) {
    struct {
        char header[16], rest[16];
    } *fake;
    static const struct rc_type fake_type = {.name = "fake", .size = sizeof *fake};
    fake = rc_new(&fake_type);
    REQUIRE(fake);
    memcpy(fake->header, (char *)fake - 16, 16); // looks like one
    faults_begin();
    errno = 0;
    EXPECT_PTR(NULL, rc_why(fake->rest));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_why");
    rc_set_fault_handler(NULL);
    rc_release(fake);
}

TEST(what_waits_to_be_destroyed_is_a_reason_for_a_while) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    REQUIRE(h);
    rc_heap_enter(h);
    graph("ab bc cd");
    drop("bcd");
    node('b'), node('c'), node('d');
    drop("a"); // one is destroyed at once: a, or a and a piece of work
    struct node *d = at('d');
    REQUIRE(is_there('b') && is_there('c'));
    EXPECT_STR("node d is there, but not for long: node b, which waits to be destroyed, leads to it\n"
               "  node b\n"
               "    --x--> node c\n"
               "    --x--> node d",
               why(d));
    EXPECT_STR("node b is there, but not for long: it waits to be destroyed", why(at('b')));
    report();
    EXPECT_HAS(": 3 about to be destroyed; for example node b (about to be destroyed)", text);
    EXPECT_HAS(", style=dashed];\n", (text[0] = 0, rc_dump(NULL, 0, add_line, &names), text));
    rc_collect();
    EXPECT_STR("abcd", gone());
    rc_heap_leave(h);
    free_heap(h);
}

TEST(what_another_thread_released_is_there_for_a_while) {
    graph("a");
    node('a');
    struct node *a = at('a');
    elsewhere(release_there, a);
    EXPECT_STR("node a is there, but not for long: it waits to be destroyed", why(a));
    rc_collect();
    EXPECT_STR("a", gone());
}

// What is left out would take a line as well.
TEST(way_that_is_just_too_long_is_shown) {
    enum { N = 25 };
    struct node *chain[N];
    for (int i = 0; i < N; i++) {
        REQUIRE((chain[i] = rc_new(&node_type)));
        if (i)
            rc_give(&chain[i - 1]->y, chain[i]);
    }
    why(chain[N - 1]);
    int lines = 0;
    for (const char *line = text; (line = strchr(line, '\n')); line++)
        lines++;
    EXPECT_EQ(N, lines);
    EXPECT(!strstr(text, "more ..."));
    rc_release(chain[0]);
}

TEST(middle_of_a_long_way_is_left_out) {
    enum { N = 1000 };
    static struct node *chain[N];
    for (int i = 0; i < N; i++) {
        REQUIRE((chain[i] = rc_new(i + 1 < N ? &node_type : &page_type)));
        if (i)
            rc_give(&chain[i - 1]->y, chain[i]);
    }
    name("first", chain[0]), name("last", chain[N - 1]);
    why(chain[N - 1]);
    EXPECT_HAS("page last is alive: node first, which has 1 handle, leads to it\n  node first\n    --y--> node 0x", text);
    EXPECT_HAS("\n    ... 976 more ...\n", text);
    EXPECT_EQ(0, strcmp("\n    --y--> page last", strrchr(text, '\n')));
    struct rc_why *w = rc_why(chain[N - 1]);
    REQUIRE(w);
    EXPECT_EQ(N, w->count);
    for (int i = 0; i < N; i++)
        EXPECT_PTR(chain[i], w->steps[i].object);
    rc_why_free(w);
    EXPECT_HAS(" --y--> ... 993 more ... --y--> page last", report());
    rc_release(chain[0]);
}

// ---- what slots are called

static void expect_slot(const char *slot, const void *from, const void *to) {
    struct rc_why *w = rc_why(to);
    REQUIRE(w);
    if (EXPECT_EQ(2, w->count)) {
        EXPECT_PTR(from, w->steps[0].object);
        EXPECT_STR(slot, w->steps[0].slot);
    }
    rc_why_free(w);
}

TEST(slots_of_the_tail_and_of_bases_have_their_names) {
    struct document *p = rc_new_sized(&page_type, 4 * sizeof(void *));
    REQUIRE(p);
    p->n = 4;
    struct element *e = rc_new(&element_type), *f = rc_new(&element_type);
    rc_set(&p->rest[3], e);
    rc_give(&p->first, f);
    rc_release(e);
    expect_slot("rest[3]", p, p->rest[3]);
    expect_slot("first", p, p->first);
    rc_release(p);
}

struct odd {
    void *declared;
    size_t n;
    void *inside;
    void **outside;
    struct wire *wires;
    void *tail[];
};

static void odd_trace(void *obj, struct rc_visitor *v) {
    struct odd *odd = obj;
    rc_visit(v, &odd->inside);
    rc_visit_slots(v, odd->outside, 4);
    rc_visit_structs(v, odd->wires, 2, sizeof *odd->wires, wire_element.slots);
}

RC_TYPE(odd, struct odd, .slots = RC_SLOTS(RC_LINK(struct odd, declared), RC_TAIL(struct odd, tail, n)), .trace = odd_trace);

TEST(slots_that_a_trace_reports_are_told_by_their_places) {
    static void *outside[4];
    static struct wire wires[2];
    struct odd *odd = rc_new_sized(&odd_type, 2 * sizeof(void *));
    REQUIRE(odd);
    odd->n = 2;
    odd->outside = outside;
    odd->wires = wires;
    struct item *i[3];
    items_new(i, 3, NULL);
    rc_set(&odd->inside, i[0]);
    rc_set(&outside[2], i[1]);
    rc_set(&wires[1].b, i[2]);
    items_release(i, 3);
    expect_slot("+16", odd, i[0]);
    expect_slot("[3]", odd, i[1]); // the fourth that the trace reports
    expect_slot("[1].b", odd, i[2]);
    rc_release(odd);
}

TEST(places_in_containers_have_names) {
    struct item *i[4];
    items_new(i, 4, NULL);
    struct rc_array *array = rc_array_new(&rc_link_element), *wires = rc_array_new(&wire_element);
    rc_array_push(array, NULL);
    rc_array_push(array, i[0]);
    struct wire wire = wire_of(i[1], i[2]);
    REQUIRE(rc_array_push_give(wires, &wire));
    struct rc_list *list = rc_list_new(&rc_link_element);
    rc_list_push_back(list, i[3]);
    rc_list_push_front(list, NULL);
    items_release(i, 4);
    expect_slot("[1]", array, i[0]);
    expect_slot("[0].a", wires, i[1]);
    expect_slot("[0].b", wires, i[2]);
    expect_slot("[1]", list, i[3]);
    rc_release(array);
    rc_release(wires);
    rc_release(list);
}

TEST(keys_of_maps_are_in_the_names) {
    struct item *i[6];
    items_new(i, 6, NULL);
    struct rc_map *texts = rc_map_new(&rc_string_element, &rc_link_element);
    struct rc_map *numbers = rc_map_new(&rc_int64_element, &rc_link_element);
    struct rc_map *ints = rc_map_new(&rc_int_element, &wire_element);
    struct rc_map *keys = rc_map_new(&rc_link_element, &rc_int_element);
    REQUIRE(rc_map_set_text(texts, "ti\ntle", i[0]) && rc_map_set_int(numbers, -7, i[1]));
    struct wire wire = wire_of(i[2], i[3]);
    REQUIRE(rc_map_put_give(ints, &(int){42}, &wire) && rc_map_put(keys, &i[4], &(int){1}));
    struct rc_set *set = rc_set_new(&rc_link_element);
    REQUIRE(rc_set_add(set, &i[5]));
    items_release(i, 6);
    expect_slot("[\"ti?tle\"]", texts, i[0]);
    expect_slot("[-7]", numbers, i[1]);
    expect_slot("[42].a", ints, i[2]);
    expect_slot("[42].b", ints, i[3]);
    expect_slot("key 0", keys, i[4]);
    expect_slot("[entry 0]", set, i[5]);
    rc_release(texts);
    rc_release(numbers);
    rc_release(ints);
    rc_release(keys);
    rc_release(set);
}

struct braid {
    void *strand[2];
    double weight;
    void *end;
};
RC_ELEMENT(braid, struct braid, .slots = RC_SLOTS(RC_LINK(struct braid, strand), RC_LINK(struct braid, end)));

TEST(rows_in_elements_and_keys_of_other_sorts_have_names) {
    struct item *i[3];
    items_new(i, 3, NULL);
    struct rc_map *map = rc_map_new(&rc_double_element, &braid_element);
    struct rc_array *array = rc_array_new(&braid_element);
    struct braid braid = {.strand = {NULL, i[0]}, .end = i[1]}, other = {.end = i[2]};
    REQUIRE(rc_map_put_give(map, &(double){1.5}, &braid) && rc_array_push_give(array, &other));
    expect_slot("[entry 0].strand[1]", map, i[0]);
    expect_slot("[entry 0].end", map, i[1]);
    expect_slot("[0].end", array, i[2]);
    rc_release(map);
    rc_release(array);
}

TEST(values_of_boxes_have_names) {
    struct item *i[3];
    items_new(i, 3, NULL);
    struct rc_box *link = rc_box_new(&rc_link_element, &i[0]);
    struct wire wire = wire_of(i[1], i[2]);
    struct rc_box *wires = rc_box_give(&wire_element, &wire);
    REQUIRE(link && wires);
    items_release(i, 3);
    expect_slot("value", link, i[0]);
    expect_slot("value.b", wires, i[2]);
    rc_release(link);
    rc_release(wires);
}

//   the value lives as long as map and key do, and no longer
TEST(value_of_a_weak_map_is_held_by_map_and_key_together) {
    struct rc_weak_map *map = name("map", rc_weak_map_new());
    graph("k v");
    node('k'), node('v');
    REQUIRE(rc_weak_map_put(map, at('k'), at('v')));
    drop("v");
    why(at('v'));
    EXPECT_HAS("node v is alive: ", text);
    EXPECT_HAS("    --value--> node v", text);
    EXPECT_EQ(1, rc_referrers(at('v'), NULL, NULL));
    EXPECT_HAS("[label=\"entry\"]", (text[0] = 0, rc_dump(NULL, 0, add_line, &names), text));
    struct rc_why *w = rc_why(at('v'));
    REQUIRE(w);
    EXPECT_EQ(RC_WHY_HANDLES, w->kind);
    rc_why_free(w);
    graph("kk"); // k is garbage as soon as it is let go
    drop("k");
    EXPECT_HAS("node v is garbage", why(at('v')));
    EXPECT_HAS("    --(as a key)--> entries of a key", text);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_collect();
    EXPECT_STR("kv", gone_sorted());
    rc_release(map);
}

// ---- other heaps

TEST(link_from_another_heap_is_a_handle_and_one_into_it_is_passed_over) {
    struct rc_heap *h = new_heap();
    graph("ab");
    node('a');
    rc_heap_enter(h);
    graph("cc");
    rc_set(&at('c')->y, at('a')); // a link out of h
    rc_heap_leave(h);
    drop("a");
    EXPECT_STR("node a is alive: it has 1 handle", why(at('a')));
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_heap_enter(h);
    names = 0;
    node('c');
    EXPECT_STR("node c is alive: it has 1 handle", why(at('c')));
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    drop("c");
    rc_collect();
    rc_heap_leave(h);
    free_heap(h);
    drop("b");
    rc_collect();
}

// ---- from a trace function

static unsigned questions;
static void ask_in_trace(void *obj) {
#define REFUSED(result, ...) (errno = 0, EXPECT_EQ((long long)(result), (long long)(__VA_ARGS__)), EXPECT_EQ(EBUSY, errno))
    questions++;
    REFUSED(SIZE_MAX, rc_verify(NULL, NULL));
    REFUSED(false, rc_report(add_line, &names));
    REFUSED(false, rc_leaks(NULL, NULL));
    REFUSED(0, rc_why(obj) != NULL);
    REFUSED(false, rc_why_print(obj, add_line, &names));
    REFUSED(0, rc_referrers(obj, NULL, NULL));
    REFUSED(false, rc_dump(NULL, 0, add_line, &names));
    EXPECT_EQ(0, rc_collect());
#undef REFUSED
}

struct asker {
    struct asker *a, *b;
    bool structs;
};
static const struct rc_slot asker_slots[] = {RC_LINK(struct asker, b), RC_END};
static void asker_trace(void *obj, struct rc_visitor *visitor) {
    struct asker *asker = obj;
    ask_in_trace(obj);
    rc_visit(visitor, &asker->a);
    ask_in_trace(obj);
    rc_visit_structs(visitor, asker, 1, sizeof *asker, asker_slots);
    ask_in_trace(obj);
}
RC_TYPE(asker, struct asker, .trace = asker_trace);

//   a <==> a: its trace is called by what inspects, what collects and what clears slots
TEST(trace_that_inspects_gets_no_answer) {
    struct asker *a = rc_new(&asker_type), *b = rc_new(&asker_type);
    rc_set(&a->a, a);
    rc_set(&a->b, a);
    rc_give(&b->b, rc_retain(a));
    questions = 0;
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    EXPECT(questions >= 6);
    EXPECT_EQ(3, rc_referrers(a, NULL, NULL));
    rc_release(b);
    rc_release(a);
    questions = 0;
    EXPECT_EQ(1, rc_collect());
    EXPECT(questions >= 6);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
}

static bool asked_linked(const void *element) {
    ask_in_trace(*(void *const *)element);
    return true;
}

// An array asks for has_links at other times, too: when it gets an element.
static bool (*linked)(const void *element);
static bool is_linked(const void *element) {
    return !linked || linked(element);
}
struct value {
    void *object;
};
RC_ELEMENT(value, struct value, .slots = RC_SLOTS(RC_LINK(struct value, object)), .has_links = is_linked);

TEST(element_that_inspects_when_it_is_traced_gets_no_answer) {
    struct rc_array *array = rc_array_new(&value_element);
    rc_array_push_value(array, &(struct value){array});
    questions = 0;
    linked = asked_linked;
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    EXPECT(questions >= 1);
    linked = NULL;
    rc_array_clear(array);
    rc_release(array);
}

static void ask_shown(const struct rc_why_step *place, void *arg) {
    struct rc_why *why = rc_why(arg);
    REQUIRE(why);
    EXPECT_PTR(place->object, why->steps[0].object);
    rc_why_free(why);
    ++questions;
}

//   a list and a row of structs lead to x: who is told that by a trace of theirs may ask more
TEST(who_is_shown_a_traced_slot_may_ask) {
    const struct rc_element *const elements[] = {&rc_link_element, &value_element};
    for (int i = 0; i < 2; i++) {
        struct item *x = item_new(1);
        struct rc_array *array = rc_array_new(elements[i]);
        rc_array_push_value(array, &x);
        rc_release(x);
        questions = 0;
        EXPECT_EQ(1, rc_referrers(x, ask_shown, x));
        EXPECT_EQ(1, questions);
        rc_release(array);
    }
}

TEST(object_of_another_heap_or_none_is_a_fault) {
    struct rc_heap *h = new_heap();
    graph("a b");
    rc_heap_enter(h);
    faults_begin();
    errno = 0;
    EXPECT_PTR(NULL, rc_why(at('a')));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_why");
    EXPECT(!rc_why_print(at('a'), add_line, &names));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_why_print");
    EXPECT_EQ(0, rc_referrers(at('a'), NULL, NULL));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_referrers");
    EXPECT(!rc_dump(at('a'), 1, add_line, &names));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_dump");
    EXPECT_PTR(NULL, rc_why(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_why");
    static char nothing[64];
    EXPECT_PTR(NULL, rc_why(nothing + 32));
    EXPECT_FAULT(RC_FAULT_DEAD, "rc_why");
    rc_heap_leave(h);
    free_heap(h);
    rc_set_fault_handler(NULL);
    drop("ab");
}

static void *ask_from_outside(void *obj) {
    errno = 0;
    EXPECT_PTR(NULL, rc_why(obj));
    EXPECT_EQ(EINVAL, errno);
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_why");
    EXPECT_EQ((long long)SIZE_MAX, rc_verify(NULL, NULL));
    EXPECT_FAULT(RC_FAULT_OUTSIDE, "rc_verify");
    return NULL;
}

TEST(thread_that_is_inside_no_heap_may_not_ask) {
    graph("a");
    faults_begin();
    elsewhere(ask_from_outside, at('a'));
    rc_set_fault_handler(NULL);
    drop("a");
}

// ---- referrers

static void note_place(const struct rc_why_step *place, void *arg) {
    (void)arg;
    size_t at = strlen(text);
    snprintf(text + at, sizeof text - at, "%s %c.%s ", place->type->name, ((const struct node *)place->object)->name,
             place->slot);
}

TEST(referrers_are_all_slots_that_lead_there) {
    graph("ab cb bb cd");
    text[0] = 0;
    EXPECT_EQ(3, rc_referrers(at('b'), note_place, NULL));
    EXPECT_HAS("node a.x ", text);
    EXPECT_HAS("node b.x ", text);
    EXPECT_HAS("node c.x ", text);
    EXPECT_EQ(0, rc_referrers(at('a'), note_place, NULL));
    EXPECT_EQ(1, rc_referrers(at('d'), NULL, NULL));
    drop("abcd");
    rc_collect();
}

static size_t places;

static void check_place(const struct rc_why_step *place, void *list) {
    size_t n = rc_list_size(list) - 2;
    char wanted[32];
    snprintf(wanted, sizeof wanted, "[%zu]", places < n / 2 ? places + 1 : n + n / 2 - places); // see below
    EXPECT_STR(wanted, place->slot);
    places++;
}

//   a list with as many links to one object at its back as at its front: cells in order, then in the other order
TEST(many_links_of_one_container_are_named_in_one_go, .limit = 40) {
    size_t n = 2 * scaled(50000);
    struct item *item = NULL;
    items_new(&item, 1, NULL);
    struct rc_list *list = rc_list_new(&rc_link_element);
    struct rc_array *array = rc_array_new(&rc_link_element);
    rc_list_push_back(list, NULL);
    for (size_t i = 0; i < n / 2; i++)
        rc_list_push_back(list, item);
    struct rc_list_pos middle = rc_list_push_back(list, NULL);
    for (size_t i = 0; i < n / 2; i++)
        middle = rc_list_insert(list, middle, item);
    EXPECT_EQ(n, rc_referrers(item, check_place, list));
    EXPECT_EQ(n, places);
    for (size_t i = 0; i < n; i++)
        REQUIRE(rc_array_push(array, item));
    EXPECT_EQ(2 * n, rc_referrers(item, NULL, NULL));
    items_release(&item, 1);
    rc_release(array);
    rc_release(list);
}

// ---- the drawing

static const char *drawing(const void *obj, size_t distance) {
    text[0] = 0;
    EXPECT(rc_dump(obj, distance, add_line, &names));
    return text;
}

//   g --> a --> b --> c; and d --> d, garbage
TEST(drawing_has_what_leads_to_an_object_or_everything) {
    graph("ga ab bc dd");
    drop("abcd");
    node('a'), node('b'), node('c'), node('g');
    drawing(at('b'), 1);
    EXPECT_HAS("digraph \"default\" {\n  node [shape=box];\n", text);
    EXPECT_HAS(" [label=\"node\\na\"];\n", text);
    EXPECT_HAS(" [label=\"node\\nb\", peripheries=2];\n", text);
    EXPECT_HAS(" [label=\"x\"];\n}", text);
    EXPECT(!strstr(text, "\\ng") && !strstr(text, "\\nc") && !strstr(text, "gray"));
    hold("g");
    drawing(at('b'), 5);
    EXPECT_HAS(" [label=\"node\\ng\\n2 handles\", penwidth=3];\n", text);
    drop("g");
    EXPECT(!strstr(text, "\\nc") && !strstr(text, "gray"));
    drawing(NULL, 0);
    EXPECT_HAS("\\nc\"];\n", text);
    EXPECT_HAS(", color=gray];\n", text);
    drop("g");
    rc_collect();
}

TEST(drawing_is_one_that_dot_can_draw) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    struct document *d = new_document();
    struct rc_map *map = rc_map_new(&rc_string_element, &rc_link_element);
    struct liar *l = rc_new(&liar_type);
    rc_set(&l->other, l);
    REQUIRE(rc_map_set_text(map, "a \"quoted\" \\ key", l));
    rc_set(&d->rest[0], map);
    rc_release(map);
    rc_release(l);
    rc_immortal(d->first);
    EXPECT_HAS("[label=\"[\\\"a \\\"quoted\\\" \\\\ key\\\"]\"]", drawing(l, 9));
    EXPECT_HAS("immortal\", penwidth=3", drawing(NULL, 0));
    rc_clear(&d->rest[0]);
    EXPECT_HAS(", color=red];\n", drawing(NULL, 0));
    int status;
    command(&status, "command -v dot");
    if (status == 0) {
        FILE *file = fopen("/tmp/refcyc-drawing.dot", "w");
        REQUIRE(file);
        fprintf(file, "%s\n", text);
        fclose(file);
        EXPECT_STR("", command(&status, "dot -Tsvg -o /dev/null /tmp/refcyc-drawing.dot; rm /tmp/refcyc-drawing.dot"));
        EXPECT_EQ(0, status);
    }
    rc_release(d);
    rc_heap_leave(h);
    rc_heap_free(h);
}

// ---- the report

TEST(report_groups_by_type_those_with_handles_first) {
    struct document *d = new_document();
    (void)rc_retain(d);
    struct element *e = name("F", rc_new(&element_type));
    rc_set(&d->first->next, e);
    size_t each[3] = {0};
    struct rc_stats all = stats();
    for (int i = 0; i < 3; i++) {
        rc_release(rc_new_sized(i ? i == 1 ? &element_type : &closure_type : &document_type, i ? 0 : 4 * sizeof(void *)));
        each[i] = 16 + (i == 0 ? sizeof(struct document) + 4 * sizeof(void *)
                               : i == 1 ? sizeof(struct element) : sizeof(struct closure));
        if (!getenv("REFCYC_MALLOC") && all.bytes % 16 == 0)
            each[i] = (each[i] + 15) / 16 * 16;
    }
    char wanted[1024];
    if (all.bytes != each[0] + 2 * each[1] + each[2]) // blocks of their own have the size that was asked for
        each[2] = all.bytes - each[0] - 2 * each[1];
    snprintf(wanted, sizeof wanted,
             "heap \"default\": 4 objects, %zu bytes\n"
             "  2 element, %zu bytes: 1 held by 1 handle, 1 linked; for example element F (1 handle)\n"
             "  1 document, %zu bytes: 1 held by 2 handles; for example document D (2 handles)\n"
             "  1 closure, %zu bytes: 1 linked; for example document D (2 handles) --first--> element E --listener[2]--> "
             "closure C",
             all.bytes, 2 * each[1], each[0], each[2]);
    EXPECT_STR(wanted, report());
    rc_release(e);
    rc_release(d);
    rc_release(d);
    rc_collect();
    EXPECT_STR("heap \"default\": 0 objects, 0 bytes", report());
}

TEST(report_tells_sorts_of_garbage_apart) {
    graph("ab ba");
    drop("ab");
    struct liar *l = rc_new(&liar_type);
    rc_set(&l->other, l);
    rc_release(l);
    report();
    EXPECT_HAS(": 2 garbage that a collection frees; for example node 0x", text);
    EXPECT_HAS(": 1 lost; for example liar 0x", text);
    EXPECT_HAS("(in a cycle that is lost) --other--> liar 0x", text);
    EXPECT_EQ(2, rc_collect());
    EXPECT_HAS(": 1 lost", report());
    rc_clear(&l->other);
}

TEST(report_of_one_link_that_no_slot_explains_has_no_plural) {
    graph("aB");
    struct node *b = at('B');
    drop("B");
    at('a')->x = NULL; // by hand
    EXPECT_HAS("(1 link, of which slots explain 0)", report());
    at('a')->x = b;
    drop("a");
    EXPECT_STR("aB", gone());
}

TEST(report_names_what_is_immortal_or_unexplained) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    struct document *d = new_document();
    struct element *e = d->first;
    rc_immortal(e->listener[2]);
    d->first = NULL; // by hand
    report();
    EXPECT_HAS(": 1 immortal; for example closure C (immortal)", text);
    EXPECT_HAS(": 1 with links that no slot explains; for example element E (2 links, of which slots explain 1)", text);
    EXPECT_HAS("unexplained links\", penwidth=3];", (text[0] = 0, rc_dump(NULL, 0, add_line, &names), text));
    d->first = e;
    rc_release(d);
    rc_heap_leave(h);
    rc_heap_free(h);
}

static void reported_while_collected(void) {
    graph("Ab bA cd");
    drop("Abd");
    some_work();
    EXPECT(rc_report(add_line, (text[0] = 0, &names)));
    EXPECT_HAS("objects, ", text);
    EXPECT(rc_dump(NULL, 0, add_line, (text[0] = 0, &names)));
    EXPECT_EQ(is_there('d') && at('c')->x ? 1 : 0, at('c')->x ? rc_referrers(at('c')->x, NULL, NULL) : 0);
    if (is_there('d') && is_there('c'))
        rc_clear(&at('c')->x);
    EXPECT(rc_report(add_line, (text[0] = 0, &names)));
    finish_sound();
    drop("c");
}

TEST(report_is_there_in_every_phase) {
    EXPECT_PHASES(sweep(reported_while_collected), PHASE(BUILD) | PHASE(FINALIZE) | PHASE(DESTROY) | PHASE(FREE));
}

TEST(types_of_merged_heaps_are_one_in_the_report) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    graph_in(h, "ab");
    graph_in(k, "cd");
    REQUIRE(rc_heap_merge(h, k));
    rc_heap_enter(h);
    report();
    EXPECT_HAS(": 4 objects, ", text);
    EXPECT_HAS("\n  4 node, ", text);
    EXPECT_HAS(": 4 held by 4 handles; for example node 0x", text);
    drop("abcd");
    rc_heap_leave(h);
    free_heap(h);
}

TEST(names_that_are_too_long_are_cut_off) {
    static char long_name[3000];
    static struct rc_type long_type;
    memset(long_name, 'n', sizeof long_name - 1);
    long_type = liar_type;
    long_type.name = long_name;
    struct liar *a = rc_new(&long_type), *b = rc_new(&long_type);
    rc_give(&a->other, b);
    why(a->other);
    EXPECT_AT_MOST(3 * 1024, strlen(text));
    EXPECT_HAS("nnnn\n", text);
    EXPECT_HAS("nnnn", report());
    EXPECT_HAS("nnnn", drawing(NULL, 0));
    rc_release(a);
}

//   a <--> b dies by count in the middle of its collection: only the memory is there
TEST(report_leaves_out_what_is_destroyed_and_waits) {
    (void)a_dead_node();
    EXPECT_HAS("heap \"default\": 1 object, ", report());
    EXPECT_EQ(0, rc_referrers(at('g'), NULL, NULL));
    rc_collect();
    drop("g");
}

// What goes to the standard error output where [h] is freed, with [left] objects that are held.
static const char *said_at_the_end(struct rc_heap *h, size_t left) {
    static char said[256];
    FILE *file = tmpfile();
    REQUIRE(file);
    int before = dup(2);
    dup2(fileno(file), 2);
    EXPECT_EQ(left, rc_heap_free(h));
    scarce = false;
    fflush(stderr);
    dup2(before, 2);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    fclose(file);
    return said;
}

TEST(without_memory_for_the_report_at_a_heaps_end_that_is_said) {
    setenv("REFCYC_LEAKS", "1", 1); // before the first heap
    struct rc_heap *h = new_heap();
    graph_in(h, "a");
    asked = 0;
    fails_at = 1;
    scarce = true;
    EXPECT_STR("refcyc: there is no memory for a report on heap \"heap\"\n", said_at_the_end(h, 1));
}

//   immortal a --> b, which is held at first
TEST(what_immortal_objects_lead_to_is_no_leak, .counts = true) { // or it says that memory is out
    setenv("REFCYC_LEAKS", "1", 1); // before the first heap
    for (size_t held = 0; held < 2; held++) {
        struct rc_heap *h = new_heap();
        rc_heap_enter(h);
        struct node *a = rc_immortal(rc_new(&node_type)), *b = rc_new(&node_type);
        rc_set(&a->x, b);
        if (!held)
            rc_release(b);
        rc_heap_leave(h);
        const char *said = said_at_the_end(h, held);
        EXPECT_EQ(held, strstr(said, "heap \"heap\": 2 objects, ") != NULL);
        EXPECT_EQ(held, *said != 0);
    }
}

struct sums {
    size_t types, objects, bytes, held, handles, linked, garbage;
};

static void sum_up(const struct rc_leak *leak, void *arg) {
    struct sums *s = arg;
    s->types++;
    s->objects += leak->objects;
    s->bytes += leak->bytes;
    s->held += leak->held;
    s->handles += leak->handles;
    s->linked += leak->linked;
    s->garbage += leak->garbage;
    EXPECT_EQ(leak->objects, leak->held + leak->immortal + leak->unexplained + leak->linked + leak->dying + leak->garbage +
                                 leak->lost);
    struct rc_why *w = rc_why(leak->example);
    EXPECT(w != NULL);
    rc_why_free(w);
}

TEST(leaks_are_there_as_data_that_add_up) {
    struct document *d = new_document();
    graph("ab ba cd ee");
    drop("abde");
    hold("c");
    struct sums s = {0};
    EXPECT(rc_leaks(sum_up, &s));
    EXPECT_EQ(4, s.types);
    EXPECT_EQ(8, s.objects);
    EXPECT_EQ(stats().bytes, s.bytes);
    EXPECT_EQ(2, s.held);
    EXPECT_EQ(3, s.handles);
    EXPECT_EQ(3, s.linked);
    EXPECT_EQ(3, s.garbage);
    EXPECT(rc_leaks(NULL, NULL));
    drop("cc");
    rc_release(d);
    rc_collect();
}

static const char *run_example(const char *environment) {
    const char *folder = getenv("PROGRAMS");
    if (!folder)
        SKIP("PROGRAMS does not say where the programs were built: run it through make check");
    int status;
    const char *output = command(&status, "ASAN_OPTIONS=detect_leaks=0 %s %s/examples/leak", environment, folder); // it does leak
    EXPECT_EQ(0, status);
    return output;
}

TEST(environment_variable_has_the_report_printed_where_a_heap_ends_and_at_exit) {
    const char *output = run_example("REFCYC_LEAKS=1");
    EXPECT_HAS("heap \"tabs\": ", output); // freed
    EXPECT_HAS("heap \"default\": ", output); // left
    EXPECT_HAS("1 held by 1 handle; for example ", output);
    EXPECT_HAS("refcyc: 1 weak reference to dead objects not released\n", output);
    output = run_example("REFCYC_LEAKS=0");
    EXPECT_HAS("collected: 396", output);
    EXPECT_HAS("which has 1 handle, leads to it", output);
#ifdef RC_CHECK
    EXPECT_HAS(": 2 handles taken, 1 given up\n", output);
    EXPECT_HAS(": 1 handle taken, 1 given up\n", output);
#else
    EXPECT_HAS("(a checked build would say)", output);
#endif
    EXPECT_HAS("objects with handles never released: 1", output);
    EXPECT_HAS("dead objects that are weakly referenced still: 1", output);
    EXPECT(!strstr(output, "heap \"default\": "));
    EXPECT(!strstr(output, "weak reference"));
}

// ---- at any time

static struct node *looked_at;
static char said[512];

static void look(struct node *node) {
    if (node->name != 'a' && node->name != 'A')
        return;
    text[0] = 0;
    EXPECT(rc_why_print(looked_at, add_line, &names));
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    EXPECT(rc_report(add_line, &names));
    snprintf(said, sizeof said, "%.*s", (int)strcspn(text, "\n"), text);
}

static void say_nothing(const char *line, void *arg) {
    (void)line, (void)arg;
}

static void ask_all_and_add(const char *line, void *arg) {
    EXPECT(rc_why_print(at('c'), say_nothing, NULL));
    EXPECT(rc_dump(at('c'), 2, say_nothing, NULL));
    EXPECT(rc_report(say_nothing, NULL));
    EXPECT_EQ(2, rc_referrers(at('c'), NULL, NULL));
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    add_line(line, arg);
}

static void note_slot(const struct rc_why_step *place, void *arg) {
    ask_all_and_add(place->slot, arg);
}

//   g --> a --> b --> c      and a --> c
TEST(who_is_called_may_ask) {
    graph("ga ab bc ac");
    drop("abc");
    char want[sizeof text];
    strcpy(want, report());
    text[0] = 0;
    EXPECT(rc_report(ask_all_and_add, &names));
    EXPECT_STR(want, text);
    strcpy(want, why(at('c')));
    text[0] = 0;
    EXPECT(rc_why_print(at('c'), ask_all_and_add, &names));
    EXPECT_STR(want, text);
    text[0] = 0;
    EXPECT_EQ(2, rc_referrers(at('c'), note_slot, &names));
    EXPECT(strcmp("x\ny", text) == 0 || strcmp("y\nx", text) == 0);
    drop("g");
}

TEST(destructors_may_ask) {
    graph("ab ba gc ac");
    node('a'), node('b'), node('c'), node('g');
    looked_at = at('c');
    on_destroy = look;
    drop("abc");
    rc_collect();
    EXPECT_STR("node c is alive: node g, which has 1 handle, leads to it", said);
    on_destroy = NULL;
    drop("g");
}

TEST(finalizers_may_ask) {
    graph("Ab bA");
    name("A", at('A'));
    node('b');
    looked_at = at('b');
    on_finalize = look;
    drop("Ab");
    rc_collect();
    EXPECT_STR("node b is alive: finalized A, which has 1 handle, leads to it", said);
    on_finalize = NULL;
}

static void ask_too_late(struct node *node) {
    errno = 0;
    EXPECT_PTR(NULL, rc_why(node));
    EXPECT_EQ(ECANCELED, errno);
    EXPECT(!rc_report(add_line, &names) && !rc_leaks(sum_up, NULL));
    EXPECT_EQ((long long)SIZE_MAX, rc_verify(NULL, NULL));
    EXPECT_EQ(0, rc_referrers(node, NULL, NULL));
}

TEST(destructors_at_the_end_of_a_heap_are_told_that_it_is_too_late) {
    struct rc_heap *h = new_heap();
    graph_in(h, "ab ba");
    on_destroy = ask_too_late;
    EXPECT_EQ(2, rc_heap_free(h));
    on_destroy = NULL;
    EXPECT_STR("ab", gone_sorted());
}

static enum rc_why_kind kind_of(char letter) {
    struct rc_why *w = rc_why(at(letter));
    REQUIRE(w);
    enum rc_why_kind kind = w->kind;
    EXPECT_PTR(at(letter), w->steps[w->count - 1].object);
    rc_why_free(w);
    return kind;
}

//   g --> c <--> d     a <--> b --> c      the collector at work on a and b
static void asked_while_collected(void) {
    graph("ab ba bc gc cd dc");
    drop("abcd");
    some_work();
    EXPECT_EQ(RC_WHY_HANDLES, kind_of('c'));
    EXPECT_EQ(RC_WHY_HANDLES, kind_of('d'));
    if (is_there('a') && !is_graph_quiet()) {
        enum rc_why_kind kind = kind_of('a');
        EXPECT(kind == RC_WHY_GARBAGE || (kind == RC_WHY_DYING && rc_collect_phase() >= RC_PHASE_DESTROY));
    }
    if (rc_collect_phase() < RC_PHASE_DESTROY && is_there('a'))
        EXPECT_EQ(RC_WHY_GARBAGE, kind_of('b'));
    EXPECT(rc_report(add_line, (text[0] = 0, &names)));
    finish_sound();
    drop("g");
    finish_sound();
}

TEST(answers_are_right_in_every_phase_and_disturb_none) {
    EXPECT_PHASES(sweep(asked_while_collected),
                  PHASE(ROOTS) | PHASE(BUILD) | PHASE(SCAN) | PHASE(VALIDATE) | PHASE(DESTROY) | PHASE(FREE));
}

static struct rc_weak *shared_weak;

static void *retain_and_release(void *obj) {
    for (size_t i = 0; i < scaled(20000); i++) {
        void *mine = rc_retain(obj), *upgraded = rc_weak_get(shared_weak);
        struct rc_weak *weak = rc_weak_new(mine);
        rc_weak_release(weak);
        rc_release(upgraded);
        rc_release(mine);
    }
    return NULL;
}

TEST(other_threads_may_go_on_meanwhile) {
    graph("ab ba cd");
    drop("bd");
    shared_weak = rc_weak_new(at('b'));
    pthread_t thread = start(retain_and_release, at('a'));
    for (int i = 0; i < 200; i++) {
        EXPECT_EQ(0, rc_verify(NULL, NULL));
        EXPECT_EQ(RC_WHY_HANDLES, kind_of('a'));
        EXPECT(rc_report(add_line, (text[0] = 0, &names)));
        rc_collect_step(0);
    }
    pthread_join(thread, NULL);
    rc_weak_release(shared_weak);
    drop("ac");
    EXPECT_EQ(2, rc_collect());
}

TEST(large_heaps_are_no_trouble, .limit = 60) {
    size_t n = scaled(400000);
    struct rc_array *row = rc_array_new(&rc_link_element);
    struct node *before = NULL;
    for (size_t i = 0; i < n; i++) {
        struct node *node = rc_new(&node_type);
        REQUIRE(node && rc_array_push(row, node));
        rc_give(&node->x, before);
        before = node;
    }
    rc_release(before);
    struct rc_why *w = rc_why(rc_array_get(row, n / 2));
    REQUIRE(w);
    EXPECT_EQ(2, w->count);
    char slot[32];
    snprintf(slot, sizeof slot, "[%zu]", n / 2);
    EXPECT_STR(slot, w->steps[0].slot);
    rc_why_free(w);
    EXPECT_EQ(0, rc_verify(NULL, NULL));
    rc_release(row);
    rc_collect();
}

// ---- memory

static bool ask_why(void *obj) {
    struct rc_why *w = rc_why(obj);
    rc_why_free(w);
    return w != NULL;
}
static bool print_why(void *obj) {
    return rc_why_print(obj, add_line, (text[0] = 0, &names));
}
static bool print_report(void *arg) {
    (void)arg;
    return rc_report(add_line, (text[0] = 0, &names));
}
static bool draw(void *obj) {
    return rc_dump(obj, 2, add_line, (text[0] = 0, &names));
}
static bool list_leaks(void *arg) {
    (void)arg;
    return rc_leaks(NULL, NULL);
}
static bool verify(void *arg) {
    (void)arg;
    return rc_verify(NULL, NULL) == 0;
}

TEST(without_memory_each_call_says_so_and_works_again) {
    graph("ab ba");
    drop("ab");
    with_each_failure(print_report, NULL); // of garbage only
    struct document *d = new_document();
    with_each_failure(ask_why, d->first->listener[2]);
    with_each_failure(print_why, d->first->listener[2]);
    with_each_failure(print_report, NULL);
    with_each_failure(draw, d->first);
    with_each_failure(list_leaks, NULL);
    with_each_failure(verify, NULL);
    rc_release(d);
    EXPECT_EQ(4, rc_collect());
}

// SPDX-License-Identifier: MIT
// See graph.h.
#include "tests/graph.h"
#include "tests/harness.h"
#include <ctype.h>
#include <limits.h>

static struct node *table[UCHAR_MAX + 1]; // by letter; NULL: there is none, or it is gone

static struct log {
    size_t n;
    char text[1 << 14]; // larger graphs are counted by other means
} gone_log, finalized_log;

void (*on_destroy)(struct node *node);
void (*on_finalize)(struct node *node);

static void note_in(struct log *log, char name) {
    if (log->n + 1 < sizeof log->text) {
        log->text[log->n++] = name;
        log->text[log->n] = 0;
    }
}

static void node_destroy(void *obj) {
    struct node *node = obj;
    note_in(&gone_log, node->name);
    if (table[(unsigned char)node->name] == node)
        table[(unsigned char)node->name] = NULL;
    if (on_destroy)
        on_destroy(node);
}

static void node_finalize(void *obj) {
    struct node *node = obj;
    note_in(&finalized_log, node->name);
    if (on_finalize)
        on_finalize(node);
}

RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y)), .destroy = node_destroy);
RC_TYPE(finalized, struct node, .base = &node_type, .finalize = node_finalize);
RC_TYPE(quiet, struct node, .slots = RC_SLOTS(RC_LINK(struct node, x), RC_LINK(struct node, y)));
RC_TYPE(quiet_finalized, struct node, .base = &quiet_type, .finalize = node_finalize);

// ---- without destructors

static struct rc_heap *quiet_heap; // entered, while it is there

static void *quiet_alloc(size_t size, size_t align, void *arg) {
    (void)align, (void)arg;
    return aligned_alloc(16, (size + 15) & ~(size_t)15);
}

static void quiet_free(void *memory, size_t size, void *arg) {
    (void)arg;
    uintptr_t start = (uintptr_t)memory;
    for (unsigned i = 0; i <= UCHAR_MAX; i++) {
        uintptr_t node = (uintptr_t)table[i];
        if (node >= start && node < start + size) {
            note_in(&gone_log, (char)i);
            table[i] = NULL;
        }
    }
    free(memory);
}

void graph_quietly(bool on) {
    static const struct rc_allocator allocator = {quiet_alloc, quiet_free, NULL};
    if (on) {
        REQUIRE((quiet_heap = rc_heap_new(&(struct rc_heap_options){.name = "quiet", .allocator = &allocator})));
        rc_heap_enter(quiet_heap);
    } else {
        rc_heap_leave(quiet_heap);
        free_heap(quiet_heap);
        quiet_heap = NULL;
    }
}

bool is_graph_quiet(void) {
    return quiet_heap != NULL;
}

// ---- making

static struct node *make(char name) {
    struct node **place = &table[(unsigned char)name];
    if (!*place) {
        bool finalize = isupper((unsigned char)name);
        struct node *node = rc_new(quiet_heap ? finalize ? &quiet_finalized_type : &quiet_type
                                              : finalize ? &finalized_type : &node_type);
        REQUIRE(node);
        node->name = name;
        node->handles = 1;
        *place = node;
    }
    return *place;
}

void graph(const char *edges) {
    for (const char *c = edges; *c; c++) {
        if (*c == ' ')
            continue;
        struct node *from = make(*c);
        if (!isalpha((unsigned char)c[1]))
            continue;
        c++;
        struct node **slot = from->x ? &from->y : &from->x;
        REQUIRE(!*slot); // a node has two slots
        rc_set(slot, make(*c));
    }
}

bool is_there(char name) {
    return table[(unsigned char)name] != NULL;
}

struct node *at(char name) {
    if (!is_there(name)) {
        test_note("no node %c", name);
        REQUIRE(is_there(name));
    }
    return table[(unsigned char)name];
}

void hold(const char *names) {
    for (; *names; names++) {
        struct node *node = at(*names);
        node->handles++;
        (void)rc_retain(node);
    }
}

void drop(const char *names) {
    for (; *names; names++) {
        struct node *node = at(*names);
        node->handles--;
        rc_release(node);
    }
}

void touch(const char *names) {
    for (; *names; names++)
        touch_object(at(*names));
}

void handle_given(char name) {
    at(name)->handles--;
}

void handle_taken(char name) {
    at(name)->handles++;
}

const char *gone(void) {
    return gone_log.text;
}

static int by_letter(const void *a, const void *b) {
    return *(const char *)a - *(const char *)b;
}

const char *gone_sorted(void) {
    static char sorted[sizeof gone_log.text];
    memcpy(sorted, gone_log.text, gone_log.n + 1);
    qsort(sorted, gone_log.n, 1, by_letter);
    return sorted;
}

const char *finalized(void) {
    return finalized_log.text;
}

void forget(void) {
    gone_log.n = finalized_log.n = 0;
    gone_log.text[0] = finalized_log.text[0] = 0;
}

// A node that the destructor has seen is out of the table, and its memory may be anything: so the search looks a pointer
// up in the table before it follows it.
static bool is_in_table(const struct node *node) {
    for (unsigned i = 0; i <= UCHAR_MAX; i++)
        if (table[i] == node)
            return true;
    return false;
}

static bool reach(struct node *node, bool *reached) {
    if (!node)
        return true;
    if (!is_in_table(node))
        return false;
    if (reached[(unsigned char)node->name])
        return true;
    reached[(unsigned char)node->name] = true;
    bool x = reach(node->x, reached), y = reach(node->y, reached);
    return x && y;
}

bool is_sound(bool quiet) {
    bool reached[UCHAR_MAX + 1] = {false}, sound = true;
    for (unsigned i = 0; i <= UCHAR_MAX; i++)
        if (table[i] && table[i]->handles > 0 && !EXPECT(reach(table[i], reached) && "nothing reachable is gone"))
            sound = false;
    for (unsigned i = 0; quiet && i <= UCHAR_MAX; i++)
        if (table[i] && !reached[i]) {
            char name[2] = {(char)i, 0};
            EXPECT_STR("nothing unreachable is left", name);
            sound = false;
        }
    return sound;
}

// SPDX-License-Identifier: MIT
// The survey of a heap: see inspect.h. Each pass reads every slot once; a step is a look-up in a hash table.
#include "inspect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// ---- numbers

static size_t home(const struct rc__survey *s, const struct rc__header *h) {
    return (size_t)((((uintptr_t)h >> 4) * UINT64_C(0x9E3779B97F4A7C15)) >> 24) & s->mask;
}

uint32_t rc__survey_number(const struct rc__survey *s, const struct rc__header *h) {
    assert(s->place && s->mask);
    for (size_t i = home(s, h); s->place[i]; i = (i + 1) & s->mask)
        if (s->object[s->place[i] - 1] == h)
            return s->place[i] - 1;
    return RC__NOBODY;
}

static void count_object(struct rc__header *h, void *arg) {
    (void)h;
    ++*(uint32_t *)arg;
}

static uint8_t state_of(const struct rc_heap *heap, const struct rc__header *h) {
    assert(rc__is_object(h));
    if (h->word & RC__HUSK || cc_is_cleared(heap, h))
        return RC__GONE;
    return rc__is_dead(h) || cc_is_garbage(heap, h) ? RC__DYING : 0;
}

static void number_object(struct rc__header *h, void *arg) {
    assert(rc__is_object(h));
    struct rc__survey *s = arg;
    assert(s->count < s->room);
    size_t i = home(s, h);
    while (s->place[i])
        i = (i + 1) & s->mask;
    s->object[s->count] = h;
    s->mark[s->count] = state_of(s->heap, h);
    s->via[s->count] = RC__NOBODY;
    s->place[i] = ++s->count;
}

bool rc__survey_begin(struct rc__survey *s, struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    *s = (struct rc__survey){.heap = heap, .goal = RC__NOBODY};
    rc__each_object(heap, count_object, &s->room);
    size_t n = s->room + (size_t)1, places = 16;
    while (places < 2 * n)
        places *= 2;
    bool entries = heap->extras != NULL;
    s->memory = calloc(1, n * (sizeof *s->object + 3 * sizeof(uint32_t) + 1) + places * sizeof(uint32_t) +
                              (entries ? n * sizeof(uint32_t) : 0));
    if (!s->memory)
        return rc__fails(ENOMEM);
    s->mask = places - 1;
    s->object = s->memory;
    s->place = (uint32_t *)(void *)(s->object + n);
    s->found = s->place + places;
    s->via = s->found + n;
    s->queue = s->via + n;
    s->met = entries ? s->queue + n : NULL;
    s->mark = (uint8_t *)(s->queue + n + (entries ? n : 0));
    rc__each_object(heap, number_object, s);
    assert(s->count == s->room);
    return true;
}

void rc__survey_end(struct rc__survey *s) {
    free(s->memory);
}

// ---- passes

void rc__survey_trace(struct rc__survey *s, uint32_t n, struct rc_visitor *visitor) {
    assert(n < s->count);
    s->source = n;
    visitor->near.cell = 0;
    if (!(s->mark[n] & RC__GONE))
        rc__trace(s->object[n], visitor, 0, RC__ALL_SLOTS);
}

// Only where the heap has, or had, links to others may the memory there be looked at: it is theirs, then, or void. (A small
// number, or an odd one, is neither.)
bool rc__survey_is_foreign(const struct rc__survey *s, void *obj) {
    assert(rc__survey_number_at(s, obj) == RC__NOBODY);
    if (!s->heap->outward || (uintptr_t)obj % 16 || (uintptr_t)obj < 8192)
        return false;
    const struct rc_heap *heap = rc__heap(RC__HEADER(obj));
    return heap && heap != s->heap;
}

static void count_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct rc__survey *s = (struct rc__survey *)visitor;
    assert(s->source < s->count);
    for (size_t i = 0; i < n; i++) {
        void *obj = rc__load(first + i * sizeof(void *));
        if (!obj)
            continue;
        uint32_t target = rc__survey_number_at(s, obj);
        if (target != RC__NOBODY) {
            s->found[target]++;
            s->via[target] = s->source;
        }
        if (s->stray && (target == RC__NOBODY || !rc__survey_lives(s, target)))
            s->stray(s, first, i, n);
    }
}

void rc__survey_count(struct rc__survey *s) {
    assert(s->object);
    s->visitor = (struct rc_visitor){.slots = count_slots};
    for (uint32_t n = 0; n < s->count; n++)
        rc__survey_trace(s, n, &s->visitor);
}

static bool is_both(const struct rc__survey *s, uint32_t n) {
    assert(n < s->count);
    return s->met && rc__class(s->object[n])->both;
}

static void spread_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct rc__survey *s = (struct rc__survey *)visitor;
    assert(s->bit != 0 && s->end <= s->count);
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        uint32_t target = rc__survey_number_at(s, obj);
        if (target == RC__NOBODY || s->mark[target] & (s->bit | RC__REACHED | RC__DYING | RC__GONE))
            continue;
        if (s->bit == RC__REACHED && is_both(s, target) && ++s->met[target] < s->found[target])
            continue; // N4
        s->mark[target] |= s->bit;
        if (s->bit == RC__REACHED)
            s->via[target] = s->source;
        s->queue[s->end++] = target;
        assert(s->end <= s->count);
    }
}

// Spreads from what is in the queue, first in, first out: so each is come to by a shortest way.
static void spread(struct rc__survey *s, uint8_t bit) {
    assert(bit != 0);
    s->bit = bit;
    s->visitor = (struct rc_visitor){.slots = spread_slots};
    for (uint32_t i = 0; i < s->end; i++) {
        if (s->goal != RC__NOBODY && s->mark[s->goal] & bit)
            return;
        rc__survey_trace(s, s->queue[i], &s->visitor);
    }
}

enum rc_why_kind rc__survey_root(const struct rc__survey *s, uint32_t n) {
    assert(n < s->count);
    const struct rc__header *h = s->object[n];
    if (!rc__survey_lives(s, n))
        return 0;
    if (h->word & RC__IMMORTAL || rc__atomic_load(&h->shared) & RC__STUCK)
        return RC_WHY_IMMORTAL;
    if (rc__all_handles(h) > 0)
        return RC_WHY_HANDLES;
    return rc__links(h) > s->found[n] ? RC_WHY_UNEXPLAINED : 0;
}

// Via of an entry that is not REACHED: something that is not either, so that who walks back does not end among the living.
static void entry_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct rc__survey *s = (struct rc__survey *)visitor;
    assert(s->met != NULL);
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        uint32_t target = rc__survey_number_at(s, obj);
        if (target != RC__NOBODY && is_both(s, target) && !(s->mark[target] & RC__REACHED))
            s->via[target] = s->source;
    }
}

void rc__survey_reach(struct rc__survey *s, uint32_t goal) {
    assert(goal == RC__NOBODY || goal < s->count);
    s->end = 0;
    s->goal = goal;
    for (uint32_t n = 0; n < s->count; n++)
        if (rc__survey_root(s, n)) {
            s->mark[n] |= RC__REACHED | RC__ROOT;
            s->queue[s->end++] = n;
        }
    spread(s, RC__REACHED);
    s->goal = RC__NOBODY;
    if (!s->met)
        return;
    s->visitor = (struct rc_visitor){.slots = entry_slots};
    for (uint32_t n = 0; n < s->count; n++)
        if (!(s->mark[n] & RC__REACHED))
            rc__survey_trace(s, n, &s->visitor);
}

void rc__survey_spread(struct rc__survey *s, uint32_t n, uint8_t bit) {
    assert(n < s->count && bit);
    s->end = 1;
    s->queue[0] = n;
    s->mark[n] |= bit;
    spread(s, bit);
}

// Whether the collector will come to [n] by itself: suspects, its graph, the inbox, and what dies.
static bool is_known(const struct rc__survey *s, uint32_t n) {
    assert(n < s->count);
    const struct rc__header *h = s->object[n];
    return s->mark[n] & RC__DYING || h->word & (RC__SUSPECT | RC__GRAPH) || rc__atomic_load(&h->shared) & RC__QUEUED;
}

void rc__survey_suspect(struct rc__survey *s) {
    s->end = 0;
    for (uint32_t n = 0; n < s->count; n++)
        if (!(s->mark[n] & (RC__REACHED | RC__GONE)) && is_known(s, n)) {
            s->mark[n] |= RC__KNOWN;
            s->queue[s->end++] = n;
        }
    spread(s, RC__KNOWN);
}

void rc__survey_led(struct rc__survey *s) {
    assert(s->object);
    s->end = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        enum rc_why_kind root = rc__survey_root(s, n);
        bool alone = root && (root != RC_WHY_HANDLES || !(s->object[n]->word & RC__LED));
        if (!(s->mark[n] & RC__GONE) && (alone || is_known(s, n))) {
            s->mark[n] |= RC__SEEN;
            s->queue[s->end++] = n;
        }
    }
    s->goal = RC__NOBODY;
    spread(s, RC__SEEN);
}

// ---- for all

struct rc_heap *rc__inspect_heap(const char *call) {
    assert(call != NULL);
    struct rc_heap *heap = rc__enter_default(call);
    if (!heap || !(heap->ending || rc__tracing))
        return heap;
    errno = heap->ending ? ECANCELED : EBUSY;
    return NULL;
}

struct rc_heap *rc__inspect_heap_of(const void *obj, const char *call) {
    assert(call != NULL);
    struct rc_heap *heap = rc__inspect_heap(call);
    struct rc__header *h = obj ? RC__HEADER((void *)(uintptr_t)obj) : NULL;
    if (heap && h && rc__heap_ever(h) == heap)
        return heap;
    if (!heap)
        return NULL;
    if (!h)
        rc__fault(RC_FAULT_NULL, call, NULL, "the object is NULL");
    else
        rc__fault(rc__heap(h) ? RC_FAULT_OUTSIDE : RC_FAULT_DEAD, call, h, "is not in the heap this thread is inside");
    errno = EINVAL;
    return NULL;
}

static void print_to_stderr(const char *line, void *arg) {
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

rc_line_fn *rc__line_fn(rc_line_fn *print) {
    return print ? print : print_to_stderr;
}

void rc__print(rc_line_fn *print, void *arg, const char *format, ...) {
    assert(print && format);
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    print(line, arg);
}

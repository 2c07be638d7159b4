// SPDX-License-Identifier: MIT
// The one way over an object's slots: declared slots, then the tail, then what trace functions report, bases after the
// types that extend them, then the slot that an object has as a key of weak maps. The slots are numbered in that order,
// so that a long object can be visited in pieces.
#include "object.h"

RC__THREAD bool rc__tracing;

// Shows [visitor] the part of [n] slots from [first] that lies in its window.
static void show(struct rc_visitor *v, char *first, size_t n) {
    assert(first || !n);
    assert(v->from <= v->to);
    size_t start = v->at;
    v->at += n;
    size_t from = start < v->from ? v->from - start : 0;
    size_t to = v->at > v->to ? (v->to > start ? v->to - start : 0) : n;
    if (from < to)
        v->slots(v, first + from * sizeof(void *), to - from);
}

// Whether nothing is to be shown of [n] slots that are reported: there are none, or they are at no address, which is a fault.
static bool is_nothing(const void *slots, size_t n, const char *call) {
    assert(call != NULL);
    if (n && rc__is_in_null(slots))
        rc__fault(RC_FAULT_NULL, call, NULL, "the slot is NULL, or a field of NULL");
    return !n || rc__is_in_null(slots);
}

void rc_visit_slots(struct rc_visitor *visitor, void *slots, size_t n) {
    if (is_nothing(slots, n, "rc_visit_slots"))
        return;
    bool tracing = rc__tracing;
    rc__tracing = false;
    show(visitor, slots, n);
    rc__tracing = tracing;
}

static size_t count_links(const struct rc_slot *slots) {
    size_t n = 0;
    for (const struct rc_slot *s = slots; s && s->kind != RC_SLOT_END; s++)
        n += s->kind == RC_SLOT_WEAK ? 0 : s->count;
    return n;
}

// Shows slots number [from] up to [to] of the struct at [base], counted from its first.
static void show_struct(struct rc_visitor *v, char *base, const struct rc_slot *slots, size_t from, size_t to) {
    assert(from <= to);
    size_t at = 0;
    for (const struct rc_slot *s = slots; s->kind != RC_SLOT_END && at < to; s++) {
        if (s->kind == RC_SLOT_WEAK)
            continue;
        size_t first = from > at ? from - at : 0;
        size_t end = to - at < s->count ? to - at : s->count;
        if (first < end)
            v->slots(v, base + s->offset + first * sizeof(void *), end - first);
        at += s->count;
    }
}

// Shows the slots at [first], first + stride ... before [end].
static void show_row(struct rc_visitor *v, char *first, char *end, size_t stride) {
    assert(first <= end && stride >= sizeof(void *));
    if (v->row) {
        v->row(v, first, end, stride);
        return;
    }
    for (char *slot = first; slot < end; slot += stride) {
        rc__read_ahead(slot, end, stride);
        v->slots(v, slot, 1);
    }
}

static const struct rc_slot *first_link(const struct rc_slot *slots) {
    assert(count_links(slots) == 1);
    while (slots->kind == RC_SLOT_WEAK)
        slots++;
    return slots;
}

static bool is_linked(bool (*has_links)(const void *), const void *element) {
    assert(has_links && !rc__tracing);
    rc__tracing = true;
    bool linked = has_links(element);
    rc__tracing = false;
    return linked;
}

void rc__visit_structs(struct rc_visitor *v, void *first, size_t n, size_t stride, const struct rc_slot *slots,
                       bool (*has_links)(const void *)) {
    size_t each = count_links(slots);
    size_t start = v->at;
    v->at += n * each;
    if (v->at <= v->from || start >= v->to || !n || !each)
        return;
    size_t at = start < v->from ? v->from - start : 0;
    size_t end = v->at > v->to ? v->to - start : n * each;
    bool tracing = rc__tracing;
    rc__tracing = false;
    v->fields = slots;
    v->structs = first;
    v->stride = stride;
    if (each == 1 && !has_links) {
        char *row = (char *)first + first_link(slots)->offset;
        show_row(v, row + at * stride, row + end * stride, stride);
        end = 0;
    }
    for (size_t i = at / each; i * each < end; i++) {
        size_t before = i * each;
        size_t until = end - before < each ? end - before : each;
        char *base = (char *)first + i * stride;
        if (!has_links || is_linked(has_links, base))
            show_struct(v, base, slots, at > before ? at - before : 0, until);
    }
    v->fields = NULL;
    rc__tracing = tracing;
}

void rc_visit_structs(struct rc_visitor *v, void *first, size_t n, size_t stride, const struct rc_slot *slots) {
    if (!is_nothing(first, n, "rc_visit_structs"))
        rc__visit_structs(v, first, n, stride, slots, NULL);
}

static size_t tail_count(const struct rc_slot *slot, const char *obj) {
    assert(slot->kind == RC_SLOT_TAIL);
    size_t n;
    memcpy(&n, obj + slot->count, sizeof n);
    return n;
}

static void call_traces(const struct rc_type *type, void *obj, struct rc_visitor *v) {
    assert(type && obj);
    bool tracing = rc__tracing;
    rc__tracing = true;
    for (const struct rc_type *t = type; t; t = t->base)
        if (t->trace)
            t->trace(obj, v);
    rc__tracing = tracing;
}

bool rc__trace(struct rc__header *h, struct rc_visitor *v, size_t from, size_t to) {
    assert(v->slots);
    assert(rc__cls(h) && !(h->word & RC__HUSK) && from <= to);
    const struct rc__class *c = rc__class(h);
    char *obj = rc__payload(h);
    v->at = 0;
    v->from = from;
    v->to = to;
    for (uint32_t i = 0; i < c->run_count; i++)
        show(v, obj + c->runs[i].offset, c->runs[i].count);
    if (c->has_tail)
        for (const struct rc_type *t = c->type; t; t = t->base)
            for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++)
                if (s->kind == RC_SLOT_TAIL)
                    show(v, obj + s->offset, tail_count(s, obj));
    if (c->has_trace)
        call_traces(c->type, obj, v);
    if (h->word & RC__EXTRA)
        show(v, rc__extra_slot(h), 1);
    return v->at > to;
}

void rc_changed(void *obj) {
    struct rc__header *h = obj ? RC__HEADER(obj) : NULL;
    if (!h)
        rc__fault(RC_FAULT_NULL, "rc_changed", NULL, "the object is NULL");
    else if (rc__is_inside(h))
        cc_changed(rc__here, h);
    else if (!rc__is_dead(h) || !rc__cls(h))
        rc__fault(rc__heap(h) ? RC_FAULT_OUTSIDE : RC_FAULT_DEAD, "rc_changed", h,
                  "is not in the heap this thread is inside");
}

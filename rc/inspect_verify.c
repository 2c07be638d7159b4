// SPDX-License-Identifier: MIT
// rc_verify: all that can be known of a heap from two sides is compared. In this order:
//
//     SLOTS      each slot of a live object leads to a live one (while links are counted)
//     LINKS      each live object has as many links as there are slots that lead to it. For those that have not, a second walk
//                finds the slots that do, and words of objects that hold the address and are no slots by the types' tables
//     OWNERS     each owner leads to the objects that name it. Mostly one of its slots does, or one a few steps further, or a
//                slot of something with the same owner; for the rest, all that the owner leads to is gone through
//     MARKS      suspects, nodes, inbox and weak references know their objects, and the objects them
//     LOST       to each object that no root leads to, something leads that the collector will look at (R1). So it is with
//                each object that is LED, unless a root leads to it that is not
//     FIGURES    objects and bytes
#include "block.h"
#include "inspect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ODD = 64, WALKS = 64, TEXT = 512 };

// What the second walk finds of an object whose links are not right.
struct odd {
    uint32_t n;
    size_t named;           // referrers in text
    const char *last;       // slot that was met
    char text[TEXT / 2];
};

struct verify {
    struct rc__survey survey;
    void (*each)(const struct rc_problem *problem, void *arg);
    void *arg;
    size_t problems;
    struct odd odd[ODD];
    size_t odd_count;
    struct rc_visitor visitor;
    const char *word;       // looked for among an object's slots
    bool is_slot;
    size_t owned;           // objects with an owner that was not found to lead to them yet
};

static void report(struct verify *v, struct rc_problem *p, const char *format, ...) {
    char message[TEXT + 160], text[TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const struct rc__header *h = p->object ? RC__HEADER((void *)(uintptr_t)p->object) : NULL;
    if (h) {
        p->type = rc__class(h)->known_as;
        p->handles = rc_handles(p->object);
        p->links = rc_links(p->object);
    }
    rc__message(message, sizeof message, "rc_verify", h, text);
    p->message = message;
    v->problems++;
    if (v->each)
        v->each(p, v->arg);
    else
        fprintf(stderr, "%s\n", message);
}

static const void *object(const struct verify *v, uint32_t n) {
    assert(n < v->survey.count);
    return rc__payload(v->survey.object[n]);
}

// ---- SLOTS

static void stray(struct rc__survey *s, const char *first, size_t i, size_t slots) {
    assert(first && i < slots);
    struct verify *v = s->arg;
    void *obj = rc__load(first + i * sizeof(void *));
    uint32_t n = rc__survey_number_at(s, obj);
    if (!rc__survey_lives(s, s->source) || (n == RC__NOBODY && rc__survey_is_foreign(s, obj)))
        return;
    if (n != RC__NOBODY && rc__class(s->object[n])->both)
        return; // an entry of a weak map, whose key or map is taking it out of the other
    char name[96];
    rc__slot_name_shown(&s->visitor, s->object[s->source], first, i, slots, name, sizeof name);
    struct rc_problem p = {.kind = RC_PROBLEM_SLOT, .object = object(v, s->source), .slot = name};
    if (n == RC__NOBODY)
        report(v, &p, "has a slot that leads to no object: %s, which holds %p", name, obj);
    else
        report(v, &p, "has a slot that leads to a dead object: %s, which holds %s %p", name,
               rc__class(s->object[n])->type->name, obj);
}

// ---- LINKS

static struct odd *odd_of(struct verify *v, uint32_t n) {
    assert(v->odd_count <= ODD && n < v->survey.count);
    for (size_t i = 0; i < v->odd_count; i++)
        if (v->odd[i].n == n)
            return &v->odd[i];
    return NULL;
}

__attribute__((format(printf, 2, 3))) static void note(struct odd *odd, const char *format, ...) {
    assert(odd && format);
    size_t at = strlen(odd->text);
    va_list args;
    va_start(args, format);
    if (odd->named++ < 4)
        vsnprintf(odd->text + at, sizeof odd->text - at, format, args);
    va_end(args);
}

static struct odd *odd_at(struct verify *v, const char *slot) {
    uint32_t n = rc__survey_number_at(&v->survey, rc__load(slot));
    return n != RC__NOBODY && v->survey.mark[n] & RC__ODD ? odd_of(v, n) : NULL;
}

static void name_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct verify *v = (struct verify *)((char *)visitor - offsetof(struct verify, visitor));
    assert(v->survey.source < v->survey.count);
    struct rc__header *h = v->survey.object[v->survey.source];
    for (size_t i = 0; i < n; i++) {
        const char *slot = first + i * sizeof(void *);
        struct odd *odd = odd_at(v, slot);
        if (!odd)
            continue;
        char name[96];
        rc__slot_name_shown(visitor, h, first, i, n, name, sizeof name);
        if (odd->last == slot)
            note(odd, " and once more %s, the same slot", name);
        else
            note(odd, "%s%s %p --%s-->", odd->named ? ", " : "", rc__class(h)->type->name, rc__payload(h), name);
        odd->last = slot;
    }
}

static void find_slot(struct rc_visitor *visitor, char *first, size_t n) {
    struct verify *v = (struct verify *)((char *)visitor - offsetof(struct verify, visitor));
    v->is_slot |= v->word >= first && v->word < first + n * sizeof(void *);
}

// Words of [h] that hold the address of an object with more links than slots, and are no slots: fields that should be.
static void name_words(struct verify *v, uint32_t n) {
    assert(n < v->survey.count);
    struct rc__header *h = v->survey.object[n];
    const char *obj = rc__payload(h);
    size_t size = rc__block_size(h) - sizeof *h;
    for (size_t at = 0; at + sizeof(void *) <= size; at += sizeof(void *)) {
        struct odd *odd = odd_at(v, obj + at);
        if (!odd || rc__links(v->survey.object[odd->n]) < v->survey.found[odd->n])
            continue;
        v->word = obj + at;
        v->is_slot = false;
        v->visitor.slots = find_slot;
        rc__survey_trace(&v->survey, n, &v->visitor);
        if (!v->is_slot)
            note(odd, "%s%s %p holds its address at +%zu, which is no slot", odd->named ? ", " : "",
                 rc__class(h)->type->name, (const void *)obj, at);
    }
}

static bool is_odd(const struct rc__survey *s, uint32_t n) {
    assert(n < s->count);
    const struct rc__header *h = s->object[n];
    return rc__survey_lives(s, n) && rc__links(h) != s->found[n] && rc__links(h) != RC__LINKS_MAX;
}

static void check_links(struct verify *v) {
    struct rc__survey *s = &v->survey;
    size_t all = 0;
    for (uint32_t n = 0; n < s->count; n++)
        if (is_odd(s, n) && all++ < ODD) {
            s->mark[n] |= RC__ODD;
            v->odd[v->odd_count++] = (struct odd){.n = n};
        }
    for (uint32_t n = 0; all && n < s->count; n++) {
        v->visitor = (struct rc_visitor){.slots = name_slots};
        rc__survey_trace(s, n, &v->visitor);
        if (rc__survey_lives(s, n))
            name_words(v, n);
    }
    for (uint32_t n = 0; all && n < s->count; n++) {
        if (!is_odd(s, n))
            continue;
        const struct odd *odd = odd_of(v, n);
        struct rc_problem p = {.object = object(v, n), .found = s->found[n]};
        p.kind = rc__links(s->object[n]) < p.found ? RC_PROBLEM_LINKS : RC_PROBLEM_UNEXPLAINED;
        report(v, &p, "is led to by %zu slots%s%s%s", p.found, odd && odd->named ? ": " : "", odd ? odd->text : "",
               odd && odd->named > 4 ? " and others" : "");
    }
}

static void check_handles(struct verify *v) {
    for (uint32_t n = 0; n < v->survey.count; n++) {
        const struct rc__header *h = v->survey.object[n];
        int64_t handles = rc__all_handles(h);
        struct rc_problem p = {.kind = RC_PROBLEM_HANDLES, .object = object(v, n)};
        if (rc__survey_lives(&v->survey, n) && !(h->word & RC__IMMORTAL) && handles < 0)
            report(v, &p, "was released %lld times more often than retained", -(long long)handles);
    }
}

// ---- OWNERS. SEEN: the object's owner leads to it, or it has none.

static uint32_t owner_of(const struct rc__survey *s, uint32_t n) {
    assert(n < s->count);
    const struct rc__class *c = rc__class(s->object[n]);
    void *owner = c->owner == RC__NO_SLOT ? NULL : rc__load((char *)rc__payload(s->object[n]) + c->owner);
    return rc__survey_lives(s, n) ? rc__survey_number_at(s, owner) : RC__NOBODY;
}

// Whether [owner] leads to [n], as far as can be seen by a few steps back.
static bool leads_nearby(const struct rc__survey *s, uint32_t owner, uint32_t n) {
    assert(owner < s->count);
    for (int steps = 0; steps < 8 && n != RC__NOBODY; steps++, n = s->via[n])
        if (n == owner)
            return true;
    return false;
}

static void find_owned(struct rc_visitor *visitor, char *first, size_t n) {
    struct verify *v = (struct verify *)((char *)visitor - offsetof(struct verify, visitor));
    struct rc__survey *s = &v->survey;
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        uint32_t target = rc__survey_number_at(s, obj);
        if (target == RC__NOBODY || s->mark[target] & RC__SEEN)
            continue;
        uint32_t owner = owner_of(s, target);
        bool has_sibling = s->mark[s->source] & RC__SEEN && owner_of(s, s->source) == owner;
        bool leads = owner != RC__NOBODY && (has_sibling || leads_nearby(s, owner, s->source));
        if (!leads)
            continue;
        s->mark[target] |= RC__SEEN;
        v->owned--;
        s->queue[s->end++] = target;
    }
}

static void find_all_owned(struct verify *v) {
    struct rc__survey *s = &v->survey;
    s->end = 0;
    v->visitor = (struct rc_visitor){.slots = find_owned};
    for (uint32_t n = 0; n < s->count; n++) {
        uint32_t i = s->end;
        rc__survey_trace(s, n, &v->visitor);
        for (; i < s->end; i++) // siblings of siblings
            rc__survey_trace(s, s->queue[i], &v->visitor);
        s->end = 0;
    }
}

// From one owner to all that it leads to: KNOWN, which is taken away again.
static void walk_from(struct verify *v, uint32_t owner) {
    assert(owner < v->survey.count);
    struct rc__survey *s = &v->survey;
    rc__survey_spread(s, owner, RC__KNOWN);
    for (uint32_t i = 0; i < s->end; i++) {
        uint32_t n = s->queue[i];
        s->mark[n] &= (uint8_t)~RC__KNOWN;
        if (!(s->mark[n] & RC__SEEN) && owner_of(s, n) == owner) {
            s->mark[n] |= RC__SEEN;
            v->owned--;
        }
    }
}

static void check_owners(struct verify *v) {
    assert(v->owned == 0);
    struct rc__survey *s = &v->survey;
    for (uint32_t n = 0; n < s->count; n++)
        v->owned += owner_of(s, n) != RC__NOBODY;
    if (v->owned)
        find_all_owned(v);
    int walks = WALKS;
    for (uint32_t n = 0; v->owned && walks && n < s->count; n++) {
        uint32_t owner = owner_of(s, n);
        if (owner == RC__NOBODY || s->mark[n] & RC__SEEN)
            continue;
        walks--;
        walk_from(v, owner);
        if (s->mark[n] & RC__SEEN)
            continue;
        s->mark[n] |= RC__SEEN;
        char name[96];
        struct rc__header *h = s->object[n];
        rc__slot_name_owner(h, name, sizeof name);
        struct rc_problem p = {.kind = RC_PROBLEM_OWNER, .object = object(v, n), .slot = name};
        report(v, &p, "names an owner that does not lead to it: %s, which holds %s %p", name,
               rc__class(s->object[owner])->type->name, object(v, owner));
    }
    for (uint32_t n = 0; n < s->count; n++)
        s->mark[n] &= (uint8_t)~RC__SEEN;
}

// ---- MARKS

static void check_marks(struct verify *v) {
    struct rc__survey *s = &v->survey;
    size_t suspects = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        const struct rc__header *h = s->object[n];
        const char *defect = rc__survey_lives(s, n) ? cc_defect(s->heap, h) : NULL;
        suspects += rc__survey_lives(s, n) && (h->word & (RC__SUSPECT | RC__GRAPH)) == RC__SUSPECT;
        struct rc_problem p = {.kind = RC_PROBLEM_COLLECTOR, .object = object(v, n)};
        if (defect)
            report(v, &p, "%s", defect);
    }
    struct rc_problem p = {.kind = RC_PROBLEM_COLLECTOR, .found = suspects};
    if (suspects != s->heap->suspect_count)
        report(v, &p, "heap \"%s\": the buffer has %zu suspects, %zu objects are marked as such", s->heap->name,
               s->heap->suspect_count, suspects);
}

// Entries of the inbox that are no objects, or not marked. Nobody is called under the lock.
static size_t bad_inbox(struct rc__survey *s) {
    assert(s->heap->door->heap == s->heap);
    struct rc__door *door = s->heap->door;
    size_t bad = 0;
    rc__lock(&door->lock);
    for (size_t i = 0; i < door->inbox_count; i++) {
        const struct rc__header *h = *rc__pointer_at(&door->inbox, i);
        bad += rc__survey_number(s, h) == RC__NOBODY || !(rc__atomic_load(&h->shared) & RC__QUEUED);
    }
    rc__unlock(&door->lock);
    return bad;
}

static void check_inbox(struct verify *v) {
    struct rc__survey *s = &v->survey;
    for (uint32_t n = 0; n < s->count; n++) {
        const struct rc__header *h = s->object[n];
        struct rc_problem says = {.kind = RC_PROBLEM_COLLECTOR, .object = object(v, n)};
        bool says_inbox = rc__survey_lives(s, n) && rc__atomic_load(&h->both) & RC__INBOX; // first: it is set after QUEUED
        if (says_inbox && !(rc__atomic_load(&h->shared) & RC__QUEUED)) // F5
            report(v, &says, "says that it is in the inbox, and is not");
    }
    struct rc_problem p = {.kind = RC_PROBLEM_COLLECTOR, .found = bad_inbox(&v->survey)};
    if (p.found)
        report(v, &p, "heap \"%s\": %zu entries of the inbox are no objects of it that are marked so",
               v->survey.heap->name, p.found);
}

static void check_weak(struct verify *v) {
    struct rc__survey *s = &v->survey;
    size_t unknown = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        struct rc_problem p = {.kind = RC_PROBLEM_WEAK, .object = object(v, n)};
        if (!(s->mark[n] & RC__GONE) && !rc__weak_is_known(s->heap, s->object[n]))
            report(v, &p, "has a weak reference that the heap does not know, or the other way round");
    }
    const struct rc__header *h;
    for (size_t i = 0; rc__weak_at(s->heap, i, &h); i++)
        unknown += h && rc__survey_number(s, h) == RC__NOBODY;
    struct rc_problem p = {.kind = RC_PROBLEM_WEAK, .found = unknown};
    if (unknown)
        report(v, &p, "heap \"%s\": %zu weak references lead to no object of it", s->heap->name, unknown);
}

// ---- LOST

static void check_led(struct verify *v) {
    struct rc__survey *s = &v->survey;
    rc__survey_led(s);
    for (uint32_t n = 0; n < s->count; n++) {
        struct rc_problem p = {.kind = RC_PROBLEM_LOST, .object = object(v, n), .found = s->found[n]};
        if (s->object[n]->word & RC__LED && rc__survey_root(s, n) == RC_WHY_HANDLES && !(s->mark[n] & RC__SEEN))
            report(v, &p, "will be lost when its handles go: it is taken to be led to, and nothing does");
        s->mark[n] &= (uint8_t)~RC__SEEN;
    }
}

static void check_lost(struct verify *v) {
    struct rc__survey *s = &v->survey;
    rc__survey_reach(s, RC__NOBODY);
    rc__survey_suspect(s);
    for (uint32_t n = 0; n < s->count; n++) {
        if (!rc__survey_lives(s, n) || s->mark[n] & (RC__REACHED | RC__KNOWN) || s->via[n] == RC__NOBODY)
            continue;
        rc__survey_spread(s, n, RC__KNOWN);
        struct rc_problem p = {.kind = RC_PROBLEM_LOST, .object = object(v, n), .found = s->found[n]};
        report(v, &p, "is garbage, with %u objects that it leads to, and no collection will come to it", s->end - 1);
    }
}

// ---- FIGURES

static void check_figures(struct verify *v) {
    assert(v->survey.count == v->survey.room);
    struct rc__survey *s = &v->survey;
    size_t objects = 0, bytes = 0;
    for (uint32_t n = 0; n < s->count; n++)
        if (!(s->object[n]->word & RC__HUSK)) {
            objects++;
            bytes += rc__block_size(s->object[n]);
        }
    struct rc_problem p = {.kind = RC_PROBLEM_FIGURES, .found = objects};
    if (objects != s->heap->objects || bytes != s->heap->bytes)
        report(v, &p, "heap \"%s\": %zu objects and %zu bytes are there, and %zu and %zu are counted", s->heap->name,
               objects, bytes, s->heap->objects, s->heap->bytes);
}

static size_t verify(struct verify *v) {
    struct rc__survey *s = &v->survey;
    assert(s->stray == NULL);
    s->stray = stray;
    s->arg = v;
    rc__survey_count(s);
    check_links(v);
    check_handles(v);
    check_owners(v);
    check_marks(v);
    check_inbox(v);
    check_weak(v);
    check_led(v);
    check_lost(v);
    check_figures(v);
    return v->problems;
}

size_t rc_verify(void (*each)(const struct rc_problem *problem, void *arg), void *arg) {
    struct rc_heap *heap = rc__inspect_heap("rc_verify");
    struct verify *v = heap ? malloc(sizeof *v) : NULL;
    if (!v) {
        errno = heap ? ENOMEM : errno;
        return SIZE_MAX;
    }
    *v = (struct verify){.each = each, .arg = arg};
    size_t problems = rc__survey_begin(&v->survey, heap) ? verify(v) : SIZE_MAX;
    int error = errno;
    rc__survey_end(&v->survey);
    free(v);
    errno = error;
    return problems;
}

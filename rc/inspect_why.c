// SPDX-License-Identifier: MIT
// rc_why: the way from what keeps an object alive to that object. The survey finds it; here it is named and written.
#include "inspect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME = 96 }; // bytes of a slot's name at most

// What rc_why_free gives back. Names that are no constants lie one after the other in [names].
struct answer {
    struct rc_why why;
    struct rc_why_step *steps;
    char *names;
    size_t used, room;
};

// Walks back from [n] to where the way begins: a root, something that nothing leads to, or the second time that it comes to
// an object of a cycle. Sets *count to the number of steps.
static uint32_t beginning(const struct rc__survey *s, uint32_t n, size_t *count) {
    assert(n < s->count && count);
    uint32_t at = n;
    *count = 1;
    while (!(s->mark[at] & RC__ROOT) && rc__survey_lives(s, at) && s->via[at] != RC__NOBODY && !(s->mark[at] & RC__SEEN)) {
        s->mark[at] |= RC__SEEN;
        at = s->via[at];
        ++*count;
    }
    for (uint32_t k = n; s->mark[k] & RC__SEEN; k = s->via[k])
        s->mark[k] &= (uint8_t)~RC__SEEN;
    return at;
}

// Whether the cycle from [at] round to [at] has an object of an acyclic type.
static bool has_acyclic(const struct rc__survey *s, uint32_t at) {
    assert(at < s->count);
    uint32_t n = at;
    do {
        if (rc__class(s->object[n])->acyclic)
            return true;
        n = s->via[n];
    } while (n != at);
    return false;
}

static enum rc_why_kind kind_of(const struct rc__survey *s, uint32_t n, uint32_t first) {
    assert(n < s->count && first < s->count);
    if (s->mark[first] & RC__ROOT)
        return rc__survey_root(s, first);
    if (!rc__survey_lives(s, first) || s->via[first] == RC__NOBODY)
        return RC_WHY_DYING;
    return s->mark[n] & RC__KNOWN && !has_acyclic(s, first) ? RC_WHY_GARBAGE : RC_WHY_LOST;
}

// The steps, from the last to the first.
static void fill_steps(const struct rc__survey *s, struct answer *a, uint32_t n) {
    assert(a->steps && a->why.count > 0);
    for (size_t i = a->why.count; i-- > 0; n = s->via[n]) {
        struct rc__header *h = s->object[n];
        a->steps[i] = (struct rc_why_step){rc__payload(h), rc__class(h)->known_as, NULL};
    }
}

static bool keep_name(struct answer *a, const char *name) {
    assert(a->used <= a->room);
    size_t size = strlen(name) + 1;
    if (a->room - a->used < size) {
        size_t room = 2 * a->room + NAME;
        char *names = realloc(a->names, room);
        if (!names)
            return false;
        a->names = names;
        a->room = room;
    }
    memcpy(a->names + a->used, name, size);
    a->used += size;
    assert(a->used <= a->room);
    return true;
}

// Names the slots. Those whose names lie in [names] get them at the end, when these move no more.
static bool name_steps(struct answer *a) {
    char text[NAME];
    for (size_t i = 0; i + 1 < a->why.count; i++) {
        struct rc_why_step *step = &a->steps[i];
        step->slot = rc__slot_name(RC__HEADER((void *)(uintptr_t)step->object), step[1].object, text, sizeof text);
        if (!step->slot && !keep_name(a, text))
            return false;
    }
    const char *name = a->names;
    for (size_t i = 0; i + 1 < a->why.count; i++)
        if (!a->steps[i].slot) {
            a->steps[i].slot = name;
            name += strlen(name) + 1;
        }
    return true;
}

static bool fill(const struct rc__survey *s, struct answer *a, uint32_t n) {
    assert(n < s->count && !a->steps);
    uint32_t first = beginning(s, n, &a->why.count);
    const struct rc__header *h = s->object[first];
    a->why.kind = kind_of(s, n, first);
    if (!rc__is_dead(h)) {
        int64_t handles = rc__all_handles(h);
        a->why.handles = handles > 0 ? (size_t)handles : 0;
        a->why.foreign = rc__sum(rc__atomic_load(&h->shared));
        a->why.links = rc__links(h);
    }
    a->why.explained = s->found[first];
    a->why.steps = a->steps = malloc(a->why.count * sizeof *a->steps);
    if (!a->steps)
        return false;
    fill_steps(s, a, n);
    return name_steps(a);
}

struct rc_why *rc__why_of(const struct rc__survey *s, uint32_t n) {
    assert(n < s->count);
    struct answer *a = calloc(1, sizeof *a);
    if (a && fill(s, a, n))
        return &a->why;
    rc_why_free((struct rc_why *)a);
    errno = ENOMEM;
    return NULL;
}

void rc_why_free(struct rc_why *why) {
    struct answer *a = (struct answer *)why;
    if (!a)
        return;
    free(a->steps);
    free(a->names);
    free(a);
}

static struct rc_why *why(const void *obj, const char *call) {
    assert(call != NULL);
    struct rc_heap *heap = rc__inspect_heap_of(obj, call);
    struct rc__survey s;
    if (!heap || !rc__survey_begin(&s, heap))
        return NULL;
    uint32_t n = rc__survey_number_at(&s, obj);
    struct rc_why *result = NULL;
    if (n != RC__NOBODY) {
        rc__survey_count(&s);
        rc__survey_reach(&s, n);
        if (!(s.mark[n] & RC__REACHED))
            rc__survey_suspect(&s);
        result = rc__why_of(&s, n);
    } else {
        rc__fault(RC_FAULT_DEAD, call, NULL, "that is no object");
        errno = EINVAL;
    }
    int error = errno;
    rc__survey_end(&s);
    errno = error;
    return result;
}

struct rc_why *rc_why(const void *obj) {
    return why(obj, "rc_why");
}

// ---- as text

struct text {
    char *at, *end;
};

static void add(struct text *t, const char *format, ...) {
    assert(t->at < t->end);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, (size_t)(t->end - t->at), format, args);
    va_end(args);
    if (n > 0)
        t->at = n < t->end - t->at ? t->at + n : t->end - 1;
}

static void add_count(struct text *t, size_t n, const char *what) {
    add(t, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

static void add_handles(struct text *t, const struct rc_why *why) {
    add_count(t, why->handles, "handle");
    ptrdiff_t here = (ptrdiff_t)why->handles - why->foreign;
    if (why->foreign > 0 && here == 0)
        add(t, ", counted elsewhere");
    else if (why->foreign > 0)
        add(t, ", of which %td %s counted elsewhere", why->foreign, why->foreign == 1 ? "was" : "were");
    else if (why->foreign < 0)
        add(t, ", %td less %td given up elsewhere", here, -why->foreign);
}

// What the first object on the way has, that it keeps the last one.
static void add_cause(struct text *t, const struct rc_why *why) {
    if (why->kind == RC_WHY_HANDLES)
        add_handles(t, why);
    else if (why->kind == RC_WHY_IMMORTAL)
        add(t, "immortal");
    else if (why->kind == RC_WHY_UNEXPLAINED)
        add_count(t, why->links, "link"), add(t, ", of which slots explain %zu", why->explained);
    else if (why->kind == RC_WHY_DYING)
        add(t, "about to be destroyed");
    else
        add(t, why->kind == RC_WHY_LOST ? "in a cycle that is lost" : "in a cycle that is garbage");
}

static void add_step(struct text *t, const struct rc_why_step *step) {
    assert(step->type && step->object);
    add(t, "%s %p", step->type->name, step->object);
}

void rc__why_line(const struct rc_why *why, size_t most, char *line, size_t size) {
    assert(why->count > 0 && size > 0);
    struct text t = {line, line + size};
    add_step(&t, &why->steps[0]);
    add(&t, " (");
    add_cause(&t, why);
    add(&t, ")");
    for (size_t i = 1; i < why->count; i++) {
        if (why->count > most + 1 && i == most) {
            size_t left_out = why->count - 1 - i;
            add(&t, " --%s--> ... %zu more ...", why->steps[i - 1].slot, left_out);
            i += left_out;
        }
        add(&t, " --%s--> ", why->steps[i - 1].slot);
        add_step(&t, &why->steps[i]);
    }
}

static void add_verdict(struct text *t, const struct rc_why *why) {
    bool itself = why->count == 1;
    switch (why->kind) {
    case RC_WHY_GARBAGE:
        add(t, " is garbage, and a collection will free it: nothing leads to it but this cycle");
        return;
    case RC_WHY_LOST:
        add(t, " is lost, and no collection will free it: nothing leads to it but this cycle");
        return;
    case RC_WHY_DYING:
        add(t, " is there, but not for long: ");
        break;
    default:
        add(t, " is alive: ");
    }
    if (itself)
        add(t, "it");
    else
        add_step(t, &why->steps[0]);
    const char *which = itself ? "" : ", which";
    switch (why->kind) {
    case RC_WHY_HANDLES:
        add(t, "%s has ", which);
        add_handles(t, why);
        break;
    case RC_WHY_IMMORTAL:
        add(t, "%s is immortal", which);
        break;
    case RC_WHY_UNEXPLAINED:
        add(t, "%s has ", which);
        add_count(t, why->links, "link");
        add(t, " of which slots explain %zu", why->explained);
        break;
    default:
        add(t, "%s waits to be destroyed", which);
    }
    add(t, itself ? "" : ", leads to it");
}

static void print(const struct rc_why *why, rc_line_fn *line_fn, void *arg) {
    assert(why->count > 0 && why->steps);
    enum { HEAD = 16, TAIL = 8 };
    char line[512];
    struct text t = {line, line + sizeof line};
    add_step(&t, &why->steps[why->count - 1]);
    add_verdict(&t, why);
    line_fn(line, arg);
    if (why->count == 1)
        return;
    rc__print(line_fn, arg, "  %s %p", why->steps[0].type->name, why->steps[0].object);
    for (size_t i = 1; i < why->count; i++) {
        if (i == HEAD && why->count > HEAD + TAIL + 1) {
            i = why->count - TAIL;
            rc__print(line_fn, arg, "    ... %zu more ...", i - HEAD);
        }
        const struct rc_why_step *step = &why->steps[i];
        rc__print(line_fn, arg, "    --%s--> %s %p", step[-1].slot, step->type->name, step->object);
    }
}

bool rc_why_print(const void *obj, rc_line_fn *line_fn, void *arg) {
    struct rc_why *answer = why(obj, "rc_why_print");
    if (!answer)
        return false;
    print(answer, rc__line_fn(line_fn), arg);
    bool ok = answer->kind != RC_WHY_HANDLES ||
              rc__history_print(answer->steps->object, "  ", rc__line_fn(line_fn), arg) || errno == ENOENT;
    rc_why_free(answer);
    return ok || rc__fails(ENOMEM);
}

// ---- what has a link to an object

struct refer {
    struct rc_visitor visitor;
    struct rc_heap *heap;
    const void *target;
    struct rc__header *source;
    void (*each)(const struct rc_why_step *place, void *arg);
    void *arg;
    size_t count;
};

static void refer_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct refer *r = (struct refer *)visitor;
    assert(r->source && r->target);
    for (size_t i = 0; i < n; i++) {
        if (rc__load(first + i * sizeof(void *)) != r->target)
            continue;
        char text[NAME];
        rc__slot_name_shown(visitor, r->source, first, i, n, text, sizeof text);
        struct rc_why_step place = {rc__payload(r->source), rc__class(r->source)->known_as, text};
        r->count++;
        if (r->each)
            r->each(&place, r->arg);
    }
}

static void refer_object(struct rc__header *h, void *arg) {
    struct refer *r = arg;
    r->source = h;
    r->visitor.near.cell = 0;
    if (!(h->word & RC__HUSK) && !cc_is_cleared(r->heap, h))
        rc__trace(h, &r->visitor, 0, RC__ALL_SLOTS);
}

size_t rc_referrers(const void *obj, void (*each)(const struct rc_why_step *place, void *arg), void *arg) {
    struct rc_heap *heap = rc__inspect_heap_of(obj, "rc_referrers");
    struct refer refer = {.visitor.slots = refer_slots, .heap = heap, .target = obj, .each = each, .arg = arg};
    if (heap)
        rc__each_object(heap, refer_object, &refer);
    return refer.count;
}

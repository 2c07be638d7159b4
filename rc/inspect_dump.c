// SPDX-License-Identifier: MIT
// rc_dump: the graph, or the part of it that leads to one object, as a drawing for Graphviz.
#include "inspect.h"

#include <stdio.h>

struct dump {
    struct rc_visitor visitor;
    struct rc__survey survey;
    rc_line_fn *print;
    void *arg;
    bool leads; // the object just shown has a slot that leads to what is SEEN
};

// Copies [name] as it has to stand between quotes.
static const char *quoted(const char *name, char *text, size_t size) {
    assert(size > 2);
    size_t at = 0;
    for (; *name && at + 2 < size; name++) {
        if (*name == '"' || *name == '\\')
            text[at++] = '\\';
        text[at++] = *name;
    }
    text[at] = 0;
    return text;
}

static void print_node(struct dump *d, uint32_t n, bool is_goal) {
    assert(n < d->survey.count);
    const struct rc__survey *s = &d->survey;
    const struct rc__header *h = s->object[n];
    char type[128], handles[48] = "";
    enum rc_why_kind root = rc__survey_root(s, n);
    if (root == RC_WHY_HANDLES)
        snprintf(handles, sizeof handles, "\\n%lld handle%s", (long long)rc__all_handles(h),
                 rc__all_handles(h) == 1 ? "" : "s");
    else if (root)
        snprintf(handles, sizeof handles, "\\n%s", root == RC_WHY_IMMORTAL ? "immortal" : "unexplained links");
    const char *how = root                             ? ", penwidth=3"
                      : s->mark[n] & RC__REACHED       ? ""
                      : !rc__survey_lives(s, n)        ? ", style=dashed"
                      : s->mark[n] & RC__KNOWN         ? ", color=gray"
                                                       : ", color=red";
    rc__print(d->print, d->arg, "  n%u [label=\"%s\\n%p%s\"%s%s];", n, quoted(rc__class(h)->type->name, type, sizeof type),
              (const void *)(h + 1), handles, how, is_goal ? ", peripheries=2" : "");
}

static void print_edges(struct rc_visitor *visitor, char *first, size_t n) {
    struct dump *d = (struct dump *)visitor;
    struct rc__survey *s = &d->survey;
    assert(s->source < s->count);
    for (size_t i = 0; i < n; i++) {
        void *obj = rc__load(first + i * sizeof(void *));
        uint32_t target = rc__survey_number_at(s, obj);
        if (target == RC__NOBODY || !(s->mark[target] & RC__SEEN))
            continue;
        char name[96], text[192];
        rc__slot_name_shown(visitor, s->object[s->source], first, i, n, name, sizeof name);
        rc__print(d->print, d->arg, "  n%u -> n%u [label=\"%s\"];", s->source, target, quoted(name, text, sizeof text));
    }
}

static void look_ahead(struct rc_visitor *visitor, char *first, size_t n) {
    struct dump *d = (struct dump *)visitor;
    assert(d->survey.source < d->survey.count);
    for (; n && !d->leads; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        uint32_t target = rc__survey_number_at(&d->survey, obj);
        d->leads = target != RC__NOBODY && d->survey.mark[target] & RC__SEEN;
    }
}

// SEEN: what leads to object number [n] over at most [distance] links.
static void choose(struct dump *d, uint32_t n, size_t distance) {
    assert(n < d->survey.count);
    struct rc__survey *s = &d->survey;
    s->mark[n] |= RC__SEEN;
    d->visitor.slots = look_ahead;
    for (uint32_t more = 1; more && distance; distance--) {
        more = 0;
        for (uint32_t k = 0; k < s->count; k++) {
            d->leads = false;
            if (!(s->mark[k] & RC__SEEN))
                rc__survey_trace(s, k, &d->visitor);
            if (d->leads)
                s->queue[more++] = k;
        }
        for (uint32_t i = 0; i < more; i++)
            s->mark[s->queue[i]] |= RC__SEEN;
    }
}

static void print_all(struct dump *d, uint32_t goal) {
    assert(d->print);
    struct rc__survey *s = &d->survey;
    char name[128];
    rc__print(d->print, d->arg, "digraph \"%s\" {", quoted(s->heap->name, name, sizeof name));
    rc__print(d->print, d->arg, "  node [shape=box];");
    for (uint32_t n = 0; n < s->count; n++)
        if (s->mark[n] & RC__SEEN)
            print_node(d, n, n == goal);
    d->visitor.slots = print_edges;
    for (uint32_t n = 0; n < s->count; n++)
        if (s->mark[n] & RC__SEEN)
            rc__survey_trace(s, n, &d->visitor);
    rc__print(d->print, d->arg, "}");
}

bool rc_dump(const void *obj, size_t distance, rc_line_fn *print, void *arg) {
    struct rc_heap *heap = obj ? rc__inspect_heap_of(obj, "rc_dump") : rc__inspect_heap("rc_dump");
    struct dump d = {.print = rc__line_fn(print), .arg = arg};
    struct rc__survey *s = &d.survey;
    if (!heap || !rc__survey_begin(s, heap))
        return false;
    rc__survey_count(s);
    rc__survey_reach(s, RC__NOBODY);
    rc__survey_suspect(s);
    uint32_t goal = rc__survey_number_at(s, obj);
    if (goal != RC__NOBODY)
        choose(&d, goal, distance);
    for (uint32_t n = 0; !obj && n < s->count; n++)
        s->mark[n] |= s->mark[n] & RC__GONE ? 0 : RC__SEEN;
    print_all(&d, goal);
    rc__survey_end(s);
    return true;
}

// SPDX-License-Identifier: MIT
// The leak report: all objects of a heap by type, and what keeps them. And REFCYC_LEAKS, which has it printed where a heap
// ends, and at exit for the heaps and the weak references that are left.
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>

struct entry {
    struct rc_leak leak;
    uint32_t example; // its number
    bool is_held;     // it has handles
};

struct table {
    struct rc__survey survey;
    struct entry *entry;
    size_t count, room;
    uint16_t by_class[1 << 15]; // index + 1, or 0
};

static bool grow(struct table *t) {
    assert(t->count == t->room);
    size_t room = t->room ? 2 * t->room : 16;
    struct entry *entry = realloc(t->entry, room * sizeof *entry);
    if (!entry)
        return false;
    t->entry = entry;
    t->room = room;
    return true;
}

// The entry of [h]'s type; classes of one type that came from several heaps share it. NULL if memory is out.
static struct entry *entry_of(struct table *t, const struct rc__header *h) {
    assert(t->count <= t->room);
    uint16_t *known = &t->by_class[rc__cls(h) >> 1];
    const struct rc_type *type = rc__class(h)->known_as;
    if (*known)
        return &t->entry[*known - 1];
    size_t i = 0;
    while (i < t->count && t->entry[i].leak.type != type)
        i++;
    if (i == t->count) {
        if (t->count == t->room && !grow(t))
            return NULL;
        t->entry[t->count++] = (struct entry){.leak.type = type, .example = RC__NOBODY};
    }
    *known = (uint16_t)(i + 1);
    assert(i < t->count);
    return &t->entry[i];
}

// Counts object number [n] in its entry.
static bool add(struct table *t, uint32_t n) {
    assert(n < t->survey.count);
    const struct rc__survey *s = &t->survey;
    const struct rc__header *h = s->object[n];
    if (h->word & RC__HUSK)
        return true;
    struct entry *e = entry_of(t, h);
    if (!e)
        return false;
    struct rc_leak *leak = &e->leak;
    leak->objects++;
    leak->bytes += rc__block_size(h);
    enum rc_why_kind root = rc__survey_root(s, n);
    bool is_held = root == RC_WHY_HANDLES;
    if (is_held) {
        leak->held++;
        leak->handles += (size_t)rc__all_handles(h);
    } else if (root == RC_WHY_IMMORTAL) {
        leak->immortal++;
    } else if (root) {
        leak->unexplained++;
    } else if (s->mark[n] & RC__REACHED) {
        leak->linked++;
    } else if (s->mark[n] & RC__GOING) {
        leak->dying++;
    } else if (s->mark[n] & RC__KNOWN) {
        leak->garbage++;
    } else {
        leak->lost++;
    }
    if ((e->example == RC__NOBODY || (is_held && !e->is_held)) && !(s->mark[n] & RC__GONE)) {
        e->example = n;
        e->is_held = is_held;
        leak->example = rc__payload(s->object[n]);
    }
    return true;
}

static int by_weight(const void *a, const void *b) {
    const struct rc_leak *x = &((const struct entry *)a)->leak, *y = &((const struct entry *)b)->leak;
    if (!x->held != !y->held)
        return x->held ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return strcmp(x->type->name, y->type->name);
}

// Whether object number [n] is dead, or was released for the last time by another thread; then what it leads to goes, too
// (GOING).
static bool is_dying(const struct rc__survey *s, uint32_t n) {
    assert(n < s->count);
    return !(s->mark[n] & RC__GOING) &&
           (!rc__survey_lives(s, n) || (!(s->mark[n] & RC__REACHED) && !rc__links(s->object[n])));
}

// First what was reached, in that order, so that the examples are those with the shortest ways; then the rest.
static bool fill(struct table *t) {
    assert(t->count == 0);
    struct rc__survey *s = &t->survey;
    rc__survey_count(s);
    rc__survey_reach(s, RC__NOBODY);
    for (uint32_t i = 0; i < s->end; i++)
        if (!add(t, s->queue[i]))
            return false;
    rc__survey_suspect(s);
    for (uint32_t n = 0; n < s->count; n++)
        if (is_dying(s, n))
            rc__survey_spread(s, n, RC__GOING);
    for (uint32_t n = 0; n < s->count; n++)
        if (!(s->mark[n] & RC__REACHED) && !add(t, n))
            return false;
    if (t->count)
        qsort(t->entry, t->count, sizeof *t->entry, by_weight);
    return true;
}

static void table_free(struct table *t) {
    int error = errno;
    if (t) {
        rc__survey_end(&t->survey);
        free(t->entry);
        free(t);
    }
    errno = error;
}

// NULL with errno.
static struct table *table_new(struct rc_heap *heap) {
    struct table *t = heap ? calloc(1, sizeof *t) : NULL;
    if (t && rc__survey_begin(&t->survey, heap) && fill(t))
        return t;
    if (heap)
        errno = ENOMEM;
    table_free(t);
    return NULL;
}

bool rc_leaks(void (*each)(const struct rc_leak *leak, void *arg), void *arg) {
    struct table *t = table_new(rc__inspect_heap("rc_leaks"));
    if (!t)
        return false;
    for (size_t i = 0; each && i < t->count; i++)
        each(&t->entry[i].leak, arg);
    table_free(t);
    return true;
}

// ---- as text

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

// Appends to [line], behind what is there.
static void add_part(char *line, size_t size, size_t n, const char *what) {
    assert(strlen(line) < size);
    size_t at = strlen(line);
    if (n)
        snprintf(line + at, size - at, "%s%zu %s", line[at - 1] == ':' ? " " : ", ", n, what);
}

static bool print_entry(const struct rc__survey *s, const struct entry *e, rc_line_fn *print, void *arg) {
    assert(e->leak.type && e->leak.objects > 0);
    const struct rc_leak *k = &e->leak;
    char line[512], held[64], way[512];
    snprintf(held, sizeof held, "held by %zu handle%s", k->handles, plural(k->handles));
    snprintf(line, sizeof line, "  %zu %s, %zu bytes:", k->objects, k->type->name, k->bytes);
    add_part(line, sizeof line, k->held, held);
    add_part(line, sizeof line, k->immortal, "immortal");
    add_part(line, sizeof line, k->unexplained, "with links that no slot explains");
    add_part(line, sizeof line, k->linked, "linked");
    add_part(line, sizeof line, k->dying, "about to be destroyed");
    add_part(line, sizeof line, k->garbage, "garbage that a collection frees");
    add_part(line, sizeof line, k->lost, "lost");
    if (e->example == RC__NOBODY) {
        print(line, arg);
        return true;
    }
    struct rc_why *why = rc__why_of(s, e->example);
    if (!why)
        return false;
    rc__why_line(why, 6, way, sizeof way);
    rc_why_free(why);
    rc__print(print, arg, "%s; for example %s", line, way);
    return !e->is_held || rc__history_print(e->leak.example, "    ", print, arg) || errno == ENOENT;
}

static bool print_table(const struct table *t, const struct rc_heap *heap, rc_line_fn *print, void *arg) {
    assert(print);
    size_t objects = 0, bytes = 0;
    for (size_t i = 0; i < t->count; i++) {
        objects += t->entry[i].leak.objects;
        bytes += t->entry[i].leak.bytes;
    }
    rc__print(print, arg, "heap \"%s\": %zu object%s, %zu bytes", heap->name, objects, plural(objects), bytes);
    bool ok = true;
    for (size_t i = 0; ok && i < t->count; i++)
        ok = print_entry(&t->survey, &t->entry[i], print, arg);
    return ok;
}

bool rc_report(rc_line_fn *print, void *arg) {
    struct rc_heap *heap = rc__inspect_heap("rc_report");
    struct table *t = table_new(heap);
    bool ok = t && print_table(t, heap, rc__line_fn(print), arg);
    table_free(t);
    return ok;
}

// ---- REFCYC_LEAKS

static bool watching;

// What is immortal, and what only that leads to, is there on purpose.
static bool has_leaks(const struct table *t) {
    for (size_t i = 0; i < t->count; i++) {
        const struct rc_leak *leak = &t->entry[i].leak;
        if (leak->immortal + leak->linked < leak->objects)
            return true;
    }
    return false;
}

static void report_to_stderr(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    struct table *t = heap->objects ? table_new(heap) : NULL;
    bool ok = !heap->objects || (t && (!has_leaks(t) || print_table(t, heap, rc__line_fn(NULL), NULL)));
    table_free(t);
    if (!ok)
        fprintf(stderr, "refcyc: there is no memory for a report on heap \"%s\"\n", heap->name);
}

// A heap that another thread is inside, or is just freeing, is left alone.
static void report_all(void) {
    for (size_t i = 0; i < sizeof rc__doors / sizeof *rc__doors; i++) {
        struct rc__door *door = &rc__doors[i];
        if (!rc__try_lock(&door->lock)) // LCOV_EXCL_BR_LINE: see the next line
            continue; // LCOV_EXCL_LINE: a thread would have to be stopped in a few instructions
        struct rc_heap *heap = door->heap;
        bool inside = heap && rc_heap_try_enter(heap); // it cannot go while its door is locked, nor while we are inside
        rc__unlock(&door->lock);
        if (!inside)
            continue;
        if (!heap->ending)
            report_to_stderr(heap);
        rc_heap_leave(heap);
    }
    size_t left = rc_weak_left();
    if (left)
        fprintf(stderr, "refcyc: %zu weak reference%s to dead objects not released\n", left, plural(left));
}

static void look_at_environment(void) {
    const char *value = getenv("REFCYC_LEAKS");
    watching = value && *value == '1' && atexit(report_all) == 0;
    rc__history_watch();
}

void rc__leaks_watch(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look_at_environment);
}

void rc__leaks_heap_ends(struct rc_heap *heap) {
    assert(rc__is_mine(heap) && heap->cc.phase == RC_PHASE_IDLE);
    if (watching)
        report_to_stderr(heap);
}

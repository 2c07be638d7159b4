// SPDX-License-Identifier: MIT
// The shadow graph and its searches. Nothing here changes an object of the library; what it reads, it reads from
// outside: the slots, and the counts that rc_handles and rc_links give. Now and then, and when all is quiet, the library
// looks at itself, too (rc_verify).
#include "shadow.h"

#include "checked.h"
#include "containers.h"
#include "peek.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world w;
void (*fail_hook)(const char *what);

static void print_shadows(void) {
    printf("the shadow graph:\n");
    for (uint32_t i = 0; i < w.listed && i < 64; i++) {
        const struct shadow *s = shadow(w.list[i]);
        printf("    n%u (kind%d)%s: %u handles, %u links:", s->serial, s->kind,
               s->state == DESTROYED ? " destroyed" : "", s->handles, s->links + s->outer_links);
        for (int k = 0; k < kind_of(w.list[i])->links; k++)
            if (s->to[k])
                printf(" [%d] n%u", k, shadow(s->to[k])->serial);
        printf("\n");
    }
    for (int i = 0; i < ENTRIES; i++)
        if (w.entry[i].used)
            printf("    entry of n%u, key n%u: n%u\n", w.entry[i].map.serial, w.entry[i].key.serial,
                   w.entry[i].value ? shadow(w.entry[i].value)->serial : 0);
}

void fail(const char *what, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say_steps(0, NULL);
    if (w.loud)
        print_shadows();
    fflush(stdout);
    fprintf(stderr, "FAILED %s: ", what);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    if (fail_hook)
        fail_hook(what);
    abort();
}

void say(const char *format, ...) {
    if (!w.loud)
        return;
    say_steps(0, NULL);
    va_list args;
    va_start(args, format);
    printf("%*s", 4 * w.depth, "");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
}

void say_steps(uint64_t budget, const char *phase) {
    static uint64_t times, last;
    static const char *where;
    if (!w.loud)
        return;
    if (times && (!phase || budget != last)) {
        printf("%*s%llu times rc_collect_step(%llu)  // now %s\n", 4 * w.depth, "", (unsigned long long)times,
               (unsigned long long)last, where);
        times = 0;
    }
    fflush(stdout);
    times += phase != NULL;
    last = budget;
    where = phase;
}

void world_init(void) {
    struct shadow *shadows = w.shadow;
    uint32_t *list = w.list;
    uint32_t *spare = w.spare;
    if (!shadows) {
        shadows = calloc(IDS, sizeof *shadows);
        list = calloc(IDS, sizeof *list);
        spare = calloc(IDS, sizeof *spare);
        if (!shadows || !list || !spare)
            abort();
    } else {
        for (uint32_t i = 0; i < w.listed; i++)
            shadows[list[i]].state = ABSENT;
        spare[0] = 0;
    }
    struct figures figures = w.figures;
    w = (struct world){.shadow = shadows, .list = list, .spare = spare, .figures = figures, .unused = 1};
}

uint32_t shadow_new(void) {
    uint32_t id;
    if (w.spare[0]) {
        id = w.spare[w.spare[0]--];
    } else {
        if (w.unused == IDS)
            return 0;
        id = w.unused++;
    }
    w.shadow[id] = (struct shadow){.serial = ++w.serial, .state = ALIVE, .place = w.listed};
    w.list[w.listed++] = id;
    w.alive++;
    shadow_changed();
    return id;
}

// A destroyed object that no slot names is forgotten.
void shadow_forget(uint32_t id) {
    struct shadow *s = shadow(id);
    if (s->state != DESTROYED || s->links || s->outer_links || s->handles || s->destroyed < kind_of(id)->destructors)
        return;
    s->state = ABSENT;
    uint32_t last = w.list[--w.listed];
    w.list[s->place] = last;
    w.shadow[last].place = s->place;
    w.spare[++w.spare[0]] = id;
}

static void count_link(uint32_t from, uint32_t to, int change) {
    if (!to)
        return;
    struct shadow *s = shadow(to);
    if (s->heap == shadow(from)->heap)
        s->links += (uint32_t)change;
    else
        s->outer_links += (uint32_t)change;
    if (change < 0)
        shadow_forget(to);
}

void shadow_link(uint32_t from, int slot, uint32_t to) {
    uint32_t old = shadow(from)->to[slot];
    shadow(from)->to[slot] = to;
    count_link(from, to, 1);
    count_link(from, old, -1);
    shadow_changed();
}

void shadow_entry(struct entry *entry, uint32_t value) {
    uint32_t old = entry->value;
    entry->value = value;
    if (value)
        shadow(value)->links++;
    if (old) {
        shadow(old)->links--;
        shadow_forget(old);
    }
    shadow_changed();
}

struct entry *entry_of(uint32_t map, uint32_t key) {
    for (int i = 0; i < ENTRIES; i++)
        if (w.entry[i].used && w.entry[i].map.id == map && w.entry[i].key.id == key)
            return &w.entry[i];
    return NULL;
}

void shadow_handle(uint32_t id, int change) {
    shadow(id)->handles += (uint32_t)change;
    shadow_changed();
    if (change < 0)
        shadow_forget(id);
}

void shadow_destroyed(uint32_t id) {
    struct shadow *s = shadow(id);
    s->state = DESTROYED;
    w.alive--;
    for (int i = 0; i < kind_of(id)->links; i++)
        if (s->to[i])
            shadow_link(id, i, 0);
    for (int i = 0; i < ENTRIES; i++) { // it goes with its key, and with its map
        struct entry *e = &w.entry[i];
        if (e->used && (e->map.id == id || e->key.id == id)) {
            e->used = false;
            shadow_entry(e, 0);
        }
    }
    shadow_forget(id);
}

void shadow_merge(int into) {
    for (uint32_t i = 0; i < w.listed; i++) {
        struct shadow *s = shadow(w.list[i]);
        s->heap = (uint8_t)into;
        s->links += s->outer_links;
        s->outer_links = 0;
    }
}

static uint32_t stack[IDS];

// Marks all that the objects on the stack reach.
static void spread(uint32_t top, uint32_t mark) {
    while (top) {
        uint32_t id = stack[--top];
        const struct shadow *s = shadow(id);
        if (s->state == DESTROYED && !w.ending)
            fail("premature", "n%u is destroyed, but can be reached", s->serial);
        for (int i = 0; i < kind_of(id)->links; i++) {
            uint32_t to = s->to[i];
            if (to && shadow(to)->mark != mark) {
                shadow(to)->mark = mark;
                stack[top++] = to;
            }
        }
    }
}

// The same, with the values of entries whose map and key are both marked.
static void spread_all(uint32_t top, uint32_t mark) {
    spread(top, mark);
    for (int i = 0; i < ENTRIES; i++) {
        const struct entry *e = &w.entry[i];
        if (!e->used || !e->value || shadow(e->value)->mark == mark || shadow(e->map.id)->mark != mark ||
            shadow(e->key.id)->mark != mark)
            continue;
        shadow(e->value)->mark = mark;
        stack[0] = e->value;
        spread(1, mark);
        i = -1; // that may have marked another's map or key
    }
}

static bool is_root(const struct shadow *s) {
    return s->handles || s->immortal || s->pinned;
}

static void search(void) {
    uint32_t top = 0;
    uint32_t mark = ++w.search;
    w.searched = true;
    w.figures.searches++;
    for (uint32_t i = 0; i < w.listed; i++)
        if (is_root(shadow(w.list[i]))) {
            shadow(w.list[i])->mark = mark;
            stack[top++] = w.list[i];
        }
    spread_all(top, mark);
}

bool is_reachable(uint32_t id) {
    const struct shadow *s = shadow(id);
    if (is_root(s) || (!s->links && !s->outer_links))
        return is_root(s);
    if (!w.searched)
        search();
    return s->mark == w.search;
}

void check_whole(uint32_t id) {
    shadow_changed();
    shadow(id)->mark = ++w.search;
    stack[0] = id;
    spread_all(1, w.search);
}

bool holds(uint32_t from, uint32_t to) {
    for (int i = 0; i < kind_of(from)->links; i++)
        if (shadow(from)->to[i] == to && i != kind_of(from)->owner)
            return true;
    return false;
}

void check_body(uint32_t id) {
    const struct shadow *s = shadow(id);
    if (!s->body) {
        if (rc_type_of(s->object) != kind_of(id)->object_type)
            fail("memory", "n%u: its memory is not its own any more", s->serial);
        return;
    }
    if (s->body->magic != BODY_ALIVE || s->body->id != id || s->body->kind != s->kind)
        fail("memory", "n%u: its memory is not its own any more (magic %x)", s->serial, s->body->magic);
}

static void check_object(uint32_t id) {
    const struct shadow *s = shadow(id);
    check_body(id);
    bool usable = !s->hollow && (!kind_of(id)->container || s->heap == w.here);
    for (int i = 0; usable && i < kind_of(id)->links; i++) {
        void *p, *where = address(id, i);
        if (!where)
            fail("slot", "n%u: its container has lost slot %d", s->serial, i);
        memcpy(&p, where, sizeof p);
        if (p != (s->to[i] ? shadow(s->to[i])->object : NULL))
            fail("slot", "n%u: slot %d does not hold what was put there", s->serial, i);
    }
    if (w.watched && rc_links(s->object) < s->links && !s->immortal)
        fail("links", "n%u has %zu links, should have at least %u", s->serial, rc_links(s->object), s->links);
    size_t handles = s->handles + s->outer_links;
    if (w.watched && rc_handles(s->object) < handles && !s->immortal)
        fail("handles", "n%u has %zu handles, should have at least %zu", s->serial, rc_handles(s->object), handles);
    if (w.heaps == 1 && !s->immortal && !s->pinned && rc_handles(s->object) != handles)
        fail("handles", "n%u has %zu handles, should have %zu", s->serial, rc_handles(s->object), handles);
}

// Owners lead where chance wants them to, here.
static void problem(const struct rc_problem *p, void *arg) {
    (void)arg;
    if (p->kind != RC_PROBLEM_OWNER)
        fail("verify", "%s", p->message);
}

static void verify(void) {
    harness_exempt++;
    if (!w.broken)
        rc_verify(problem, NULL);
    harness_exempt--;
}

void check_reachable(void) {
    if (w.checks++ % 16 == 0)
        verify();
    shadow_changed();
    search();
    struct rc_stats stats;
    rc_stats(&stats);
    bool prompt = !w.lazy && !w.depth && w.heaps == 1 && !stats.dead && rc_collect_phase() == RC_PHASE_IDLE;
    for (uint32_t i = 0; i < w.listed; i++) {
        uint32_t id = w.list[i];
        const struct shadow *s = shadow(id);
        if (s->mark == w.search)
            check_object(id);
        else if (prompt && s->state == ALIVE && !s->handles && !s->links && !s->outer_links && kind_of(id)->destructors)
            fail("late", "n%u has no reference left, but was not destroyed at once", s->serial);
    }
    check_entries(false);
}

static void check_exact(uint32_t id) {
    const struct shadow *s = shadow(id);
    if (s->immortal)
        return;
    size_t handles = s->handles + s->outer_links;
    if (rc_handles(s->object) != handles || rc_links(s->object) != s->links)
        fail("counts", "n%u has %zu handles and %zu links, should have %zu and %u", s->serial, rc_handles(s->object),
             rc_links(s->object), handles, s->links);
}

static void check_notices(void) {
    for (int i = 0; i < NOTICES; i++) {
        struct notice *n = &w.notice[i];
        if (!n->used || is_alive(n->of))
            continue;
        if (!n->called && n->weak >= 0)
            fail("notice", "n%u is dead, and its notice was not called", n->of.serial);
        n->used = false;
    }
}

// Objects that the library has made for itself: entries of weak maps.
static void count_internal(const struct rc_type *type, size_t objects, size_t bytes, void *arg) {
    (void)bytes;
    for (int i = 0; i < w.kinds; i++)
        if (w.kind[i].object_type == type)
            return;
    *(size_t *)arg += objects;
}

static void check_stats(uint32_t alive[HEAPS]) {
    int here = w.here;
    for (int h = 0; h < w.heaps; h++) {
        rc_heap_enter(w.heap[h]);
        struct rc_stats stats;
        rc_stats(&stats);
        size_t internal = 0;
        rc_census(count_internal, &internal);
        if (stats.objects - internal != alive[h] || stats.dead)
            fail("stats", "heap %d has %zu objects and %zu dead ones, should have %u and 0", h,
                 stats.objects - internal, stats.dead, alive[h]);
        if (stats.allocated != stats.reclaimed_count + stats.reclaimed_collect + stats.objects)
            fail("stats", "objects made are not those destroyed and those there");
        if (stats.suspects)
            fail("stats", "nothing is pending, but there are %zu suspects", stats.suspects);
        if (peek_husks(w.heap[h]))
            fail("husks", "%zu destroyed objects still have their memory", peek_husks(w.heap[h]));
        rc_heap_leave(w.heap[h]);
    }
    w.here = here;
}

void check_quiet(void) {
    uint32_t alive[HEAPS] = {0};
    check_reachable();
    verify();
    for (uint32_t i = 0; i < w.listed; i++) {
        uint32_t id = w.list[i];
        struct shadow *s = shadow(id);
        if (s->mark == w.search || w.broken) {
            alive[s->heap] += s->state == ALIVE;
        } else if (s->state == ALIVE && kind_of(id)->destructors) {
            fail("leak", "n%u cannot be reached, but is not destroyed", s->serial);
        } else if (s->state == ALIVE) { // nobody told us; the statistics will
            shadow_destroyed(id);
            i = UINT32_MAX; // the list has changed: from the start
        } else if (s->destroyed != kind_of(id)->destructors) {
            fail("destructor", "n%u: %d of %d destructors ran", s->serial, s->destroyed, kind_of(id)->destructors);
        }
    }
    if (w.broken)
        return;
    memset(alive, 0, HEAPS * sizeof *alive);
    for (uint32_t i = 0; i < w.listed; i++) {
        uint32_t id = w.list[i];
        if (shadow(id)->state == ALIVE) {
            alive[shadow(id)->heap]++;
            check_exact(id);
        }
    }
    check_stats(alive);
    check_entries(true);
    check_notices();
}

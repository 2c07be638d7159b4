// SPDX-License-Identifier: MIT
// The history of handles: in checked builds it is noted, for objects of some types, who took and gave up how many.
//
//   P1  A past belongs to an address, from the birth of an object there to the birth of the next. So it is there after the
//       object's death, and nobody looks at the object for it.
//   P2  Calls of one sort that came by the same way are one moment.
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef RC_CHECK
#include <pthread.h>
#include <search.h>

#if defined(__GLIBC__) || defined(__APPLE__)
#include <execinfo.h>
#else // there are the counts alone
static int backtrace(void **frame, int most) {
    (void)frame, (void)most;
    return 0;
}
static char **backtrace_symbols(void *const *frame, int n) {
    (void)frame, (void)n;
    return NULL;
}
#endif

enum { FRAMES = 16, OURS = 1 }; // so many of them are of this file

struct moment {
    struct moment *next; // of the same object, later
    enum rc__deed deed;
    size_t times;
    int frames;
    void *frame[FRAMES];
};

struct past {
    const struct rc__header *h;
    char what[80]; // type and address
    struct moment *first;
    size_t handles[2]; // taken, given up
    bool has_gaps;     // there was no memory for some moment
};

struct name {
    struct name *next;
    char type[];
};

int rc__history;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all that follows
static struct name *names; // those that were asked for; an empty one: any
static void *pasts;        // a tree, by address

static bool is_asked_for(const char *type) {
    const struct name *n = names;
    while (n && *n->type && strcmp(n->type, type) != 0)
        n = n->next;
    return n;
}

static int by_address(const void *a, const void *b) {
    const struct rc__header *x = ((const struct past *)a)->h, *y = ((const struct past *)b)->h;
    return x < y ? -1 : x > y;
}

static struct past *past_of(const struct rc__header *h) {
    struct past **found = tfind(&(struct past){.h = h}, &pasts, by_address);
    return found ? *found : NULL;
}

static void past_free(struct past *past) {
    if (past)
        tdelete(past, &pasts, by_address);
    while (past && past->first) {
        struct moment *moment = past->first;
        past->first = moment->next;
        free(moment);
    }
    free(past);
}

// NULL if memory is out.
static struct past *past_new(const struct rc__header *h, const char *type) {
    struct past *past = calloc(1, sizeof *past);
    if (!past)
        return NULL;
    past->h = h;
    snprintf(past->what, sizeof past->what, "%s %p", type, (const void *)(h + 1));
    if (tsearch(past, &pasts, by_address))
        return past;
    free(past);
    return NULL;
}

static bool is_like(const struct moment *a, const struct moment *b) {
    return a->deed == b->deed && a->frames == b->frames &&
           !memcmp(a->frame, b->frame, (size_t)a->frames * sizeof *a->frame);
}

// P2. Returns [fresh] if it is not needed.
static struct moment *add_moment(struct past *past, struct moment *fresh) {
    struct moment **at = &past->first;
    while (*at && !is_like(*at, fresh))
        at = &(*at)->next;
    bool known = *at;
    if (!known)
        *at = fresh;
    (*at)->times++;
    return known ? fresh : NULL;
}

void rc__history_note(const struct rc__header *h, enum rc__deed deed, bool is_new) {
    const char *type = rc__class(h)->known_as->name;
    struct moment *fresh = calloc(1, sizeof *fresh);
    if (fresh) {
        fresh->deed = deed;
        fresh->frames = backtrace(fresh->frame, FRAMES);
    }
    rc__lock(&lock);
    struct past *past = past_of(h);
    if (is_new) { // P1
        past_free(past);
        past = is_asked_for(type) ? past_new(h, type) : NULL;
    }
    if (past) {
        past->handles[deed]++;
        past->has_gaps |= !fresh;
        fresh = fresh ? add_moment(past, fresh) : NULL;
    }
    rc__unlock(&lock);
    free(fresh);
}

static bool note_handles_of(const char *type, size_t length) {
    struct name *name = malloc(sizeof *name + length + 1);
    void *frame[1];
    if (!name)
        return rc__fails(ENOMEM);
    memcpy(name->type, type, length);
    name->type[length] = 0;
    backtrace(frame, 1); // which loads a library the first time
    rc__lock(&lock);
    name->next = names;
    names = name;
    rc__unlock(&lock);
    RC__STORE(rc__history, 1);
    return true;
}

bool rc_history_of(const char *type) {
    return note_handles_of(type ? type : "", type ? strlen(type) : 0);
}

// Lines, each with its 0. They are written down under the lock, and printed after it: [print] may ask for a history itself.
struct lines {
    char *text;
    size_t used, room;
    bool failed;
};

static void add_line(const char *line, void *arg) {
    struct lines *lines = arg;
    size_t size = strlen(line) + 1;
    if (lines->room - lines->used < size) {
        size_t room = 2 * lines->room + size;
        char *text = realloc(lines->text, room);
        lines->failed |= !text;
        if (!text)
            return;
        lines->text = text;
        lines->room = room;
    }
    memcpy(lines->text + lines->used, line, size);
    lines->used += size;
}

static void add_moment_lines(struct lines *lines, const struct moment *moment, const char *indent) {
    int frames = moment->frames - OURS;
    char **names_of = frames > 0 ? backtrace_symbols(moment->frame + OURS, frames) : NULL;
    rc__print(add_line, lines, "%s  %zu %s%s", indent, moment->times, moment->deed == RC__TAKEN ? "taken" : "given up",
              frames > 0 ? " by" : "");
    for (int i = 0; i < frames; i++)
        if (names_of)
            rc__print(add_line, lines, "%s    %s", indent, names_of[i]);
        else
            rc__print(add_line, lines, "%s    [%p]", indent, moment->frame[OURS + i]);
    free(names_of);
}

static void add_past(struct lines *lines, const struct past *past, const char *indent) {
    rc__print(add_line, lines, "%s%s: %zu handle%s taken, %zu given up%s", indent, past->what, past->handles[RC__TAKEN],
              past->handles[RC__TAKEN] == 1 ? "" : "s", past->handles[RC__GIVEN],
              past->has_gaps ? "; there was no memory to note who, for some" : "");
    for (const struct moment *moment = past->first; moment; moment = moment->next)
        add_moment_lines(lines, moment, indent);
}

bool rc__history_print(const void *obj, const char *indent, rc_line_fn *print, void *arg) {
    struct lines lines = {0};
    rc__lock(&lock);
    const struct past *past = obj ? past_of(RC__HEADER((void *)(uintptr_t)obj)) : NULL;
    if (past)
        add_past(&lines, past, indent);
    rc__unlock(&lock);
    for (size_t at = 0; at < lines.used && !lines.failed; at += strlen(lines.text + at) + 1)
        print(lines.text + at, arg);
    free(lines.text);
    return (past && !lines.failed) || rc__fails(past ? ENOMEM : ENOENT);
}

void rc__history_watch(void) {
    const char *types = getenv("REFCYC_HISTORY");
    for (; types && *types; types += strspn(types, ",")) {
        size_t length = strcspn(types, ",");
        note_handles_of(types, *types == '*' ? 0 : length);
        types += length;
    }
}
#else
bool rc_history_of(const char *type) {
    (void)type;
    return rc__fails(ENOTSUP);
}

bool rc__history_print(const void *obj, const char *indent, rc_line_fn *print, void *arg) {
    (void)obj, (void)indent, (void)print, (void)arg;
    return rc__fails(ENOENT);
}

void rc__history_watch(void) {
    const char *types = getenv("REFCYC_HISTORY");
    if (types && *types)
        fprintf(stderr, "refcyc: REFCYC_HISTORY asks for a checked build (make CHECK=1, or -DRC_CHECK)\n");
}
#endif

bool rc_history_print(const void *obj, rc_line_fn *print, void *arg) {
    return rc__history_print(obj, "", rc__line_fn(print), arg);
}

// SPDX-License-Identifier: MIT
// Every test, with memory that runs out. In the objects of the tests the public functions whose result can say so are
// renamed (objcopy, stress.mk; scarce.awk makes the list of the headers), and lead here. Each such call is made with its 1st
// request for memory refused; when it has failed with ENOMEM, once more, with the 2nd refused, and so on until it has its
// way. A test then finds what it expects only if a call that fails has changed nothing and can be repeated when memory is
// back; the harness proves that nothing is left.
//
//     SCARCE=once      one request is refused, those that follow are not
//     SCARCE=forever   from the Nth on, all are
//
// A call that a callback makes has a turn of its own. Requests of the tests themselves, and those of calls that cannot say
// that memory was out, are never refused (stress/memory has rc_collect_step, whose failure a test that stops the collector
// at a certain moment could not bear).
#define _GNU_SOURCE
#include "rc/object.h"

#include <refcyc/refcyc.h>

#include <refcyc/inspect.h>
#include <refcyc/pauses.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    DEPTH = 64, // calls in callbacks of calls
    MOST = 400  // of a call that asks for very much, the requests beyond are all granted
};

struct turn {
    size_t fail_at, asked, refused; // requests of this call; fail_at 0: none fails
    int error;                      // errno before
    const struct rc_heap *heap;     // which this thread was inside, and how many living objects it had
    size_t objects;
};
static __thread struct turn turns[DEPTH];
static __thread int depth;

static bool forever;
static pid_t first;
static struct figures { // shared with the tests, which are children
    size_t calls, failed, refused;
} *figures;

__attribute__((constructor)) static void begin_program(void) {
    const char *mode = getenv("SCARCE");
    forever = mode && strcmp(mode, "forever") == 0;
    first = getpid();
    figures = mmap(NULL, sizeof *figures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (figures == MAP_FAILED)
        abort();
}

__attribute__((destructor)) static void end_program(void) {
    if (getpid() == first)
        fprintf(stderr, "%s: %zu calls, failed %zu times, %zu requests for memory were refused\n",
                program_invocation_short_name, figures->calls, figures->failed, figures->refused);
}

static void count(size_t *figure) {
    __atomic_fetch_add(figure, 1, __ATOMIC_RELAXED);
}

// ---- what the library's requests are called here

static bool refuses(void) {
    struct turn *t = depth ? &turns[depth - 1] : NULL;
    if (!t || !t->fail_at || ++t->asked < t->fail_at || (t->asked > t->fail_at && !forever))
        return false;
    t->refused++;
    count(&figures->refused);
    errno = ENOMEM;
    return true;
}

void *scarce_malloc(size_t size) {
    return refuses() ? NULL : malloc(size);
}

void *scarce_calloc(size_t n, size_t size) {
    return refuses() ? NULL : calloc(n, size);
}

void *scarce_realloc(void *memory, size_t size) {
    return refuses() ? NULL : realloc(memory, size);
}

int scarce_posix_memalign(void **memory, size_t align, size_t size) {
    return refuses() ? ENOMEM : posix_memalign(memory, align, size);
}

// ---- one call

static size_t living(const struct rc_heap *heap) {
    return heap ? heap->objects - heap->dead_count : 0;
}

static void begin(void) {
    if (depth == DEPTH)
        abort();
    turns[depth++] = (struct turn){.error = errno, .heap = rc_heap_current(), .objects = living(rc_heap_current())};
    count(&figures->calls);
}

// It is made for the first time or once more.
static void make(void) {
    struct turn *t = &turns[depth - 1];
    t->fail_at = t->fail_at < MOST ? t->fail_at + 1 : 0;
    t->asked = t->refused = 0;
    errno = t->error;
}

// It has returned, as one that [failed] or not. Whether it is to be made again; if not, it is over.
static bool again(bool failed) {
    const struct turn *t = &turns[depth - 1];
    if (failed && errno == ENOMEM && t->refused) {
        count(&figures->failed);
        return true;
    }
    depth--;
    return false;
}

// The same of a call that has changed nothing if it failed.
static bool again_as_before(bool failed, const char *name) {
    const struct turn *t = &turns[depth - 1];
    if (failed && t->refused && t->heap == rc_heap_current() && t->objects != living(t->heap)) {
        fprintf(stderr, "scarce: %s failed, and of %zu living objects there are %zu\n", name, t->objects, living(t->heap));
        abort();
    }
    return again(failed);
}

#define CALL(type, name, params, args, failed)                                                                         \
    type scarce_##name params {                                                                                        \
        type result;                                                                                                   \
        begin();                                                                                                       \
        do {                                                                                                           \
            make();                                                                                                    \
            result = (name) args;                                                                                      \
        } while (again_as_before(failed, #name));                                                                      \
        return result;                                                                                                 \
    }
#include "scarce_calls.h"

// ---- calls of which that is not the whole

// What it has destroyed before memory was out counts.
#define COLLECT(name, params, args)                                                                                    \
    size_t scarce_##name params {                                                                                      \
        size_t sum = 0;                                                                                                \
        begin();                                                                                                       \
        do {                                                                                                           \
            make();                                                                                                    \
            sum += name args;                                                                                          \
        } while (again(true));                                                                                         \
        return sum;                                                                                                    \
    }
COLLECT(rc_collect, (void), ())
COLLECT(rc_collect_heaps, (struct rc_heap *const *heaps, size_t n), (heaps, n))

// It has printed some by the time it fails, so it is made once, and has what it asks for.
bool scarce_rc_report(rc_line_fn *print, void *arg) {
    begin();
    bool result = rc_report(print, arg);
    depth--;
    return result;
}

struct rc_string *scarce_rc_string_vformat(const char *format, va_list arguments) {
    struct rc_string *result;
    begin();
    do {
        va_list copy;
        va_copy(copy, arguments);
        make();
        result = rc_string_vformat(format, copy);
        va_end(copy);
    } while (again_as_before(!result, "rc_string_vformat"));
    return result;
}

struct rc_string *scarce_rc_string_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    struct rc_string *result = scarce_rc_string_vformat(format, arguments);
    va_end(arguments);
    return result;
}

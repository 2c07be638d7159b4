// SPDX-License-Identifier: MIT
// A heap with a limit, as an interpreter has one for each script. What a script has left in cycles still counts, so memory that is
// refused is asked for once more after a collection, and only then is the script too large. Whoever reports that gets a little
// more.
#include <refcyc/refcyc.h>

#include <stdio.h>

enum { LIMIT = 1 << 20, MORE = 1 << 17 }; // bytes

struct frame { struct closure *function; struct frame *outer; double locals[8]; };
struct closure { struct frame *frame; };
static RC_TYPE(frame, struct frame, .slots = RC_SLOTS(RC_LINK(struct frame, function), RC_LINK(struct frame, outer)));
static RC_TYPE(closure, struct closure, .slots = RC_SLOTS(RC_LINK(struct closure, frame)));

static size_t collections;

// What the caller still needs is held by handles here, or it could go with the collection.
static void *make(const struct rc_type *type) {
    void *obj = rc_new(type);
    if (!obj) {
        rc_collect();
        collections++;
        obj = rc_new(type);
    }
    return obj;
}

// A frame whose function knows it: a cycle. With a handle, or NULL.
static struct frame *call(struct frame *outer) {
    RC_AUTO struct frame *frame = make(&frame_type);
    RC_AUTO struct closure *function = make(&closure_type);
    if (!frame || !function)
        return NULL;
    rc_set(&frame->outer, outer);
    rc_set(&function->frame, frame);
    rc_set(&frame->function, function);
    return rc_retain(frame);
}

// Calls one after the other: all but the last are garbage.
static size_t loop(size_t calls) {
    size_t n = 0;
    while (n < calls) {
        struct frame *frame = call(NULL);
        if (!frame)
            break;
        rc_release(frame);
        n++;
    }
    return n;
}

// The limit was reached: the frames that there are, which takes some memory more. Returns how many.
static size_t backtrace(struct frame *innermost) {
    rc_heap_set_limit(rc_heap_current(), LIMIT + MORE);
    RC_AUTO struct rc_array *trace = rc_array_new(&rc_link_element);
    for (struct frame *f = innermost; trace && f; f = f->outer)
        if (!rc_array_push(trace, f))
            break;
    rc_heap_set_limit(rc_heap_current(), LIMIT);
    return trace ? rc_array_size(trace) : 0;
}

// Calls within each other, all of them needed: how deep it gets.
static size_t recurse(size_t calls) {
    size_t n = 0;
    struct frame *frame = NULL;
    while (n < calls) {
        struct frame *inner = call(frame);
        if (!inner)
            break;
        rc_release(frame);
        frame = inner;
        n++;
    }
    if (n < calls)
        printf("the limit was reached; the backtrace %s\n", backtrace(frame) == n ? "is whole" : "is not whole");
    rc_release(frame);
    return n;
}

int main(void) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.name = "script", .limit = LIMIT});
    if (!heap)
        return 1;
    rc_heap_enter(heap);
    size_t looped = loop(100000);
    printf("%zu of 100000 calls in a loop%s\n", looped, collections > 2 ? ", with collections" : "");
    size_t depth = recurse(100000);
    printf("a recursion of 100000 calls %s\n", depth < 100000 ? "was stopped" : "went through");
    rc_collect();
    while (rc_trim(1 << 16)) // what is not needed goes back to the system, a piece at a time
        continue;
    struct rc_stats stats;
    rc_stats(&stats);
    printf("of its memory %s is left\n", stats.memory < LIMIT / 10 ? "little" : "much");
    looped = loop(1000);
    printf("%zu of 1000 calls in a loop after it\n", looped);
    rc_heap_leave(heap);
    size_t leaked = rc_heap_free(heap);
    printf("leaked: %zu\n", leaked);
    return leaked != 0;
}

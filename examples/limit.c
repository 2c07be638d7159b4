// SPDX-License-Identifier: MIT
// A heap with a limit, as an interpreter has one for each script. The limit is an allocator that says no. What a script has left
// in cycles still counts, so memory that is out is asked for once more after a collection, and only then is the script too
// large. The collector's graph is the allocator's memory, too, and is needed just when there is none: so a collection may go
// beyond the limit by a reserve, which the script never gets.
#define _POSIX_C_SOURCE 200112L
#include <refcyc/refcyc.h>

#include <stdio.h>
#include <stdlib.h>

struct limit {
    size_t used, most; // bytes
};
static struct limit limit = {0, 1 << 20};
enum { RESERVE = 1 << 18 };

static void *limited_alloc(size_t size, size_t align, void *arg) {
    struct limit *l = arg;
    if (size > l->most || l->used > l->most - size)
        return NULL;
    void *memory;
    if (posix_memalign(&memory, align, size)) // at least a pointer's: 16, or more
        return NULL;
    l->used += size;
    return memory;
}
static void limited_free(void *memory, size_t size, void *arg) {
    ((struct limit *)arg)->used -= size;
    free(memory);
}

static size_t collections;
static void collect(void) {
    limit.most += RESERVE;
    rc_collect();
    limit.most -= RESERVE;
    collections++;
}

// ---- a script's objects

struct frame { struct closure *function; struct frame *outer; double locals[8]; };
struct closure { struct frame *frame; };
static RC_TYPE(frame, struct frame, .slots = RC_SLOTS(RC_LINK(struct frame, function), RC_LINK(struct frame, outer)));
static RC_TYPE(closure, struct closure, .slots = RC_SLOTS(RC_LINK(struct closure, frame)));

// What the caller still needs is held by handles here, or it could go with the collection.
static void *make(const struct rc_type *type) {
    void *obj = rc_new(type);
    if (!obj) {
        collect();
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
    rc_release(frame);
    return n;
}

int main(void) {
    struct rc_allocator allocator = {limited_alloc, limited_free, &limit};
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.name = "script", .allocator = &allocator});
    if (!heap)
        return 1;
    rc_heap_enter(heap);
    size_t looped = loop(100000);
    printf("%zu of 100000 calls in a loop%s\n", looped, collections > 2 ? ", with collections" : "");
    size_t depth = recurse(100000);
    printf("a recursion of 100000 calls %s\n", depth < 100000 ? "was stopped by the limit" : "went through");
    looped = loop(1000);
    printf("%zu of 1000 calls in a loop after it\n", looped);
    rc_heap_leave(heap);
    size_t leaked = rc_heap_free(heap);
    printf("leaked: %zu, bytes left: %zu\n", leaked, limit.used);
    return leaked != 0 || limit.used != 0;
}

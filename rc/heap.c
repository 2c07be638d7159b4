// SPDX-License-Identifier: MIT
// Heaps: making them, the default one, and their end.
#include "element.h"

static pthread_mutex_t doors_lock = PTHREAD_MUTEX_INITIALIZER; // guards next_door and which doors are free
static size_t next_door;

static AO_t default_heap; // or 0
static pthread_mutex_t default_lock = PTHREAD_MUTEX_INITIALIZER;

// A door for [heap]. The search starts behind the one given out last, so that a door is not reused at once.
static struct rc__door *door_new(struct rc_heap *heap) {
    assert(!heap->door);
    enum { DOORS = sizeof rc__doors / sizeof *rc__doors };
    struct rc__door *door = NULL;
    rc__lock(&doors_lock);
    for (size_t i = 0; i < DOORS && !door; i++, next_door = (next_door + 1) % DOORS)
        if (!rc__doors[next_door].heap)
            door = &rc__doors[next_door];
    if (door) {
        rc__lock(&door->lock); // a late ring for the heap before may still be on its way
        door->heap = heap;
        rc__word_store(rc__bell_at(door), 0);
        rc__word_store(&door->linked, 0);
        rc__unlock(&door->lock);
    }
    rc__unlock(&doors_lock);
    return door;
}

// No heap comes or goes meanwhile: a heap that has a door can be locked, and its lock goes after the door.
void rc__heaps_visit(void (*visit)(struct rc_heap *heap)) {
    rc__lock(&doors_lock);
    for (size_t i = 0; i < sizeof rc__doors / sizeof *rc__doors; i++) {
        struct rc_heap *heap = rc__doors[i].heap;
        if (!heap)
            continue;
        bool inside = rc__is_mine(heap);
        if (!inside && !rc__try_lock(&heap->inside))
            continue;
        rc__word_store(&heap->owner, (AO_t)pthread_self());
        visit(heap);
        if (!inside) {
            rc__word_store(&heap->owner, 0);
            rc__unlock(&heap->inside);
        }
    }
    rc__unlock(&doors_lock);
}

static void door_free(struct rc__door *door) {
    assert(door >= rc__doors && door < rc__doors + sizeof rc__doors / sizeof *rc__doors);
    assert(door->heap && door->inbox_count == 0);
    rc__lock(&doors_lock);
    rc__lock(&door->lock);
    door->heap = NULL;
    door->wake = NULL;
    rc__word_store(rc__bell_at(door), 0);
    rc__unlock(&door->lock);
    rc__unlock(&doors_lock);
}

struct rc_heap *rc_heap_new(const struct rc_heap_options *options) {
    static const struct rc_heap_options defaults;
    if (!options)
        options = &defaults;
    const struct rc_allocator *allocator = options->allocator ? options->allocator : &rc__plain_allocator;
    struct rc_heap *heap = allocator->alloc(sizeof *heap, 16, allocator->arg);
    if (heap) {
        *heap = (struct rc_heap){.name = options->name ? options->name : "heap",
                                 .allocator = *allocator,
                                 .limit = options->limit ? options->limit : SIZE_MAX,
                                 .release_limit = options->release_limit ? options->release_limit : SIZE_MAX};
        pthread_mutex_init(&heap->inside, NULL);
        heap->door = door_new(heap);
        if (!heap->door) {
            pthread_mutex_destroy(&heap->inside);
            allocator->free(heap, sizeof *heap, allocator->arg);
            heap = NULL;
        }
    }
    if (!heap) {
        errno = ENOMEM;
        return NULL;
    }
    assert(heap->door->heap == heap);
    rc__leaks_watch();
    rc__blocks_init(heap);
    cc_init(heap);
    if (options->allocator)
        heap->blocks.paged = false;
    rc_heap_set_wake(heap, options->wake, options->wake_arg);
    return heap;
}

struct rc_heap *rc_heap_default(void) {
    struct rc_heap *heap = (struct rc_heap *)rc__word_load(&default_heap);
    if (heap)
        return heap;
    rc__lock(&default_lock);
    heap = (struct rc_heap *)rc__word_load(&default_heap);
    if (!heap) {
        heap = rc_heap_new(&(struct rc_heap_options){.name = "default"});
        rc__word_store(&default_heap, (AO_t)heap);
    }
    rc__unlock(&default_lock);
    return heap;
}

struct rc_heap *rc_heap_of(const void *obj) {
    return obj ? rc__heap(RC__HEADER((void *)(uintptr_t)obj)) : NULL;
}

struct rc_heap *rc__enter_default(const char *call) {
    assert(call != NULL);
    if (rc__here != RC__NOWHERE)
        return rc__here;
    struct rc_heap *heap = rc_heap_default();
    bool entered = !heap || rc__enter(heap, false, call);
    if (!entered) { // by a visit, perhaps: no other begins now
        rc__lock(&doors_lock);
        entered = rc__enter(heap, false, call);
        rc__unlock(&doors_lock);
    }
    if (!entered) {
        rc__fault(RC_FAULT_OUTSIDE, call, NULL,
                  "this thread is inside no heap, and the default heap is another thread's: enter a heap first");
        errno = EINVAL;
        return NULL;
    }
    return heap;
}

// The end of a heap: passes over all objects. Nothing is freed before the last pass, so each finds what the one before
// saw, and callbacks may read what they like.
struct ending {
    struct rc_visitor visitor;
    struct rc_heap *heap;
    size_t finalized, held;
};

static void end_finalize(struct rc__header *h, void *arg) {
    assert(rc__is_object(h));
    struct ending *ending = arg;
    assert(rc__is_mine(ending->heap) && !ending->heap->ending);
    if (rc__class(h)->has_finalize && !(h->word & RC__FINALIZED) && !rc__is_dead(h)) {
        h->word |= RC__FINALIZED;
        ending->finalized++;
        (void)rc_retain(rc__payload(h)); // the finalizer may release what holds its object
        rc__call_finalize(h);
        rc_release(rc__payload(h));
    }
}

static void end_doom(struct rc__header *h, void *arg) {
    assert(rc__is_object(h));
    struct ending *ending = arg;
    assert(ending->heap->ending);
    if (h->word & RC__HUSK)
        return;
    if (rc__atomic_load(&h->shared) & RC__WEAK)
        rc__weak_dead(ending->heap, h);
    if (!(h->word & RC__IMMORTAL) && rc__all_handles(h) > 0) // no upgrade adds to it now
        ending->held++;
    h->word |= RC__DOOMED;
    rc__set_dead(h);
}

static void end_destroy(struct rc__header *h, void *arg) {
    assert(rc__is_object(h));
    assert(rc__is_dead(h));
    (void)arg;
    size_t part = 0;
    if (!(h->word & RC__DOOMED) || !rc__has_destructor(rc__class(h)))
        return;
    rc__call_destroy(h);
    while (rc__destroy_some(h, &part))
        continue;
}

static void leave_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct rc_heap *heap = ((struct ending *)visitor)->heap;
    assert(heap->ending);
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        if (obj && rc__heap(RC__HEADER(obj)) && rc__heap(RC__HEADER(obj)) != heap)
            rc__foreign_release(RC__HEADER(obj), "rc_heap_free");
    }
}

static void end_slots(struct rc__header *h, void *arg) {
    assert(rc__is_dead(h));
    struct ending *ending = arg;
    assert(ending->heap->ending);
    if (!(h->word & RC__DOOMED))
        return;
    ending->visitor.slots = leave_slots;
    rc__trace(h, &ending->visitor, 0, RC__ALL_SLOTS);
    rc__release_weak_slots(ending->heap, h);
    if (rc__class(h)->has_free_slots)
        rc__call_free_slots(h);
}

// Finalizers may make objects that have finalizers: after some rounds, whatever is left goes without.
static void end_finalize_all(struct rc_heap *heap) {
    assert(rc__is_mine(heap) && !heap->ending);
    assert(heap->cc.phase == RC_PHASE_IDLE);
    struct ending ending = {.heap = heap};
    size_t before;
    int rounds = 0;
    do {
        before = ending.finalized;
        heap->reaping = true; // what dies waits: the pass must not lose its place
        rc__each_object(heap, end_finalize, &ending);
        heap->reaping = false;
        rc__reap(heap, SIZE_MAX);
    } while (ending.finalized != before && ++rounds < 64);
}

void rc__heap_end(struct rc_heap *heap) {
    assert(heap->suspect_count == 0 || heap->ending);
    assert(rc__entries(heap) <= 1);
    assert(rc__is_mine(heap) && heap->cc.phase == RC_PHASE_IDLE);
    assert(!heap->dead && !heap->clearing && !heap->notices);
    rc__weak_heap_gone(heap);
    rc__interns_free(heap);
    rc__extras_free(heap);
    rc__rubbish_free(heap); // the tables above, if they were large, are rubbish now
    rc__blocks_free(heap);
    rc__classes_free(heap);
    assert(heap->memory == 0); // M1
    rc__pointers_free(heap, &heap->suspects);
    rc__lock(&heap->door->lock);
    rc__pointers_free(heap, &heap->door->inbox);
    heap->door->inbox_count = 0;
    rc__unlock(&heap->door->lock);
    door_free(heap->door);
    rc__lock(&default_lock);
    if (rc__word_load(&default_heap) == (AO_t)heap)
        rc__word_store(&default_heap, 0);
    rc__unlock(&default_lock);
    rc__leave_for_good(heap);
    pthread_mutex_destroy(&heap->inside);
    rc__uncounted_free(heap, heap, sizeof *heap);
}

size_t rc_heap_free(struct rc_heap *heap) {
    if (!heap)
        return 0;
    size_t times = rc__entries(heap);
    if (times == 0 && !rc__enter(heap, true, "rc_heap_free"))
        return 0;
    if (times > 1 || rc__here != heap || !cc_is_free(heap)) {
        rc__fault(RC_FAULT_HEAP, "rc_heap_free", NULL, "the heap is in use: entered more than once, or by its callbacks");
        if (times == 0)
            rc_heap_leave(heap);
        return 0;
    }
    struct ending ending = {.heap = heap};
    rc__reap(heap, SIZE_MAX);
    cc_abandon(heap);
    end_finalize_all(heap);
    rc__leaks_heap_ends(heap);
    heap->reaping = heap->ending = true;
    memset(heap->recent, 0, sizeof heap->recent); // no object is made any more, by the short way either
    rc__each_object(heap, end_doom, &ending);
    rc__each_object(heap, end_destroy, &ending);
    rc__each_object(heap, end_slots, &ending);
    while (heap->notices)
        rc__weak_notices(heap);
    rc__heap_end(heap);
    return ending.held;
}

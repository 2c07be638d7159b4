// SPDX-License-Identifier: MIT
// Heaps: making and freeing them, and which of them a thread is inside.
//
//   H1  heap->inside is locked by the thread inside; heap->owner then holds that thread's pthread_self.
//   H2  rc__here is the heap on top of the thread's stack of entries, or RC__NOWHERE. A heap may be on the stack more than
//       once; its lock is given back with its lowest entry.
//   H3  What works on several heaps at once (rc_heap_merge, rc_collect_heaps) holds them: the thread is inside, without an
//       entry on the stack. It waits for one, but for the moment of H4, only while it is inside none of them, not even those
//       that it was inside when it came: so no order in which others enter heaps can lead to a deadlock.
//   H4  A lock goes to whoever comes first, and a loop that leaves its heap to enter it again at once comes first nearly
//       always: who needs several heaps at a time would hardly ever get them. So a heap is wanted while it is waited for by
//       who needs others, too: to hold it, or to enter it within another. Who is inside no heap and enters a wanted one stands
//       back; and who holds some that nobody wants waits a moment for the next before it lets them go. Neither for long:
//       whoever they wait for may be waiting for them, in a way that is not seen here. They nap and look again: a condition
//       would save a tenth of a millisecond of a call that takes many, but each leave of any heap would have to ask, in
//       full order, whether somebody is to be told; it would be one for all heaps, as who waits has several reasons to go on
//       (the heap is free, or another that it holds is wanted); and a child of fork() must not use a condition that others
//       waited for.
#include "element.h"

#include <stdlib.h>
#include <time.h>

#define DEPTH 32 // of entries of different heaps within each other

// H4: so many naps, of a tenth of a millisecond. The schedule search knows no time.
#ifdef RC_SCHEDULE
#define NAPS 0
#else
#define NAPS 200
#endif

// In few bytes, as the system has room for few that are reached so (RC__THREAD) in each library that is loaded at run time, and
// several plugins may have a copy of this one. A heap entered more than 65,535 times in a row has one more entry; so has one
// that a callback enters while it works, which may leave its own entries only.
static RC__THREAD struct {
    uint32_t door : 15;
    bool callback : 1;
    uint32_t times : 16;
} stack[DEPTH];
static RC__THREAD size_t depth;

static struct rc_heap *heap_at(size_t i) {
    assert(i < depth);
    return rc__doors[stack[i].door].heap;
}

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
        heap->door = door_new(heap);
        if (!heap->door) {
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
    pthread_mutex_init(&heap->inside, NULL);
    rc__blocks_init(heap);
    cc_init(heap);
    if (options->allocator)
        heap->blocks.paged = false;
    rc__lock(&heap->door->lock);
    heap->door->wake = options->wake;
    heap->door->wake_arg = options->wake_arg;
    rc__unlock(&heap->door->lock);
    return heap;
}

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

// H4, for who wants to enter [heap].
static void stand_back(const struct rc_heap *heap) {
    assert(!depth);
    for (int naps = 0; naps < NAPS && rc__word_load(&heap->wanted); naps++)
        nap();
}

static bool is_any_wanted(const struct rc_heap *list) {
    while (list && !rc__word_load(&list->wanted))
        list = list->next_held;
    return list;
}

// H4, for who wants [heap] and is inside others, or holds [list]: for as long as it takes if that is empty, or else a moment,
// unless who is inside may be waiting for one of them. Whether it has it.
static bool wait_for(struct rc_heap *heap, const struct rc_heap *list) {
    assert(rc__word_load(&heap->owner) != (AO_t)pthread_self());
    rc__word_add(&heap->wanted, 1);
    bool got = !list;
    if (got)
        rc__lock(&heap->inside);
    for (int naps = 0; naps < NAPS && !got && !is_any_wanted(list); naps++) {
        nap();
        got = rc__try_lock(&heap->inside);
    }
    rc__word_add(&heap->wanted, (AO_t)-1);
    return got;
}

static bool enter(struct rc_heap *heap, bool wait, const char *call) {
    assert(call != NULL);
    assert(depth <= DEPTH);
    if (!heap) {
        rc__fault(RC_FAULT_NULL, call, NULL, "the heap is NULL");
        return false;
    }
    if (depth && heap_at(depth - 1) == heap && stack[depth - 1].times < UINT16_MAX &&
        stack[depth - 1].callback == !cc_is_free(heap)) {
        stack[depth - 1].times++;
        return true;
    }
    if (depth == DEPTH) {
        rc__fault(RC_FAULT_HEAP, call, NULL, "more than 32 heaps are entered within each other");
        return false;
    }
    if (rc__word_load(&heap->owner) != (AO_t)pthread_self()) { // H1
        if (!wait) {
            if (!rc__try_lock(&heap->inside))
                return false;
        } else if (depth) {
            wait_for(heap, NULL);
        } else {
            stand_back(heap);
            rc__lock(&heap->inside);
        }
        rc__word_store(&heap->owner, (AO_t)pthread_self());
    }
    stack[depth].door = (uint32_t)(heap->door - rc__doors);
    stack[depth].callback = !cc_is_free(heap);
    stack[depth].times = 1;
    depth++;
    rc__here = heap;
    assert(rc__is_mine(heap) && depth <= DEPTH); // H1
    return true;
}

void rc_heap_enter(struct rc_heap *heap) {
    enter(heap, true, "rc_heap_enter");
}

bool rc_heap_try_enter(struct rc_heap *heap) {
    return enter(heap, false, "rc_heap_try_enter");
}

// How often this thread has entered [heap] and not left it.
size_t rc__entries(const struct rc_heap *heap) {
    size_t n = 0;
    for (size_t i = 0; i < depth; i++)
        n += heap_at(i) == heap ? stack[i].times : 0;
    return n;
}

static void leave(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    rc__word_store(&heap->owner, 0);
    rc__unlock(&heap->inside);
}

// The same, and wakes who sleeps on [heap] if this thread has made more work than it reckons with.
static void leave_work(struct rc_heap *heap) {
    // The heap may be gone once this thread is outside, and its door another's, who is woken in vain.
    struct rc__door *door = heap->door;
    bool rouses = heap->rouse_at && cc_pending(heap) >= heap->rouse_at && !pthread_equal(heap->sleeper, pthread_self());
    if (rouses)
        heap->rouse_at = 0;
    leave(heap);
    if (rouses)
        rc__rouse(door);
}

static void pop_entry(struct rc_heap *heap) {
    assert(rc__here == heap); // H2
    assert(depth && heap_at(depth - 1) == heap && !stack[depth - 1].times);
    depth--;
    rc__here = depth ? heap_at(depth - 1) : RC__NOWHERE;
    if (!rc__entries(heap) && !heap->held)
        leave_work(heap);
}

void rc_heap_leave(struct rc_heap *heap) {
    if (!heap)
        rc__fault(RC_FAULT_NULL, "rc_heap_leave", NULL, "the heap is NULL");
    else if (!depth || heap_at(depth - 1) != heap)
        rc__fault(RC_FAULT_HEAP, "rc_heap_leave", NULL,
                  rc__entries(heap) ? "a heap entered after this one has not been left yet"
                                : "this thread is not inside the heap");
    else if (!cc_is_free(heap) && !stack[depth - 1].callback)
        rc__fault(RC_FAULT_HEAP, "rc_heap_leave", NULL,
                  "a destructor or the like leaves its heap, which it has not entered");
    else if (--stack[depth - 1].times == 0)
        pop_entry(heap);
}

bool rc__in_callback(void) {
    for (size_t i = 0; i < depth; i++)
        if (!cc_is_free(heap_at(i)))
            return true;
    return false;
}

// H3. Puts [heap] on the list of those that are held. false if something is on it and another thread stays inside [heap].
static bool hold(struct rc_heap *heap, struct rc_heap **list) {
    if (rc__word_load(&heap->owner) != (AO_t)pthread_self()) {
        if (!rc__try_lock(&heap->inside) && !wait_for(heap, *list))
            return false;
        rc__word_store(&heap->owner, (AO_t)pthread_self());
    } else if (heap->held) {
        return true; // named twice
    }
    heap->held = true;
    heap->next_held = *list;
    *list = heap;
    return true;
}

static void let_go(struct rc_heap *list, bool wholly) {
    for (struct rc_heap *heap = list, *next; heap; heap = next) {
        next = heap->next_held;
        assert(heap->held && rc__is_mine(heap)); // H3
        heap->held = false;
        if (wholly || !rc__entries(heap))
            leave_work(heap);
    }
}

static struct rc_heap *merge_by_door(struct rc_heap *a, struct rc_heap *b) {
    assert(!a || !b || a->door != b->door);
    struct rc_heap *first = NULL, **last = &first;
    while (a && b) {
        struct rc_heap **least = a->door < b->door ? &a : &b;
        *last = *least;
        last = &(*last)->next_held;
        *least = *last;
    }
    *last = a ? a : b;
    return first;
}

// In the order of their doors, which is the order in which several doors are locked.
static struct rc_heap *sort_by_door(struct rc_heap *list) {
    if (!list || !list->next_held)
        return list;
    struct rc_heap *middle = list;
    for (struct rc_heap *end = list->next_held; end && end->next_held; end = end->next_held->next_held)
        middle = middle->next_held;
    struct rc_heap *second = middle->next_held;
    middle->next_held = NULL;
    return merge_by_door(sort_by_door(list), sort_by_door(second));
}

struct rc_heap *rc__hold(struct rc_heap *const *heaps, size_t n) {
    assert(heaps || !n);
    struct rc_heap *list = NULL;
    for (size_t i = 0; i < n; i++) // what it is inside comes first, to be let go with the rest
        if (heaps[i] && rc__is_mine(heaps[i]))
            hold(heaps[i], &list);
    for (size_t i = 0; i < n;) {
        if (!heaps[i] || hold(heaps[i], &list)) {
            i++;
            continue;
        }
        let_go(list, true);
        list = NULL;
        hold(heaps[i], &list);
        i = 0;
    }
    return sort_by_door(list);
}

void rc__let_go(struct rc_heap *list) {
    let_go(list, false);
}

void rc__enter_held(struct rc_heap *heap) {
    assert(heap->held);
    rc_heap_enter(heap);
    stack[depth - 1].callback = false;
}

void rc__leave_held(struct rc_heap *heap) {
    assert(heap->held && rc__here == heap);
    if (--stack[depth - 1].times == 0)
        pop_entry(heap);
}

bool rc__can_enter(const char *call) {
    assert(call != NULL);
    assert(depth <= DEPTH);
    if (depth < DEPTH)
        return true;
    rc__fault(RC_FAULT_HEAP, call, NULL, "32 heaps are entered within each other, and this needs one more");
    return false;
}

struct rc_heap *rc_heap_current(void) {
    return rc__here == RC__NOWHERE ? NULL : rc__here;
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

// The heap that [call] is about: the one this thread is inside, or the default one, which it then is inside. NULL with
// errno set after a fault, or if memory is out.
struct rc_heap *rc__enter_default(const char *call) {
    assert(call != NULL);
    if (rc__here != RC__NOWHERE)
        return rc__here;
    struct rc_heap *heap = rc_heap_default();
    if (heap && !enter(heap, false, call)) {
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
    assert(!((struct ending *)arg)->heap->ending);
    struct ending *ending = arg;
    assert(rc__is_mine(((struct ending *)arg)->heap));
    if (rc__class(h)->has_finalize && !(h->word & RC__FINALIZED) && !rc__is_dead(h)) {
        h->word |= RC__FINALIZED;
        ending->finalized++;
        (void)rc_retain(rc__payload(h)); // it may give up what holds its object
        rc__call_finalize(h);
        rc_release(rc__payload(h));
    }
}

static void end_doom(struct rc__header *h, void *arg) {
    assert(rc__is_object(h));
    assert(((struct ending *)arg)->heap->ending);
    struct ending *ending = arg;
    if (h->word & RC__HUSK)
        return;
    if (rc__atomic_load(&h->shared) & RC__WEAK)
        rc__weak_dead(ending->heap, h);
    if (!(h->word & RC__IMMORTAL) && rc__handles(h) + rc__sum(rc__atomic_load(&h->shared)) > 0) // no upgrade adds to it now
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
    assert(((struct ending *)visitor)->heap->ending);
    struct rc_heap *heap = ((struct ending *)visitor)->heap;
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        if (obj && rc__heap(RC__HEADER(obj)) && rc__heap(RC__HEADER(obj)) != heap)
            rc__foreign_release(RC__HEADER(obj), "rc_heap_free");
    }
}

static void end_slots(struct rc__header *h, void *arg) {
    assert(rc__is_dead(h));
    assert(((struct ending *)arg)->heap->ending);
    struct ending *ending = arg;
    if (!(h->word & RC__DOOMED))
        return;
    ending->visitor.slots = leave_slots;
    rc__trace(h, &ending->visitor, 0, RC__ALL_SLOTS);
    rc__release_weak_slots(ending->heap, h);
    if (rc__class(h)->has_free_slots)
        rc__call_free_slots(h);
}

// Finalizers make objects that have finalizers: a few rounds, then whatever is left goes without.
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

// [heap] has no object any more. This thread is inside, with one entry or none, and leaves.
void rc__heap_end(struct rc_heap *heap) {
    assert(heap->suspect_count == 0 || heap->ending);
    assert(rc__entries(heap) <= 1);
    assert(rc__is_mine(heap) && heap->cc.phase == RC_PHASE_IDLE);
    assert(!heap->dead && !heap->clearing && !heap->notices);
    rc__weak_heap_gone(heap);
    rc__interns_free(heap);
    rc__extras_free(heap);
    rc__rubbish_free(heap); // large tables of these are some
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
    size_t i = 0;
    while (i < depth && &rc__doors[stack[i].door] != heap->door)
        i++;
    if (i < depth)
        memmove(&stack[i], &stack[i + 1], (--depth - i) * sizeof *stack);
    rc__here = depth ? heap_at(depth - 1) : RC__NOWHERE;
    leave(heap);
    pthread_mutex_destroy(&heap->inside);
    rc__uncounted_free(heap, heap, sizeof *heap);
}

size_t rc_heap_free(struct rc_heap *heap) {
    if (!heap)
        return 0;
    size_t times = rc__entries(heap);
    if (times == 0 && !enter(heap, true, "rc_heap_free"))
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
    memset(heap->recent, 0, sizeof heap->recent); // a short way to a new object that there is not
    rc__each_object(heap, end_doom, &ending);
    rc__each_object(heap, end_destroy, &ending);
    rc__each_object(heap, end_slots, &ending);
    while (heap->notices)
        rc__weak_notices(heap);
    rc__heap_end(heap);
    return ending.held;
}

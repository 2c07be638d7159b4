// SPDX-License-Identifier: MIT
// Which heaps a thread is inside.
//
//   H1  heap->inside is locked by the thread inside; heap->owner then holds that thread's pthread_self.
//   H2  rc__here is the heap on top of the thread's stack of entries, or RC__NOWHERE. A heap may be on the stack more than
//       once; its lock is given back with its lowest entry.
//   H3  What works on several heaps at once (rc_heap_merge, rc_collect_heaps) holds them: the thread is inside, without an
//       entry on its stack. While it is inside any of them, it waits for another one no longer than the moment that H4 allows;
//       to wait longer it leaves them all first, and also those of them that it was inside when it was called. So no order in
//       which other threads enter heaps can lead to a deadlock.
//   H4  A lock goes to whoever comes first, and that is nearly always a loop that leaves its heap and enters it again at once:
//       a thread that needs several heaps at a time would hardly ever get them all. Therefore a heap is wanted while a thread
//       waits for it that needs others as well: to hold it, or to enter it within another. A thread that is inside no heap
//       stands back before it enters a wanted one; and a thread that holds heaps which nobody wants waits a moment for the next
//       one before it lets them go. Neither waits for long, since whoever it waits for may be waiting for it in turn, in a way
//       that cannot be seen here. Both nap, and look again. A condition variable would save a tenth of a millisecond of a call
//       that takes many. But each leave of any heap would have to ask, in full order, whether somebody is to be told; it would
//       be one for all heaps, since a waiting thread has several reasons to go on (the heap is free, or another one that it
//       holds is wanted); and a child of fork() must not use a condition that others waited for.
#include "object.h"

#include <time.h>

RC__THREAD struct rc_heap *rc__here = RC__NOWHERE;

#define DEPTH 32 // of entries of different heaps within each other

// H4: how many naps, of a tenth of a millisecond each. The schedule search knows no time.
#ifdef RC_SCHEDULE
#define NAPS 0
#else
#define NAPS 200
#endif

// Kept small: a library that is loaded at run time gets little room for variables that are reached so (RC__THREAD), and several
// plugins may have a copy of this one. A heap that is entered more than 65,535 times in a row takes one more entry. So does one
// that is entered by a callback of its own, which may leave only what it has entered.
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

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

// H4: this thread is inside no heap, and is about to enter [heap].
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

// H4: waits for [heap], which this thread needs beside others. If [list] is empty, for as long as it takes; if it has the heaps
// that this thread holds, for a moment, and no longer once one of these is wanted. Returns whether it got [heap].
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

bool rc__enter(struct rc_heap *heap, bool wait, const char *call) {
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
    rc__enter(heap, true, "rc_heap_enter");
}

bool rc_heap_try_enter(struct rc_heap *heap) {
    return rc__enter(heap, false, "rc_heap_try_enter");
}

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

// The same; and wakes the thread that sleeps on [heap], if this one has made more work than that reckons with.
static void leave_work(struct rc_heap *heap) {
    // Once this thread is outside, the heap may be gone and its door another heap's, whose sleeper is then woken in vain.
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

void rc__leave_for_good(struct rc_heap *heap) {
    size_t i = 0;
    while (i < depth && &rc__doors[stack[i].door] != heap->door)
        i++;
    if (i < depth)
        memmove(&stack[i], &stack[i + 1], (--depth - i) * sizeof *stack);
    rc__here = depth ? heap_at(depth - 1) : RC__NOWHERE;
    leave(heap);
}

bool rc__in_callback(void) {
    for (size_t i = 0; i < depth; i++)
        if (!cc_is_free(heap_at(i)))
            return true;
    return false;
}

// H3. Puts [heap] on [list], of heaps that are held. false if there are some already, and another thread stays inside [heap].
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
    for (size_t i = 0; i < n; i++) // those that it is inside come first, so that they are let go with the rest
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

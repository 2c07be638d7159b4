// SPDX-License-Identifier: MIT
// The fast paths of retain and release, which are part of no contract: the layout below may change with each version,
// and a program is compiled with the header of the library that it is linked with (the soname says so).
//
// Inside an object's heap its counts are plain integers, so a retain is: is this my heap? is there room? add one. From
// another thread it is one atomic addition. All else (a dead object, a count at either end of its range, the first
// release by another thread) is a call.
//
// The atomic paths are here, too, because a locked instruction waits for all stores before it: a call stores its return
// address, and registers that are saved, and a pair of them took 1.3 times what the two additions take.
//
// Only in optimized builds, where the call is what a pair of them costs, and never with RC_ANALYZE: gcc's analyzer does
// not follow handles through inline functions. Nor with RC_CHECK: a checked build of the library notes who calls (inspect.h).
#ifndef REFCYC_INLINE_H
#define REFCYC_INLINE_H

#include "base.h"

RC_BEGIN_DECLS

struct rc_heap;

// The 16 bytes before each object. rc/header.h says what the fields mean and who writes them.
struct rc__header {
    uint64_t word;   // links:28 flags:9 index:27
    uint32_t shared; // handles of other threads, atomic
    uint32_t both;   // class:16 (heap, type; odd: dead) INBOX:1 handles:15, of this heap's thread. One load tells whose the
};                   // object is and what it counts. Never half of it: what was stored is forwarded to the next load as a whole

// Of both.
#define RC__HANDLES_MAX 0x4000u // of the handles: immortal, or time to spill
#define RC__HANDLES 0x7FFFu
#define RC__INBOX 0x8000u // QUEUED, for other threads to see where they look anyway (F5, rc/foreign.c)
#define RC__DEAD 0x10000u // of the class

// Of shared (rc/header.h): a sum, above three bits.
#define RC__QUEUED 1u // in the inbox
#define RC__WEAK 2u   // has a weak block
#define RC__STUCK 4u  // immortal, for other threads to see
#define RC__SHARED_ONE 8u
#define RC__SHARED_LIMIT (1 << 27) // half of what the sum can hold: room for threads that race past the limit

#define RC__HEADER(obj) ((struct rc__header *)(void *)(obj)-1)

RC_API extern struct rc_heap *rc__class_heap[1 << 16];
RC_API extern __thread struct rc_heap *rc__here __attribute__((tls_model("initial-exec")));

// What the thread inside writes and others read at the same time; and what any thread changes. (The runtime's tests have
// another back end: rc/atomic.h.)
#ifndef RC__LOAD
#define RC__LOAD(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define RC__STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
#define RC__LOAD_ACQUIRE(word) __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define RC__LOAD_FULL(word) __atomic_load_n(&(word), __ATOMIC_SEQ_CST)
#define RC__ADD(word, add) __atomic_fetch_add(&(word), (add), __ATOMIC_RELAXED)
#define RC__ADD_FULL(word, add) __atomic_fetch_add(&(word), (add), __ATOMIC_SEQ_CST)
#endif

static inline uint32_t rc__both(const struct rc__header *h) {
    return RC__LOAD(h->both);
}

static inline bool rc__is_here(uint32_t both) {
    return RC__LOAD(rc__class_heap[both >> 16]) == rc__here;
}

static inline bool rc__is_inside(const struct rc__header *h) {
    return rc__is_here(rc__both(h));
}

// A release by another thread that may have been the last, of an object of class entry [n] (which may be gone by now),
// rings the bell at its heap's door, unless that is rung.
RC_API void rc__ring(uint16_t n);
RC_API extern uint16_t rc__class_door[1 << 15]; // of the class's heap
RC_API extern uintptr_t rc__bells[1 << 14];     // by door: work was left since the inbox was last looked through

static inline bool rc__is_rung(uint32_t n) { // F4 (rc/foreign.c)
    uint16_t door = RC__LOAD_ACQUIRE(rc__class_door[n]);
    return RC__LOAD_FULL(rc__bells[door]) && RC__LOAD_ACQUIRE(rc__class_door[n]) == door;
}

// A release by the thread inside of [obj], of which [both] was read, and which is not just one of several handles.
RC_API void rc__release_here(void *obj, uint32_t both);

// A retain by another thread found the sum at its limit and has added to it: that is taken back, as the object is immortal.
RC_API void rc__retained_too_often(void *obj);

// By a thread that is not inside the heap of [h], which is alive. The sum is looked at when it has been added to: on some
// processors a load of a word that a locked instruction has just written takes nearly as long as that.
static inline void rc__retain_elsewhere(struct rc__header *h) {
    if (__builtin_expect((int32_t)RC__ADD(h->shared, RC__SHARED_ONE) >= RC__SHARED_LIMIT * (int32_t)RC__SHARED_ONE, 0))
        rc__retained_too_often(h + 1);
}

// [both] was read of [h] while it was held. Nothing else is read before the count is given up, for the same reason.
static inline bool rc__release_elsewhere(struct rc__header *h, uint32_t both) {
    if (!(both & RC__INBOX)) // F1
        return false;
    uint32_t before = RC__ADD_FULL(h->shared, -RC__SHARED_ONE);
    if ((int32_t)before < 2 * (int32_t)RC__SHARED_ONE && !rc__is_rung(both >> 17)) // [h] may be gone by now
        rc__ring((uint16_t)(both >> 17));
    return true;
}

#if defined(__OPTIMIZE__) && !defined(RC_ANALYZE) && !defined(RC_CALLS) && !defined(RC_CHECK)
#define RC__RETAIN(p) rc__retain_inline(p)
#define rc_release(p) rc__release_inline(p)

static inline void *rc__retain_inline(void *obj) {
    if (!obj)
        return obj;
    struct rc__header *h = RC__HEADER(obj);
    uint32_t both = rc__both(h);
    struct rc_heap *heap = RC__LOAD(rc__class_heap[both >> 16]);
    if (__builtin_expect(heap == rc__here, 1)) {
        if (__builtin_expect(!(both & RC__HANDLES_MAX), 1)) {
            RC__STORE(h->both, both + 1);
            return obj;
        }
    } else if (heap) {
        rc__retain_elsewhere(h);
        return obj;
    }
    return rc_retain(obj);
}

static inline void rc__release_inline(void *obj) {
    if (!obj)
        return;
    struct rc__header *h = RC__HEADER(obj);
    uint32_t both = rc__both(h);
    struct rc_heap *heap = RC__LOAD(rc__class_heap[both >> 16]);
    if (__builtin_expect(heap == rc__here, 1)) {
        if (__builtin_expect(both & (RC__HANDLES_MAX - 2), 1)) // two or more, and not the most
            RC__STORE(h->both, both - 1);
        else
            rc__release_here(obj, both);
        return;
    } else if (heap && rc__release_elsewhere(h, both)) {
        return;
    }
    (rc_release)(obj);
}
#else
#define RC__RETAIN(p) (rc_retain)(p)
#endif

RC_END_DECLS

#endif

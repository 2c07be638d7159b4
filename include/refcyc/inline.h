// SPDX-License-Identifier: MIT
// The fast paths of retain and release, which are part of no contract: the layout below may change with each version,
// and a program is compiled with the header of the library that it is linked with (the soname says so).
//
// Inside an object's heap its counts are plain integers, so a retain is: is this my heap? is there room? add one. All
// else (another thread's object, a dead object, a count at either end of its range) is a call.
//
// Only in optimized builds, where the call is what a pair of them costs, and never with RC_ANALYZE: gcc's analyzer does
// not follow handles through inline functions.
#ifndef REFCYC_INLINE_H
#define REFCYC_INLINE_H

#include "base.h"

RC_BEGIN_DECLS

struct rc_heap;

// The 16 bytes before each object. rc/object.h says what the fields mean and who writes them.
struct rc__header {
    uint64_t word;    // links:28 flags:8 index:28
    uint32_t shared;  // handles of other threads, atomic
    __extension__ union {
        __extension__ struct {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            uint16_t handles; // handles of this heap's thread; 0xFFFF: immortal, or time to spill
            uint16_t cls;     // (heap, type); odd: dead
#else
            uint16_t cls, handles;
#endif
        };
        uint32_t both; // class and handles in one word: one load tells whose the object is and what it counts, and a
    };                 // processor forwards a stored word to the next load faster than half a one
};

#define RC__HANDLES_MAX 0xFFFF
#define RC__HEADER(obj) ((struct rc__header *)(void *)(obj)-1)

RC_API extern struct rc_heap *rc__class_heap[1 << 16];
RC_API extern __thread struct rc_heap *rc__here __attribute__((tls_model("initial-exec")));

// What the thread inside writes and others read at the same time. (The runtime's tests have another back end: rc/atomic.h.)
#ifndef RC__LOAD
#define RC__LOAD(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define RC__STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
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

static inline void *rc__retain_inline(void *obj) {
    if (obj) {
        struct rc__header *h = RC__HEADER(obj);
        uint32_t both = rc__both(h);
        if (__builtin_expect(rc__is_here(both) && (both & 0xFFFF) != RC__HANDLES_MAX, 1))
            RC__STORE(h->both, both + 1);
        else
            (void)rc_retain(obj);
    }
    return obj;
}

static inline void rc__release_inline(void *obj) {
    if (obj) {
        struct rc__header *h = RC__HEADER(obj);
        uint32_t both = rc__both(h);
        if (__builtin_expect(rc__is_here(both) && ((both - 2) & 0xFFFF) < RC__HANDLES_MAX - 2, 1))
            RC__STORE(h->both, both - 1);
        else
            rc_release(obj);
    }
}

RC_END_DECLS

#if defined(__OPTIMIZE__) && !defined(RC_ANALYZE) && !defined(RC_CALLS)
#define RC__RETAIN(p) rc__retain_inline(p)
#define rc_release(p) rc__release_inline(p)
#else
#define RC__RETAIN(p) (rc_retain)(p)
#endif

#endif

// SPDX-License-Identifier: MIT
// Every operation of the runtime that another thread can see: atomic words, and locks. Nothing else in rc/ and cc/ calls
// libatomic_ops or a pthread_mutex_ function that locks. There are two back ends:
//
//   libatomic_ops   It maps to the compiler's atomics on x86-64 and aarch64, so ThreadSanitizer sees them; with inline
//                   assembly it would not, hence the first check. No fences, which ThreadSanitizer misreads: the last
//                   release of an object is a release-ordered decrement, and whoever destroys it has read that count with an
//                   acquire load. No double-width operations, and nothing of libatomic_ops_gpl.
//   RC_SCHEDULE     The same, but a scheduler is asked before each operation whether this thread is the one to go on, and
//                   it keeps the locks: tests/schedule runs every order of the operations of a few threads.
//
// Loads are in full order, too. Whoever gives up a handle adds to `shared` and then looks at the bell; the thread inside
// silences the bell and then looks at `shared`; and one of the two has to see what the other did. An acquire load could
// overtake the addition, or the change of the bell, before it (LDAPR on aarch64). On x86-64 both loads are the same
// instruction. In libatomic_ops such a load comes with a fence, so the compiler's own is used.
//
// What only the thread inside writes, while others may read it, needs no order: RC__LOAD and RC__STORE. These, and what the
// usual retain and release by another thread need, are in refcyc/inline.h, which users compile without libatomic_ops.
#ifndef RC_ATOMIC_H
#define RC_ATOMIC_H

#ifdef AO_DISABLE_GCC_ATOMICS
#error "AO_DISABLE_GCC_ATOMICS hides the atomic operations from ThreadSanitizer; build without it"
#endif
#include <atomic_ops.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef RC_SCHEDULE
// Returns when this thread is to do its next operation, which reads [word], or [writes] it.
void rc__schedule(const volatile void *word, bool writes);
// In place of the operation. false: it is taken, and the thread is not to [wait].
bool rc__schedule_lock(pthread_mutex_t *lock, bool wait);
void rc__schedule_unlock(pthread_mutex_t *lock);
void rc__schedule_must_hold(const pthread_mutex_t *lock);
#define RC__LOAD(word) (rc__schedule(&(word), false), __atomic_load_n(&(word), __ATOMIC_RELAXED))
#define RC__STORE(word, value) (rc__schedule(&(word), true), __atomic_store_n(&(word), (value), __ATOMIC_RELAXED))
#define RC__LOAD_ACQUIRE(word) (rc__schedule(&(word), false), __atomic_load_n(&(word), __ATOMIC_ACQUIRE))
#define RC__LOAD_FULL(word) (rc__schedule(&(word), false), __atomic_load_n(&(word), __ATOMIC_SEQ_CST))
#define RC__ADD(word, add) (rc__schedule(&(word), true), __atomic_fetch_add(&(word), (add), __ATOMIC_RELAXED))
#define RC__ADD_FULL(word, add) (rc__schedule(&(word), true), __atomic_fetch_add(&(word), (add), __ATOMIC_SEQ_CST))
#else
static inline void rc__schedule(const volatile void *word, bool writes) {
    (void)word;
    (void)writes;
}
#endif

// ---- locks

static inline void rc__lock(pthread_mutex_t *lock) {
#ifdef RC_SCHEDULE
    rc__schedule_lock(lock, true);
#else
    pthread_mutex_lock(lock);
#endif
}
static inline bool rc__try_lock(pthread_mutex_t *lock) {
#ifdef RC_SCHEDULE
    return rc__schedule_lock(lock, false);
#else
    return pthread_mutex_trylock(lock) == 0;
#endif
}
static inline void rc__unlock(pthread_mutex_t *lock) {
#ifdef RC_SCHEDULE
    rc__schedule_unlock(lock);
#else
    pthread_mutex_unlock(lock);
#endif
}

// This thread has [lock]. Checked where the scheduler keeps it.
static inline void rc__must_hold(const pthread_mutex_t *lock) {
#ifdef RC_SCHEDULE
    rc__schedule_must_hold(lock);
#else
    (void)lock;
#endif
}

// ---- the shared word of an object. Those that change it return the value before.

static inline uint32_t rc__atomic_load(const uint32_t *word) {
    rc__schedule(word, false);
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}
// A reference is added by somebody who holds one: no order is needed.
static inline uint32_t rc__atomic_add(uint32_t *word, uint32_t add) {
    rc__schedule(word, true);
    return AO_int_fetch_and_add((volatile unsigned *)word, add);
}
// Full order: what the thread did to the object comes before whatever its heap does when it sees the new count; and the bell
// is looked at after it.
static inline uint32_t rc__atomic_add_full(uint32_t *word, uint32_t add) {
    rc__schedule(word, true);
    return AO_int_fetch_and_add_full((volatile unsigned *)word, add);
}
// Full order: what comes after it in the program comes after it for the others, too (F5).
static inline void rc__atomic_set_bits(uint32_t *word, uint32_t bits) {
    rc__schedule(word, true);
    AO_int_or_full((volatile unsigned *)word, bits);
}
static inline void rc__atomic_clear_bits(uint32_t *word, uint32_t bits) {
    rc__schedule(word, true);
    AO_int_and((volatile unsigned *)word, ~bits);
}

// ---- numbers of doors. Whoever reads one finds the door as that heap got it, not as it was when it was another heap's.

static inline uint16_t rc__atomic_load_short(const uint16_t *word) {
    rc__schedule(word, false);
    return AO_short_load_acquire((const volatile unsigned short *)word);
}
static inline void rc__atomic_store_short(uint16_t *word, uint16_t value) {
    rc__schedule(word, true);
    AO_short_store_release((volatile unsigned short *)word, value);
}

// ---- addresses, flags, and counts of references that are no object's

static inline AO_t rc__word_load(const AO_t *word) {
    rc__schedule(word, false);
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}
static inline void rc__word_store(AO_t *word, AO_t value) {
    rc__schedule(word, true);
    AO_store_release(word, value);
}
// Full order; that of libatomic_ops is acquire and release. Whether [word] was [from], and is [to] now.
static inline bool rc__word_change(AO_t *word, AO_t from, AO_t to) {
    rc__schedule(word, true);
    return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
// Full order; with 0 for [add] a load that no store of another thread overtakes. Returns the value before.
static inline AO_t rc__word_add(AO_t *word, AO_t add) {
    rc__schedule(word, true);
    return AO_fetch_and_add_full(word, add);
}
// One reference more, made by somebody who has one.
static inline void rc__word_more(AO_t *word) {
    rc__schedule(word, true);
    (void)AO_fetch_and_add1(word);
}
// One less. true: it was the last, and what all others did with what it refers to has happened.
static inline bool rc__word_less(AO_t *word) {
    rc__schedule(word, true);
    if (AO_fetch_and_sub1_release(word) != 1)
        return false;
    (void)AO_load_acquire(word);
    return true;
}

#endif

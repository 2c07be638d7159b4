// SPDX-License-Identifier: MIT
// The atomic operations that the runtime uses, all of libatomic_ops: the one place to put another back end under them.
//
// libatomic_ops maps to the compiler's atomics on x86-64 and aarch64, so ThreadSanitizer sees them; with inline assembly
// it would not, hence the first check. No fences, which ThreadSanitizer misreads: the last release of an object is a
// release-ordered decrement, and whoever destroys it has read that count with an acquire load.
#ifndef RC_ATOMIC_H
#define RC_ATOMIC_H

#ifdef AO_DISABLE_GCC_ATOMICS
#error "AO_DISABLE_GCC_ATOMICS hides the atomic operations from ThreadSanitizer; build without it"
#endif
#include <atomic_ops.h>
#include <stdint.h>

static inline uint32_t rc__atomic_load(const uint32_t *word) {
    return AO_int_load_acquire((const volatile unsigned *)word);
}
static inline uint16_t rc__atomic_load_short(const uint16_t *word) {
    return AO_short_load_acquire((const volatile unsigned short *)word);
}
static inline void rc__atomic_store_short(uint16_t *word, uint16_t value) {
    AO_short_store_release((volatile unsigned short *)word, value);
}
// Returns the value before. A reference is added by somebody who holds one: no order is needed.
static inline uint32_t rc__atomic_add(uint32_t *word, uint32_t add) {
    return AO_int_fetch_and_add((volatile unsigned *)word, add);
}
// Returns the value before. Full order: what the thread did to the object comes before whatever its heap does when it
// sees the new count; and the bell is looked at after it.
static inline uint32_t rc__atomic_add_full(uint32_t *word, uint32_t add) {
    return AO_int_fetch_and_add_full((volatile unsigned *)word, add);
}
static inline void rc__atomic_set_bits(uint32_t *word, uint32_t bits) {
    AO_int_or((volatile unsigned *)word, bits);
}
static inline void rc__atomic_clear_bits(uint32_t *word, uint32_t bits) {
    AO_int_and((volatile unsigned *)word, ~bits);
}

#endif

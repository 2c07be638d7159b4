// SPDX-License-Identifier: MIT
// The dice: xorshift64* (Vigna, 2014). Everything random in a run comes from one seed, which is printed and taken back.
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

struct dice {
    uint64_t state; // never 0
};

static inline struct dice dice_new(uint64_t seed) {
    return (struct dice){(seed + 1) * 0x9E3779B97F4A7C15u | 1};
}

// One of 0 .. n-1.
static inline uint32_t roll(struct dice *dice, uint32_t n) {
    uint64_t x = dice->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    dice->state = x;
    return (uint32_t)(((x * 0x2545F4914F6CDD1Du) >> 32) * n >> 32);
}

#endif

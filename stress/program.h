// SPDX-License-Identifier: MIT
// Programs: a string of bytes is one, and any string of bytes is. A header describes the heaps and the types; then come
// operations of eight bytes each, so that operations can be taken out of a program and the rest stays what it was.
#ifndef STRESS_PROGRAM_H
#define STRESS_PROGRAM_H

#include "kinds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEADER_BYTES = 8 + KINDS * KIND_BYTES, OP_BYTES = 8, PROGRAM_BYTES = HEADER_BYTES + 4096 * OP_BYTES };

enum {
    OP_NEW,
    OP_RETAIN,
    OP_RELEASE,
    OP_SET,
    OP_CLEAR,
    OP_GIVE,
    OP_TAKE,
    OP_MOVE,
    OP_SWAP,
    OP_STEP,
    OP_PHASE,
    OP_COLLECT,
    OP_CANCEL,
    OP_WEAK_NEW,
    OP_WEAK_GET,
    OP_WEAK_RELEASE,
    OP_WEAK_SET,
    OP_WEAK_SLOT,
    OP_NOTIFY,
    OP_OUTSIDE,
    OP_SWITCH,
    OP_OWN,
    OP_KEEP,
    OP_RELAYOUT,
    OP_RING,
    OP_DROP,
    OP_MERGE,
    OP_HEAPS,
    OP_CHECK,
    OP_QUIET,
    OP_RARE,
    OP_ELEMENT,
    OP_ENTRY,
    OPS
};

// Bits of the header's second byte.
enum {
    WITH_ALLOCATOR = 1,
    WITH_LIMIT = 2,
    TWO_HEAPS = 4,
    BROKEN_OWNERS = 8,
    WIDE = 16,
    TIMED = 32,
    END_AT_ONCE = 64,
    ACROSS = 128
};
// And of its fifth.
enum { CONTAINERS = 1 };

// Runs a program to its end and checks all there is to check; ends the process if something is wrong. [loud]: prints
// the operations as they are made. Returns the operations that were made.
uint64_t program_run(const uint8_t *program, size_t size, bool loud);

// Makes a random program; returns its size.
size_t program_random(uint64_t seed, uint8_t program[PROGRAM_BYTES]);

#endif

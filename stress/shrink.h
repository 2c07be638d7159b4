// SPDX-License-Identifier: MIT
// From a program that fails to a short one that fails in the same way: delta debugging (Zeller and Hildebrandt,
// "Simplifying and Isolating Failure-Inducing Input", TSE 2002) over the operations, then over their bytes.
#ifndef STRESS_SHRINK_H
#define STRESS_SHRINK_H

#include <stddef.h>
#include <stdint.h>

// Runs a program in a child, silently. Returns whether it failed as [what] says; [what] is empty: at all.
int fails_like(const uint8_t *program, size_t size, const char *what);
// Why the last child failed: the word that was given to `fail`, or the signal that killed it; empty if it did not.
const char *last_failure(void);
// Shortens [program] in place for at most [seconds]; returns its new size.
size_t shrink(uint8_t *program, size_t size, const char *what, unsigned seconds);

#endif

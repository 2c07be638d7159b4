// SPDX-License-Identifier: MIT
// From a program that fails to a short one that fails in the same way: delta debugging (Zeller and Hildebrandt,
// "Simplifying and Isolating Failure-Inducing Input", TSE 2002) over the operations, then over their bytes.
#ifndef STRESS_SHRINK_H
#define STRESS_SHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a program is run; [loud]: the operations are printed. Once, as it is (program_run), unless somebody sets another.
extern void (*shrink_run)(const uint8_t *program, size_t size, bool loud);

// Runs a program in a child, silently. Returns whether it failed as [what] says; [what] is empty: at all.
int fails_like(const uint8_t *program, size_t size, const char *what);
// Why the last child failed: the word that was given to `fail`, or the signal that killed it; empty if it did not.
const char *last_failure(void);
// Shortens [program] in place for at most [seconds]; returns its new size.
size_t shrink(uint8_t *program, size_t size, const char *what, unsigned seconds);

// All of that with a program that has failed: says what failed, shortens it, prints the short one, and leaves it in
// [name].program. Whether it fails when it runs alone.
bool shrink_and_report(uint8_t *program, size_t size, const char *name, unsigned seconds);
// The program in a file, of at most PROGRAM_BYTES; its size. Ends the process if there is none.
size_t read_program(const char *path, uint8_t *program);

#endif

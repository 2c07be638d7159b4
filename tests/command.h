// SPDX-License-Identifier: MIT
// Runs a command line of the shell; for tests of compilers, examples and the harness itself.
#ifndef TESTS_COMMAND_H
#define TESTS_COMMAND_H

// Waits for the command and returns what it wrote, on stdout and stderr, up to 64 KiB; good until the next call. [status]
// gets its exit status, or 128 and the signal that ended it.
const char *command(int *status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

// SPDX-License-Identifier: MIT
// Memory whose neighbours must not be read: whoever does is killed, in builds without sanitizers, too.
#ifndef TESTS_GUARDS_H
#define TESTS_GUARDS_H

enum { GUARDED = 1 << 16 }; // a multiple of any machine's page

// GUARDED bytes; what lies before them and behind them is nobody's.
char *bytes_between_guards(void);

#endif

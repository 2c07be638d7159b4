// SPDX-License-Identifier: MIT
// What one gets to see: a line that is rewritten in place on a terminal (and comes every two seconds elsewhere), and a
// table at the end.
#ifndef SHOW_H
#define SHOW_H

#include "browser.h"

struct show {
    const struct browser *browser;
    size_t pages;     // how many there are to open
    size_t refused;   // pages that could not be read, so far
    bool quiet;       // no live line
    uint64_t last_ns; // when the line was written
    bool line_open;   // there is a line to be rewritten
};

// Writes the live line if it is time to; with [now], in any case.
void show_line(struct show *show, bool now);
// Goes below the live line, so that something else can be printed.
void show_break(struct show *show);
// The types with live objects, as they are now.
void show_census(struct show *show);
// The figures at the end, and how long each phase of a collection held the program up at most.
void show_table(struct show *show);

#endif

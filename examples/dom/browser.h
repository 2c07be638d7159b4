// SPDX-License-Identifier: MIT
// A browser without a window: tabs with pages in them, and an event loop that gives the collector one slice after each
// event.
#ifndef BROWSER_H
#define BROWSER_H

#include "dom.h"
#include "observer.h"
#include "random.h"
#include "slices.h"
#include "tabs.h"

struct browser {
    struct tabs tabs;
    struct dice dice;
    uint64_t budget_ns; // of a slice
    struct slices slices;

    struct rc_weak **pages; // of each page ever opened, to be told when it is gone
    size_t opened, gone;
    size_t events, handlers, rewritten, moved, dragged, removed;
    struct observer_report observed;
    size_t objects_max, bytes_max; // the most that was alive at once
};

// False if memory is out. [max_pages]: how many will be opened at most.
bool browser_start(struct browser *browser, size_t tabs, size_t max_pages, uint64_t seed, uint64_t budget_ns);
// Loads a page into some tab, which lets go of the page that it had. False, with *why, if there is no page.
bool browser_open(struct browser *browser, const char *address, const char *html, size_t length, const char **why);
// One event somewhere, and one slice.
void browser_turn(struct browser *browser);
// Closes all tabs.
void browser_close(struct browser *browser);
// One slice without an event. False if there is nothing to collect, or no memory to do it with.
bool browser_idle(struct browser *browser);
// Gives back what the browser has, pages' weak references included.
void browser_end(struct browser *browser);

#endif

// SPDX-License-Identifier: MIT
// The tabs: the only handles that the browser keeps from one turn to the next. What a tab shows is alive for that; all
// else in a page is alive because the page leads to it.
#ifndef TABS_H
#define TABS_H

#include "dom.h"

struct tabs {
    size_t n;
    struct document **pages; // n handles, each may be NULL
};

// n empty tabs; false if memory is out.
bool tabs_open(struct tabs *tabs, size_t n);
// The page of a tab: borrowed, or NULL.
struct document *tabs_page(const struct tabs *tabs, size_t tab);
// Shows [page] in a tab, taking over the caller's handle, and lets go of the page before it.
void tabs_show(struct tabs *tabs, size_t tab, struct document *page);
// Shows nothing in any tab, and gives back the memory of the tabs themselves.
void tabs_close(struct tabs *tabs);

#endif

// SPDX-License-Identifier: MIT
// Handles in an array, in a file of its own: gcc 12's analyzer loses sight of a handle that it sees stored in an array,
// and reports it as a leak. Here it only sees a handle come in.
#include "tabs.h"
#include <stdlib.h>

bool tabs_open(struct tabs *tabs, size_t n) {
    tabs->pages = calloc(n, sizeof tabs->pages[0]);
    tabs->n = tabs->pages ? n : 0;
    return tabs->pages != NULL;
}

struct document *tabs_page(const struct tabs *tabs, size_t tab) {
    return tabs->pages[tab];
}

void tabs_show(struct tabs *tabs, size_t tab, struct document *page) {
    rc_release(tabs->pages[tab]);
    tabs->pages[tab] = page;
}

void tabs_close(struct tabs *tabs) {
    for (size_t i = 0; i < tabs->n; i++) tabs_show(tabs, i, NULL);
    free(tabs->pages);
    *tabs = (struct tabs){0};
}

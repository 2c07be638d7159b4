// SPDX-License-Identifier: MIT
// Tabs and turns. The loop is the one that any program with idle time would write: do what there is to do, and then, if
// rc_collect_pending says that there is something, give the collector a slice.
#define _POSIX_C_SOURCE 200809L
#include "browser.h"
#include "clock.h"
#include "event.h"
#include "page.h"
#include "script.h"
#include <stdlib.h>

bool browser_start(struct browser *browser, size_t tabs, size_t max_pages, uint64_t seed, uint64_t budget_ns) {
    *browser = (struct browser){.dice = dice_new(seed), .budget_ns = budget_ns};
    script_use_dice(&browser->dice);
    browser->pages = calloc(max_pages, sizeof *browser->pages);
    return browser->pages && tabs_open(&browser->tabs, tabs);
}

static size_t any_tab(struct browser *browser) {
    return roll(&browser->dice, (uint32_t)browser->tabs.n);
}

static struct document *any_page(struct browser *browser) {
    return tabs_page(&browser->tabs, any_tab(browser));
}

static void page_is_gone(void *arg) {
    struct browser *browser = arg;
    browser->gone++;
}

// A weak reference tells when the page's memory is forgotten, and keeps nothing of it.
static bool page_watch(struct browser *browser, struct document *page) {
    struct rc_weak *weak = rc_weak_new(page);
    if (!weak || !rc_weak_notify(weak, page_is_gone, browser)) {
        rc_weak_release(weak);
        return false;
    }
    browser->pages[browser->opened++] = weak;
    return true;
}

// 1 in 8 pages is opened from a page of another tab, and keeps that one alive as long as it lives itself.
bool browser_open(struct browser *browser, const char *address, const char *html, size_t length, const char **why) {
    struct document *page = page_parse(address, html, length, why);
    if (!page) return false;
    if (!page_watch(browser, page)) {
        rc_release(page);
        *why = "not enough memory for the page";
        return false;
    }
    script_start(page);
    if (roll(&browser->dice, 8) == 0) rc_set(&page->opener, any_page(browser));
    tabs_show(&browser->tabs, any_tab(browser), page);
    return true;
}

static void user_drags(struct browser *browser, struct element *picked) {
    struct document *page = any_page(browser);
    struct element *place = page ? script_pick(page) : NULL;
    if (!place || !node_insert(&place->node, &picked->node, NULL)) return;
    browser->dragged++;
    observer_deliver(page, &browser->observed);
}

static void user_moves(struct browser *browser, struct document *page, struct element *picked) {
    struct element *place = script_pick(page);
    if (place) browser->moved += node_insert(&place->node, &picked->node, place->node.first);
}

static void user_does(struct browser *browser, struct document *page, struct element *picked) {
    uint32_t what = roll(&browser->dice, 20);
    if (what < 2) {
        browser->rewritten += script_rewrite(picked);
    } else if (what == 2) {
        user_moves(browser, page, picked);
    } else if (what == 3) {
        user_drags(browser, picked);
    } else if (what == 4) {
        struct node *removed = node_take(&picked->node);
        rc_release(removed);
        browser->removed++;
    } else {
        browser->handlers += event_dispatch(&picked->node, atom("click"));
    }
}

bool browser_idle(struct browser *browser) {
    if (!rc_collect_pending()) return false;
    uint64_t wall = wall_ns(), processor = processor_ns();
    enum rc_step step = rc_collect_step(browser->budget_ns);
    slices_add(&browser->slices, processor_ns() - processor, wall_ns() - wall);
    return step == RC_STEP_MORE;
}

static void browser_measure(struct browser *browser) {
    struct rc_stats stats;
    rc_stats(&stats);
    if (stats.objects > browser->objects_max) browser->objects_max = stats.objects;
    if (stats.bytes > browser->bytes_max) browser->bytes_max = stats.bytes;
}

void browser_turn(struct browser *browser) {
    browser->events++;
    struct document *page = rc_retain(any_page(browser));
    struct element *picked = rc_retain(page ? script_pick(page) : NULL);
    if (page && picked) {
        user_does(browser, page, picked);
        observer_deliver(page, &browser->observed);
    }
    rc_release(picked);
    rc_release(page);
    browser_measure(browser);
    browser_idle(browser);
}

void browser_close(struct browser *browser) {
    tabs_close(&browser->tabs);
}

void browser_end(struct browser *browser) {
    for (size_t i = 0; i < browser->opened; i++) rc_weak_release(browser->pages[i]);
    free(browser->pages);
    browser->pages = NULL;
}

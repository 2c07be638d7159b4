// SPDX-License-Identifier: MIT
// Handlers like those that pages have, each good for one way to make a cycle, or garbage of one sort or the other:
//
//   count     sets an attribute of the node that it runs for       old values die by counting
//   move      moves a node that it holds next to the target         a node changes its parent between two slices
//   rewrite   replaces what is in a node that it holds               subtrees become garbage
//   remember  keeps the last event, which leads to the target        closure -> event -> node -> listener -> closure
//   once      removes its listener                                   the closure dies while it runs, but for one handle
//   follow    goes where an <a href="#place"> leads, weakly          a weak reference that outlives its node
#include "script.h"
#include "event.h"
#include "observer.h"
#include "page.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dice *dice;

void script_use_dice(struct dice *from) {
    dice = from;
}

// Below <html> and what is in it: a page without its <body> would be no page.
static bool is_content(const struct node *node) {
    return node->parent && node->parent->parent && node->parent->parent->parent;
}

// Walks down, child by child. Now and then all the way, to where a click has a long way up.
struct element *script_pick(struct document *page) {
    struct element *at = NULL;
    struct node *from = &page->node;
    bool to_the_bottom = roll(dice, 16) == 0;
    while (from && (to_the_bottom || !at || !is_content(&at->node) || roll(dice, 4))) {
        struct element *chosen = NULL;
        uint32_t seen = 0;
        for (struct node *n = from->first; n; n = n->next) {
            struct element *e = as_element(n);
            if (e && roll(dice, ++seen) == 0) chosen = e;
        }
        from = chosen ? &chosen->node : NULL;
        if (chosen) at = chosen;
    }
    return at && is_content(&at->node) ? at : NULL;
}

bool script_rewrite(struct element *element) {
    static const char *const stories[] = {
        "<p>Rewritten %u times, and <b>none</b> of them <i>twice</i>.",
        "<ul><li>one<li>two<li><a href='#top' id='n%u'>three</a></ul>",
        "<table><tr><td>%u<td>of many</table><p>A <em>new <strong>place</strong></em> to click at.</p>",
        "Only text, %u.",
    };
    char html[160];
    int length = snprintf(html, sizeof html, stories[roll(dice, sizeof stories / sizeof *stories)], roll(dice, 1000));
    return page_rewrite(element, html, (size_t)length);
}

static void run_count(struct closure *closure, struct event *event) {
    (void)closure;
    struct element *e = as_element(event->current);
    struct string *name = atom("data-clicks");
    if (!e || !name) return;
    const struct string *old = element_get(e, name);
    char value[24];
    int length = snprintf(value, sizeof value, "%lu", (old ? strtoul(old->text, NULL, 10) : 0) + 1);
    element_set(e, name, value, (size_t)length);
}

static void run_move(struct closure *closure, struct event *event) {
    struct node *moved = closure->held[0], *place = event->target->parent;
    if (place && is_content(place) && is_content(moved)) node_insert(place, moved, event->target);
}

static void run_rewrite(struct closure *closure, struct event *event) {
    struct element *e = as_element(closure->held[0]);
    if (e && is_content(&e->node)) script_rewrite(e);
    event->stopped = true;
}

static void run_remember(struct closure *closure, struct event *event) {
    rc_set_slot(&closure->held[1], event);
}

static void run_once(struct closure *closure, struct event *event) {
    listener_remove(&event->current->target, closure);
}

static struct node *find_id(struct document *page, const char *id) {
    struct string *name = atom("id");
    for (struct node *n = &page->node; name && n; n = node_following(&page->node, n)) {
        struct element *e = as_element(n);
        const struct string *value = e ? element_get(e, name) : NULL;
        if (value && strcmp(value->text, id) == 0) return n;
    }
    return NULL;
}

static void find_place(struct anchor *a) {
    struct string *name = atom("href");
    const struct string *href = name ? element_get(&a->element, name) : NULL;
    bool is_place = href && href->text[0] == '#';
    rc_weak_set(&a->lands, is_place ? find_id(a->element.node.document, href->text + 1) : NULL);
}

// The place that a link leads to is looked for once, and then remembered as long as it is in the page. (A place that
// was taken out lives until the collector comes by; when that is must make no difference.)
static void run_follow(struct closure *closure, struct event *event) {
    (void)closure;
    struct anchor *a = as_anchor(event->current);
    struct string *visited = atom("data-visited");
    if (!a || !visited) return;
    struct node *place = rc_weak_get(a->lands);
    if (!place || !node_contains(&a->element.node.document->node, place)) find_place(a);
    else element_set((struct element *)place, visited, "yes", 3);
    rc_release(place);
}

// A listener on [e] whose closure holds [e] (1 in 2: or some other element), and later perhaps an event.
static void listen(struct element *e, closure_fn *run, struct element *other) {
    struct closure *c = closure_new(run, 2);
    if (!c) return;
    rc_set_slot(&c->held[0], roll(dice, 2) ? other : e);
    listener_add(&e->node.target, atom("click"), c);
    rc_release(c);
}

void script_start(struct document *page) {
    static closure_fn *const runs[] = {run_count, run_move, run_rewrite, run_remember, run_once};
    struct element *before = NULL;
    for (struct node *n = page->node.first; n; n = node_following(&page->node, n)) {
        struct element *e = as_element(n);
        if (!e || !is_content(n)) continue;
        if (as_anchor(n)) listen(e, run_follow, e);
        if (roll(dice, 12) == 0) listen(e, runs[roll(dice, sizeof runs / sizeof *runs)], before ? before : e);
        before = e;
    }
    if (!observer_attach(page)) return;
    for (int i = 0; i < OBSERVER_WATCHES; i++) {
        struct element *e = script_pick(page);
        if (e) observer_watch(page, &e->node);
    }
}

// SPDX-License-Identifier: MIT
// A classic leak, and how to find it. Tabs are opened and closed; each shows a page, and its reload button has a listener
// that knows the page. Pages go with their tabs, cycles and all. But somebody has put a cache of titles in between, and the
// cache keeps a handle of an element, for later, of the first page only. And somebody watches the last tab by a weak reference,
// which keeps no page alive, but has to be released as well.
//
// The program asks why that page is still there (rc_why_print), and for a report of all that is left (rc_report). Run it
// with REFCYC_LEAKS=1 in the environment and the library prints such a report by itself, for each heap that ends with objects
// in it, or is never freed, and says that the weak reference was forgotten. Compiled with RC_CHECK, and linked with a checked
// build of the library, it says with all that who took and gave up the handles of elements (rc_history_of): main, by rc_retain.
#include <refcyc/refcyc.h>
#include <stdio.h>

struct page {
    struct element *first;
};

struct element {
    struct element *next;
    struct page *page;
    struct closure *listener[2];
};

struct closure {
    struct page *page;
};

static RC_TYPE(page, struct page, .slots = RC_SLOTS(RC_LINK(struct page, first)));
static RC_TYPE(element, struct element,
               .slots = RC_SLOTS(RC_LINK(struct element, next), RC_OWNER(struct element, page),
                                 RC_LINK(struct element, listener)));
static RC_TYPE(closure, struct closure, .slots = RC_SLOTS(RC_LINK(struct closure, page)));

static void page_add(struct page *page) {
    struct element *element = rc_new(&element_type);
    if (!element)
        return;
    rc_set(&element->page, page);
    rc_move(&element->next, &page->first);
    rc_give(&page->first, element);
}

static struct page *page_open(void) {
    struct page *page = rc_new(&page_type);
    if (!page)
        return NULL;
    page_add(page);
    page_add(page);
    struct closure *reload = rc_new(&closure_type);
    if (reload && page->first) {
        rc_set(&reload->page, page);
        rc_set(&page->first->listener[1], reload);
    }
    rc_release(reload);
    return page;
}

static struct element *cached; // this is the leak
static struct page *forgotten; // and this is another one
static struct rc_weak *watched; // and this

static void print_line(const char *line, void *file) {
    fprintf(file, "    %s\n", line);
}

int main(void) {
    struct rc_heap *tabs = rc_heap_new(&(struct rc_heap_options){.name = "tabs"});
    if (!tabs)
        return 1;
    rc_heap_enter(tabs);
    rc_history_of("element"); // which has the calls below say more, in checked builds
    for (int i = 0; i < 100; i++) {
        struct page *page = page_open();
        if (!page)
            return 1;
        if (i == 0)
            cached = rc_retain(page->first->next);
        if (i == 99)
            watched = rc_weak_new(page);
        rc_release(page);
    }
    printf("collected: %zu\n", rc_collect());

    printf("The first page should be gone. Why is it there?\n");
    rc_why_print(cached->page, print_line, stdout);
    printf("And what else is left?\n");
    rc_report(print_line, stdout);
    printf("Who has had the other element of that page?\n");
    if (!rc_history_print(cached->page->first, print_line, stdout))
        printf("    (a checked build would say)\n");
    printf("problems in the heap: %zu\n", rc_verify(NULL, NULL));

    rc_heap_leave(tabs);
    printf("objects with handles never released: %zu\n", rc_heap_free(tabs));
    printf("dead objects that are weakly referenced still: %zu\n", rc_weak_left());
    forgotten = page_open(); // in the default heap, which nobody frees
    return !forgotten;
}

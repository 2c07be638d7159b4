// SPDX-License-Identifier: MIT
// A browser without a window, to watch Refcyc at work on real pages: opens each page that the command line names in one
// of a few tabs, has users and scripts change it, leaves it, and shows what counting and the collector gave back.
// README.md says what the figures mean.
#define _POSIX_C_SOURCE 200809L
#include "browser.h"
#include "files.h"
#include "page.h"
#include "show.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// What happens between two pages.
enum { EVENTS_PER_PAGE = 64 };

struct options {
    uint64_t tabs, seed, budget_us, deep;
    bool quiet;
};

static const char usage[] =
    "usage: dom [options] FILE-OR-FOLDER...\n"
    "Opens HTML pages in the tabs of a browser without a window, and counts what is freed, and how.\n"
    "\n"
    "  -t, --tabs N        pages open at once (1 to 1000; 8)\n"
    "  -s, --seed N        what happens in the pages is random; the same seed makes it happen again\n"
    "  -b, --budget-us N   length of a slice of collection, in microseconds (0 to 1000000; 1000)\n"
    "  -d, --deep N        last, a generated page with elements nested N deep (0 to 10000000; 0: none; 100000)\n"
    "  -q, --quiet         no live line\n"
    "  -h, --help          this text\n";

static volatile sig_atomic_t interrupted;

static void interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

// The first Ctrl-C ends the demo in good order, a second one at once.
static void interrupts_catch(void) {
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND | SA_RESTART};
    sigaction(SIGINT, &action, NULL);
}

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9' || n < least || n > most) {
        fprintf(stderr, "dom: --%s takes %" PRIu64 " to %" PRIu64 ", not '%s'\n", option, least, most, text);
        exit(2);
    }
    return n;
}

static uint64_t seed_of_the_moment(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_nsec ^ (uint64_t)t.tv_sec * 1000003u ^ (uint64_t)getpid() << 16) % 1000000000u;
}

static struct options options_read(int argc, char **argv) {
    static const struct option long_options[] = {
        {"tabs", required_argument, NULL, 't'},      {"seed", required_argument, NULL, 's'},
        {"budget-us", required_argument, NULL, 'b'}, {"deep", required_argument, NULL, 'd'},
        {"quiet", no_argument, NULL, 'q'},           {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.tabs = 8, .seed = seed_of_the_moment(), .budget_us = 1000, .deep = 100000};
    for (int c; (c = getopt_long(argc, argv, "t:s:b:d:qh", long_options, NULL)) != -1;) {
        switch (c) {
        case 't': o.tabs = number("tabs", optarg, 1, 1000); break;
        case 's': o.seed = number("seed", optarg, 0, UINT64_MAX); break;
        case 'b': o.budget_us = number("budget-us", optarg, 0, 1000000); break;
        case 'd': o.deep = number("deep", optarg, 0, 10000000); break;
        case 'q': o.quiet = true; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs("dom: --help says what there is\n", stderr); exit(2);
        }
    }
    return o;
}

static void refuse(struct show *show, const char *name, const char *why) {
    show_break(show);
    complain(name, why);
    show->refused++;
}

static void browse(struct browser *browser, struct show *show) {
    for (int i = 0; i < EVENTS_PER_PAGE && !interrupted; i++) {
        browser_turn(browser);
        show_line(show, false);
    }
}

// Opens the page, and lets time pass.
static bool visit(struct browser *browser, struct show *show, const char *name, char *html, size_t length) {
    const char *why = NULL;
    bool opened = browser_open(browser, name, html, length, &why);
    free(html);
    if (opened) browse(browser, show);
    else refuse(show, name, why);
    return opened;
}

static bool visit_file(struct browser *browser, struct show *show, const char *name) {
    size_t length = 0;
    const char *why = NULL;
    char *html = file_read(name, &length, &why);
    if (html) return visit(browser, show, name, html, length);
    refuse(show, name, why);
    return false;
}

static bool visit_deep(struct browser *browser, struct show *show, size_t depth) {
    char name[64];
    size_t length = 0;
    snprintf(name, sizeof name, "about:deep?%zu", depth);
    char *html = soup_nested(depth, &length);
    if (html) return visit(browser, show, name, html, length);
    refuse(show, name, "not enough memory for the page");
    return false;
}

// Everything between the first page and the last closed tab. Returns how many files were read.
static size_t session(struct browser *browser, struct show *show, const struct files *files, const struct options *o) {
    size_t read = 0;
    for (const struct file *f = files->first; f && !interrupted; f = f->next)
        read += visit_file(browser, show, f->name);
    if (o->deep && !interrupted) visit_deep(browser, show, o->deep);
    show_line(show, true);
    if (!show->quiet) show_census(show);
    browser_close(browser);
    while (browser_idle(browser)) show_line(show, false);
    show_line(show, true);
    return read;
}

// What is still alive when nothing should be. A last rc_collect makes sure that slices did not just miss it.
static size_t leaked(struct show *show) {
    atoms_free();
    errno = 0;
    rc_collect();
    if (errno == ENOMEM) fputs("dom: not enough memory to collect all garbage\n", stderr);
    struct rc_stats stats;
    rc_stats(&stats);
    show_table(show);
    if (stats.objects) show_census(show);
    return stats.objects + rc_heap_free(rc_heap_default());
}

int main(int argc, char **argv) {
    struct options o = options_read(argc, argv);
    if (optind == argc) {
        fputs("dom: no file or folder given; --help says how\n", stderr);
        return 2;
    }
    struct files files = {0};
    bool fits = true;
    for (int i = optind; i < argc; i++) fits = files_add(&files, argv[i]) && fits;
    printf("seed %" PRIu64 ": %zu files, %" PRIu64 " tabs, slices of %" PRIu64 " us\n", o.seed, files.n, o.tabs,
           o.budget_us);

    struct browser browser;
    size_t pages = files.n + (o.deep != 0);
    fits = browser_start(&browser, o.tabs, pages + 1, o.seed, o.budget_us * 1000) && fits && rc_heap_default();
    if (!fits) {
        fputs("dom: not enough memory to start\n", stderr);
        return 1;
    }
    interrupts_catch();
    struct show show = {.browser = &browser, .pages = pages, .quiet = o.quiet};
    size_t read = session(&browser, &show, &files, &o);
    size_t lost = leaked(&show);
    browser_end(&browser);
    files_free(&files);
    printf("leaked: %zu\n", lost);
    if (interrupted) fputs("dom: interrupted, so not all pages were opened\n", stderr);
    if (!read) fputs("dom: nothing could be read\n", stderr);
    return lost || !read;
}

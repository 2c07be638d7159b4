// SPDX-License-Identifier: MIT
// Printing. All figures are the runtime's own (rc_stats, rc_census) or counted by the browser.
#define _DEFAULT_SOURCE
#include "show.h"
#include "clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct label {
    char text[32];
};

// 1234567: 1,234,567
static struct label grouped(uint64_t n) {
    char digits[24];
    struct label label;
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *to = label.text;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return label;
}

// 1234567: 1.23M
static struct label short_count(uint64_t n) {
    struct label label;
    double x = (double)n;
    const char *unit = "";
    for (const char *units = "kMGT"; x >= 999.5 && *units; x /= 1000) unit = units++;
    snprintf(label.text, sizeof label.text, "%.*f%.1s", *unit && x < 99.95 ? 1 + (x < 9.995) : 0, x, unit);
    return label;
}

static struct label time_text(uint64_t ns) {
    struct label label;
    if (ns < 10000) snprintf(label.text, sizeof label.text, "%.2f us", (double)ns / 1e3);
    else if (ns < 1000000) snprintf(label.text, sizeof label.text, "%.0f us", (double)ns / 1e3);
    else snprintf(label.text, sizeof label.text, "%.2f ms", (double)ns / 1e6);
    return label;
}

static size_t terminal_width(void) {
    struct winsize size;
    size_t width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
    return width < 200 ? width : 200;
}

// In full, or if that takes more than [width] columns, in short.
static void line_format(const struct show *show, const struct rc_stats *s, char *line, size_t size, size_t width) {
    static const char *const formats[] = {
        "pages %zu/%zu, live objects %s, freed by count %s, by collector %s, slices %s, longest slice %s",
        "pages %zu/%zu live %s count %s collector %s slices %s max %s",
    };
    for (size_t i = 0; i < 2; i++) {
        int length = snprintf(line, size, formats[i], show->browser->opened + show->refused, show->pages,
                              short_count(s->objects).text, short_count(s->reclaimed_count).text,
                              short_count(s->reclaimed_collect).text, short_count(s->slices).text,
                              time_text(show->browser->slices.longest_ns).text);
        if ((size_t)length < width) return;
    }
    line[width - 1] = 0; // a line that reached the last column would wrap, and could not be rewritten
}

void show_line(struct show *show, bool now) {
    if (show->quiet) return;
    bool terminal = isatty(STDOUT_FILENO);
    uint64_t time = wall_ns();
    if (!now && time - show->last_ns < (terminal ? 100000000u : 2000000000u)) return;
    show->last_ns = time;
    struct rc_stats stats;
    rc_stats(&stats);
    char line[256];
    line_format(show, &stats, line, sizeof line, terminal ? terminal_width() : sizeof line);
    printf(terminal ? "\r%s\033[K" : "%s\n", line);
    show->line_open = terminal;
    fflush(stdout);
}

void show_break(struct show *show) {
    if (show->line_open) putchar('\n');
    show->line_open = false;
    fflush(stdout);
}

static void census_row(const struct rc_type *type, size_t objects, size_t bytes, void *arg) {
    (void)arg;
    printf("  %-28s%14s%16s\n", type->name, grouped(objects).text, grouped(bytes).text);
}

void show_census(struct show *show) {
    show_break(show);
    printf("  %-28s%14s%16s\n", "type", "live objects", "bytes");
    rc_census(census_row, NULL);
    putchar('\n');
}

static void row(const char *name, uint64_t n) {
    printf("  %-28s%14s\n", name, grouped(n).text);
}

static void row_time(const char *name, uint64_t ns) {
    printf("  %-28s%14s\n", name, time_text(ns).text);
}

static void table_browser(const struct browser *b) {
    row("pages opened", b->opened);
    row("pages gone again", b->gone);
    row("events", b->events);
    row("  handlers run", b->handlers);
    row("  subtrees rewritten", b->rewritten);
    row("  nodes moved", b->moved);
    row("  dragged to another tab", b->dragged);
    row("  removed", b->removed);
    row("mutation records", b->observed.records);
    row("  of nodes in no page", b->observed.stale);
    row("watched nodes that died", b->observed.died);
}

static void table_runtime(const struct browser *b, const struct rc_stats *s) {
    row("objects made", s->allocated);
    row("  freed by count", s->reclaimed_count);
    row("  freed by the collector", s->reclaimed_collect);
    row("  most alive at once", b->objects_max);
    row("  bytes of these", b->bytes_max);
    row("collections", s->collections);
    row("  objects visited", s->nodes);
    row("  references followed", s->edges);
    row("  touched, so pardoned", s->pardoned);
    row("  bytes for it, at most", s->graph_bytes_max);
}

static void table_slices(const struct browser *b, const struct rc_stats *s) {
    row("slices", b->slices.count);
    row_time("  budget", b->budget_ns);
    row_time("  1 in 2 is longer than", slices_quantile(&b->slices, 500000));
    row_time("  1 in 100", slices_quantile(&b->slices, 10000));
    row_time("  1 in 1,000", slices_quantile(&b->slices, 1000));
    row_time("  longest", b->slices.longest_ns);
    row_time("  longest, on the wall", b->slices.longest_wall_ns);
    for (int phase = RC_PHASE_IDLE + 1; phase < RC_PHASE_COUNT; phase++) {
        char name[40];
        snprintf(name, sizeof name, "    ending in %s", rc_phase_name((enum rc_phase)phase));
        row_time(name, s->slice_ns_max[phase]);
    }
}

void show_table(struct show *show) {
    struct rc_stats stats;
    rc_stats(&stats);
    show_break(show);
    table_browser(show->browser);
    table_runtime(show->browser, &stats);
    table_slices(show->browser, &stats);
}

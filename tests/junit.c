// SPDX-License-Identifier: MIT
// See junit.h. The <testcase> elements are gathered in memory, because <testsuite> in front of them has their sums.
#define _GNU_SOURCE
#include "tests/junit.h"
#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *suite_name, *file_path;
static FILE *cases;
static char *cases_text;
static size_t cases_size;
static struct timespec started, suite_started;
static unsigned n_tests, n_failed, n_skipped;
static char *skip_reason, *output;

static double seconds_since(struct timespec then) {
    struct timespec now;
    timespec_get(&now, TIME_UTC); // not clock_gettime, which may be the tests' (clock.h)
    return (double)(now.tv_sec - then.tv_sec) + (double)(now.tv_nsec - then.tv_nsec) / 1e9;
}

// Text for XML: what has a meaning there is escaped, what may not stand there at all is replaced.
static void put_escaped(FILE *to, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '<')
            fputs("&lt;", to);
        else if (*c == '>')
            fputs("&gt;", to);
        else if (*c == '&')
            fputs("&amp;", to);
        else if (*c == '"')
            fputs("&quot;", to);
        else if ((*c < ' ' && *c != '\n' && *c != '\t') || *c >= 0x7f)
            fputc('?', to);
        else
            fputc(*c, to);
    }
}

static void put_element(const char *before, const char *text, const char *after) {
    fputs(before, cases);
    put_escaped(cases, text);
    fputs(after, cases);
}

static void on_test_start(const CU_pTest test, const CU_pSuite suite) {
    (void)test;
    (void)suite;
    timespec_get(&started, TIME_UTC);
    skip_reason = output = NULL;
}

void junit_skip(const char *why) {
    free(skip_reason);
    skip_reason = strdup(why);
}

void junit_output(const char *text) {
    free(output);
    output = strdup(text);
}

static void on_test_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure) {
    double took = seconds_since(started);
    n_tests++;
    n_failed += failure != NULL;
    n_skipped += skip_reason != NULL;
    printf("%s %s.%s (%.2f s)%s%s\n", failure ? "FAIL" : skip_reason ? "skip" : "ok  ", suite->pName, test->pName, took,
           skip_reason ? ": " : "", skip_reason ? skip_reason : "");
    fprintf(cases, "  <testcase classname=\"%s\" name=\"%s\" time=\"%.3f\">\n", suite->pName, test->pName, took);
    for (CU_pFailureRecord f = failure; f && f->pTest == test; f = f->pNext) {
        printf("     %s\n", f->strCondition);
        put_element("    <failure message=\"", f->strCondition, "\"/>\n");
    }
    if (skip_reason)
        put_element("    <skipped message=\"", skip_reason, "\"/>\n");
    if (output && output[0]) {
        printf("     it wrote:\n%s\n", output);
        put_element("    <system-err>", output, "</system-err>\n");
    }
    fputs("  </testcase>\n", cases);
    fflush(stdout);
    free(skip_reason);
    free(output);
}

static void on_all_complete(const CU_pFailureRecord failure) {
    (void)failure;
    fclose(cases);
    FILE *file = file_path ? fopen(file_path, "w") : NULL;
    if (file) {
        fprintf(file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        fprintf(file, "<testsuite name=\"%s\" tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\" time=\"%.3f\">\n",
                suite_name, n_tests, n_failed, n_skipped, seconds_since(suite_started));
        fprintf(file, "%s</testsuite>\n</testsuites>\n", cases_text);
    }
    if (file_path && (!file || fclose(file) != 0)) {
        perror(file_path);
        exit(2);
    }
    free(cases_text);
}

void junit_begin(const char *suite, const char *path) {
    suite_name = suite;
    file_path = path;
    cases = open_memstream(&cases_text, &cases_size);
    timespec_get(&suite_started, TIME_UTC);
    CU_set_test_start_handler(on_test_start);
    CU_set_test_complete_handler(on_test_complete);
    CU_set_all_test_complete_handler(on_all_complete);
}

// SPDX-License-Identifier: MIT
// Reports a run of CUnit: a line for each test on stdout, and a JUnit XML file (the format that CI servers read).
#ifndef TESTS_JUNIT_H
#define TESTS_JUNIT_H

// From here on CUnit's handlers write the report. [path] may be NULL: no file.
void junit_begin(const char *suite, const char *path);
// The test that runs now was skipped.
void junit_skip(const char *why);
// What the test that runs now has written; for the report of a failed one.
void junit_output(const char *text);

#endif

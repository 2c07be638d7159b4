// SPDX-License-Identifier: MIT
// See faults.h.
#include "tests/faults.h"
#include <stdio.h>

static struct rc_fault last;
static char call[64], type[64], message[512];
static unsigned seen;

static const char *copy(char *to, size_t size, const char *text) {
    if (!text)
        return NULL;
    snprintf(to, size, "%s", text);
    return to;
}

static void note(const struct rc_fault *fault) {
    seen++;
    last = *fault;
    last.call = copy(call, sizeof call, fault->call);
    last.type = copy(type, sizeof type, fault->type);
    last.message = copy(message, sizeof message, fault->message);
}

void faults_begin(void) {
    seen = 0;
    last = (struct rc_fault){0};
    rc_set_fault_handler(note);
}

unsigned faults_seen(void) {
    unsigned n = seen;
    seen = 0;
    return n;
}

const struct rc_fault *last_fault(void) {
    return &last;
}

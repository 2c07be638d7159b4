// SPDX-License-Identifier: MIT
// Never releases what it made: gcc -fanalyzer has to say so (tests/test_programs.c).
#include <refcyc/refcyc.h>

struct leaf { int value; };
RC_TYPE(leaf, struct leaf, .acyclic = true);

static int make(void) {
    struct leaf *leaf = rc_new(&leaf_type);
    if (!leaf)
        return 1;
    leaf->value = 1;
    return leaf->value;
}

int main(void) {
    return make();
}

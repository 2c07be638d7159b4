// SPDX-License-Identifier: MIT
// Uses a pointer after it gave up the handle: gcc -fanalyzer has to say so (tests/test_programs.c).
#include <refcyc/refcyc.h>

struct leaf { int value; };
RC_TYPE(leaf, struct leaf, .acyclic = true);

int main(void) {
    struct leaf *leaf = rc_new(&leaf_type);
    if (!leaf)
        return 1;
    rc_release(leaf);
    return leaf->value;
}

// SPDX-License-Identifier: MIT
// Gives up one handle twice: gcc -fanalyzer has to say so (tests/test_programs.c).
#include <refcyc/refcyc.h>

struct leaf { int value; };
RC_TYPE(leaf, struct leaf, .acyclic = true);

int main(void) {
    struct leaf *leaf = rc_new(&leaf_type);
    struct leaf *mine = rc_retain(leaf);
    rc_release(leaf);
    rc_release(leaf);
    rc_release(mine);
    return 0;
}

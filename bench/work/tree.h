// SPDX-License-Identifier: MIT
// The tree of workloads 5 and 7.

// A complete binary tree whose nodes know their parents; the caller has a reference of the root. [all], if it is not
// NULL, gets the nodes, in order of creation.
static struct tree *grow(enum kind kind, int depth, struct tree *parent, struct tree ***all) {
    struct tree *t = make(kind);
    if (parent)
        SET(&t->parent, parent);
    if (all)
        *(*all)++ = t;
    if (depth > 1) {
        struct tree *left = grow(kind, depth - 1, t, all);
        GIVE(&t->left, left);
        struct tree *right = grow(kind, depth - 1, t, all);
        GIVE(&t->right, right);
    }
    return t;
}

// SPDX-License-Identifier: MIT
// Workload 10: a list of n objects destroyed by dropping its head, nanoseconds per object.

static void list(size_t n, size_t rounds) {
    (void)rounds;
    struct pair *head = make(PAIR), *last = head;
    for (size_t i = 1; i < n; i++) {
        struct pair *p = make(PAIR);
        GIVE(&last->a, p);
        last = p;
    }
    double began = lap_begin();
    DROP_LIST(head);
    lap_say(began, "list", n, n);
}

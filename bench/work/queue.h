// SPDX-License-Identifier: MIT
// Workload 14: a linked list of references to n objects that the program holds, too; nanoseconds per element.
//
//   queue.append     at the end, n times
//   queue.iterate    read from the first to the last
//   queue.insert     before every second element, n / 2 times, in random order
//   queue.delete     every second element, in random order
//   queue.shift      one off the front, one on at the end, n times
//   queue.destroy    with the rest, which lives on
//
//   QUEUE, QUEUE_NEW(), QUEUE_FREE(q)  a list that counts for itself; its end
//   POS                                a place in it
//   QUEUE_APPEND(q, ref)               a POS
//   QUEUE_INSERT(q, pos, ref), QUEUE_DELETE(q, pos), QUEUE_SHIFT(q)
//   QUEUE_EACH(q, p, body)             body for the address p of each object

static void queue(size_t n, size_t rounds) {
    (void)rounds;
    ref *refs = refs_new(n);
    uint32_t *order = shuffled(n / 2);
    POS *pos = NEW_ROW(POS, n);
    QUEUE q = QUEUE_NEW();
    double began = lap_begin();
    for (size_t i = 0; i < n; i++)
        pos[i] = QUEUE_APPEND(q, refs[i]);
    lap_say(began, "queue.append", n, n);
    uintptr_t sum = 0;
    size_t times = passes(n, 10000000);
    began = lap_begin();
    for (size_t i = 0; i < times; i++)
        QUEUE_EACH(q, p, sum += (uintptr_t)p);
    lap_say(began, "queue.iterate", n, n * times);
    KEEP(sum);
    began = lap_begin();
    for (size_t i = 0; i < n / 2; i++)
        QUEUE_INSERT(q, pos[2 * order[i]], refs[i]);
    lap_say(began, "queue.insert", n, n / 2);
    began = lap_begin();
    for (size_t i = 0; i < n / 2; i++)
        QUEUE_DELETE(q, pos[2 * order[i]]);
    lap_say(began, "queue.delete", n, n / 2);
    began = lap_begin();
    for (size_t i = 0; i < n; i++) {
        QUEUE_SHIFT(q);
        (void)QUEUE_APPEND(q, refs[i]);
    }
    lap_say(began, "queue.shift", n, n);
    began = lap_begin();
    QUEUE_FREE(q);
    lap_say(began, "queue.destroy", n, n);
    FREE_ROW(pos);
    refs_free(refs, n);
    free(order);
}

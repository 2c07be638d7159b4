// SPDX-License-Identifier: MIT
// Workload 12: an array of references to n objects that the program holds, too; nanoseconds per element.
//
//   array.append     at the end, n times, without a word about n before
//   array.index      read at random indices, of the row that the array has its elements in
//   array.get        the same by a call that checks the index, where there is one
//   array.iterate    read from the first to the last
//   array.insert     at random places in an array of 1,000, until it has 2,000
//   array.delete     at random places, until it has 1,000 again
//   array.pop        from the end, until the array is empty
//   array.destroy    with n elements, which live on
//   array.free       with n elements, which die of it
//   array.small      made, eight elements appended, destroyed; per array
//
// The program brings
//
//   ARRAY, ARRAY_NEW(), ARRAY_FREE(a)         an array that counts for itself; its end. That it is there is demanded
//                                             where it is made, so the compiler knows it for all that follows
//   ARRAY_APPEND(a, ref), ARRAY_INSERT(a, i, ref), ARRAY_DELETE(a, i), ARRAY_POP(a)
//   ROW, ARRAY_ROW(a), ROW_AT(row, i)         the row of elements; the address of the object there
//   ARRAY_GET(a, i)                           the same with a check; or not brought
//   ARRAY_EACH(a, p, body)                    body for the address p of each object

static void array_middle(ref *refs, size_t n) {
    enum { LENGTH = 1000 };
    double insert = 0, erase = 0;
    ARRAY a = ARRAY_NEW();
    DEMAND(a);
    for (uint32_t i = 0; i < LENGTH; i++)
        ARRAY_APPEND(a, refs[i]);
    uint32_t seed = 1;
    for (size_t i = 0; i < n; i += LENGTH) {
        double began = lap_begin();
        for (uint32_t k = 0; k < LENGTH; k++)
            ARRAY_INSERT(a, random_below(&seed, LENGTH + k), refs[k]);
        insert += lap_end(began, "array.insert", LENGTH);
        began = lap_begin();
        for (uint32_t k = 0; k < LENGTH; k++)
            ARRAY_DELETE(a, random_below(&seed, 2 * LENGTH - k));
        erase += lap_end(began, "array.delete", LENGTH);
    }
    say("array.insert", 1000, insert / (double)n, "ns");
    say("array.delete", 1000, erase / (double)n, "ns");
    ARRAY_FREE(a);
}

static void array_small(ref *refs, size_t n) {
    double began = lap_begin();
    for (size_t i = 0; i < n; i++) {
        ARRAY a = ARRAY_NEW();
        DEMAND(a);
        for (size_t k = 0; k < 8; k++)
            ARRAY_APPEND(a, refs[k]);
        ARRAY_FREE(a);
    }
    lap_say(began, "array.small", 8, n);
}

static void array(size_t n, size_t rounds) {
    (void)rounds;
    DEMAND(n >= 10000 && n % 1000 == 0);
    ref *refs = refs_new(n);
    uint32_t *order = shuffled(n);
    array_middle(refs, n / 10);
    array_small(refs, n / 10);

    ARRAY a = ARRAY_NEW();
    DEMAND(a);
    double began = lap_begin();
    for (size_t i = 0; i < n; i++)
        ARRAY_APPEND(a, refs[i]);
    lap_say(began, "array.append", n, n);
    uintptr_t sum = 0;
    ROW row = ARRAY_ROW(a);
    for (size_t k = 0; k < n; k++) // not timed: whoever reads first would fetch row and order for the others
        sum += (uintptr_t)ROW_AT(row, order[k]);
    KEEP(sum);
    size_t times = passes(n, 10000000);
    began = lap_begin();
    for (size_t i = 0; i < times; i++)
        for (size_t k = 0; k < n; k++)
            sum += (uintptr_t)ROW_AT(row, order[k]);
    lap_say(began, "array.index", n, n * times);
    KEEP(sum);
#ifdef ARRAY_GET
    began = lap_begin();
    for (size_t i = 0; i < times; i++)
        for (size_t k = 0; k < n; k++)
            sum += (uintptr_t)ARRAY_GET(a, order[k]);
    lap_say(began, "array.get", n, n * times);
    KEEP(sum);
#endif
    began = lap_begin();
    for (size_t i = 0; i < times; i++) {
        ARRAY_EACH(a, p, sum += (uintptr_t)p);
        KEEP(sum);
    }
    lap_say(began, "array.iterate", n, n * times);
    began = lap_begin();
    for (size_t i = 0; i < n; i++)
        ARRAY_POP(a);
    lap_say(began, "array.pop", n, n);
    ARRAY_FREE(a);

    for (int last = 0; last < 2; last++) {
        a = ARRAY_NEW();
        DEMAND(a);
        for (size_t i = 0; i < n; i++)
            ARRAY_APPEND(a, refs[i]);
        if (last)
            refs_free(refs, n);
        began = lap_begin();
        ARRAY_FREE(a);
        lap_say(began, last ? "array.free" : "array.destroy", n, n);
    }
    free(order);
}

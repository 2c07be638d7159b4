// SPDX-License-Identifier: MIT
// Workload 13: a hash map from integers, 64 bits wide, to references to n objects that the program holds, too;
// nanoseconds per entry. The keys are scattered over all 64 bits: with a hash that gives them back as they are (C++,
// GLib) they spread as well as with one that mixes them (ours).
//
//   map.insert       n keys that are not there
//   map.hit          look-ups of them, in another order
//   map.miss         look-ups of n others
//   map.iterate      key and value of each entry
//   map.replace      the value of each key, in another order
//   map.delete       every second key, in another order
//   map.destroy      with the rest, which lives on
//   map.free         with n entries, whose objects die of it
//   map.small        made, eight entries put in, destroyed; per map
//
//   MAP, MAP_NEW(), MAP_FREE(m)        a map that counts for itself; its end
//   MAP_PUT(m, key, ref), MAP_DELETE(m, key)
//   MAP_GET(m, key)                    the address of the object, or NULL
//   MAP_EACH(m, key, p, body)          body for each
//
// and the same with texts for keys, of which the map makes copies: `text.insert` .hit .miss .delete .free, by TEXTS...

static inline uint64_t scattered(uint64_t x) { // Steele, Lea, Flood: Fast splittable pseudorandom number generators
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

// [n] keys: those of 0, 1, 2 ... in [order], or as they come.
static uint64_t *keys_new(size_t n, uint64_t from, const uint32_t *order) {
    uint64_t *key = (uint64_t *)malloc(n * sizeof *key);
    DEMAND(key);
    for (size_t i = 0; i < n; i++)
        key[i] = scattered(from + (order ? order[i] : i));
    return key;
}

static void map_small(ref *refs, const uint64_t *key, size_t n) {
    double began = lap_begin();
    for (size_t i = 0; i < n; i++) {
        MAP m = MAP_NEW();
        for (size_t k = 0; k < 8; k++)
            MAP_PUT(m, key[k], refs[k]);
        MAP_FREE(m);
    }
    lap_say(began, "map.small", 8, n);
}

static void map(size_t n, size_t rounds) {
    (void)rounds;
    DEMAND(n >= 10000 && n % 1000 == 0);
    ref *refs = refs_new(n);
    uint32_t *order = shuffled(n);
    uint64_t *key = keys_new(n, 0, NULL), *other = keys_new(n, 0, order), *missing = keys_new(n, n, order);
    map_small(refs, key, n / 10);

    MAP m = MAP_NEW();
    double began = lap_begin();
    for (size_t i = 0; i < n; i++)
        MAP_PUT(m, key[i], refs[i]);
    lap_say(began, "map.insert", n, n);
    uintptr_t sum = 0;
    size_t times = passes(n, 2000000);
    began = lap_begin();
    for (size_t i = 0; i < times; i++)
        for (size_t k = 0; k < n; k++)
            sum += (uintptr_t)MAP_GET(m, other[k]);
    lap_say(began, "map.hit", n, n * times);
    KEEP(sum);
    sum = 0;
    began = lap_begin();
    for (size_t i = 0; i < times; i++)
        for (size_t k = 0; k < n; k++)
            sum += (uintptr_t)MAP_GET(m, missing[k]);
    lap_say(began, "map.miss", n, n * times);
    DEMAND(sum == 0);
    began = lap_begin();
    for (size_t i = 0; i < times; i++)
        MAP_EACH(m, k, p, sum += k ^ (uintptr_t)p);
    lap_say(began, "map.iterate", n, n * times);
    KEEP(sum);
    began = lap_begin();
    for (size_t i = 0; i < n; i++)
        MAP_PUT(m, other[i], refs[i]);
    lap_say(began, "map.replace", n, n);
    began = lap_begin();
    for (size_t i = 0; i < n; i += 2)
        MAP_DELETE(m, other[i]);
    lap_say(began, "map.delete", n, n / 2);
    began = lap_begin();
    MAP_FREE(m);
    lap_say(began, "map.destroy", n, n / 2);

    m = MAP_NEW();
    for (size_t i = 0; i < n; i++)
        MAP_PUT(m, key[i], refs[i]);
    refs_free(refs, n);
    began = lap_begin();
    MAP_FREE(m);
    lap_say(began, "map.free", n, n);
    free(order);
    free(key);
    free(other);
    free(missing);
}

static void text(size_t n, size_t rounds) {
    (void)rounds;
    enum { LONGEST = 24 };
    ref *refs = refs_new(n);
    uint32_t *order = shuffled(n);
    char(*key)[LONGEST] = (char(*)[LONGEST])malloc(2 * n * sizeof *key);
    DEMAND(key);
    for (size_t i = 0; i < 2 * n; i++)
        snprintf(key[i], LONGEST, "name-%08x", (unsigned)scattered(i));

    TEXTS m = TEXTS_NEW();
    double began = lap_begin();
    for (size_t i = 0; i < n; i++)
        TEXTS_PUT(m, key[i], refs[i]);
    lap_say(began, "text.insert", n, n);
    uintptr_t sum = 0;
    began = lap_begin();
    for (size_t i = 0; i < n; i++)
        sum += (uintptr_t)TEXTS_GET(m, key[order[i]]);
    lap_say(began, "text.hit", n, n);
    KEEP(sum);
    began = lap_begin();
    for (size_t i = 0; i < n; i++)
        sum += (uintptr_t)TEXTS_GET(m, key[n + order[i]]);
    lap_say(began, "text.miss", n, n);
    KEEP(sum);
    began = lap_begin();
    for (size_t i = 0; i < n; i += 2)
        TEXTS_DELETE(m, key[order[i]]);
    lap_say(began, "text.delete", n, n / 2);
    refs_free(refs, n);
    began = lap_begin();
    TEXTS_FREE(m);
    lap_say(began, "text.free", n, n / 2);
    free(order);
    free(key);
}

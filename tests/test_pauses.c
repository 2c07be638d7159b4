// SPDX-License-Identifier: MIT
// Pause statistics: the histogram under them, what is recorded, who is named as late, how it is printed.
#define _POSIX_C_SOURCE 200809L // posix_memalign
#include "cc/histogram.h"
#include "tests/clock.h"
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"

#include <inttypes.h>

#define US UINT64_C(1000)
#define MS (1000 * US)

// ---- the histogram

TEST(buckets_follow_each_other_without_a_gap) {
    EXPECT_EQ(0, cc_histogram_from(0));
    for (unsigned i = 0; i < CC_BUCKETS; i++) {
        uint64_t from = cc_histogram_from(i), to = cc_histogram_from(i + 1);
        test_note("bucket %u", i);
        EXPECT(from < to);
        EXPECT(to - from <= 1 + from / 16);
        struct cc_histogram h = {0};
        cc_histogram_add(&h, from, 1);
        cc_histogram_add(&h, to - 1, 1);
        EXPECT_EQ(2, h.bucket[i]);
    }
    test_note("%s", "");
}

TEST(values_beyond_the_last_bucket_are_in_it) {
    struct cc_histogram h = {0};
    cc_histogram_add(&h, UINT64_MAX, 1);
    EXPECT_EQ(1, h.bucket[CC_BUCKETS - 1]);
    struct rc_quantiles q;
    cc_histogram_quantiles(&h, &q);
    EXPECT(q.p50 == UINT64_MAX);
    EXPECT(q.max == UINT64_MAX);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

TEST(quantiles_are_those_of_a_sorted_list_within_a_sixteenth) {
    enum { N = 10000 };
    static uint64_t value[N];
    static const size_t sizes[] = {1, 2, 3, 10, 99, 100, 101, 999, 1000, 1001, N};
    uint64_t seed = 42;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct cc_histogram h = {0};
        size_t n = sizes[s];
        for (size_t i = 0; i < n; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            value[i] = (seed >> 34) >> (seed % 28);
            cc_histogram_add(&h, value[i], 1);
        }
        qsort(value, n, sizeof *value, compare);
        struct rc_quantiles q;
        cc_histogram_quantiles(&h, &q);
        test_note("%zu values", n);
        const struct {
            uint64_t got;
            size_t rank;
        } check[] = {{q.p50, (n + 1) / 2}, {q.p99, n - n / 100}, {q.p999, n - n / 1000}, {q.max, n}};
        for (size_t c = 0; c < 4; c++) {
            uint64_t exact = value[check[c].rank - 1];
            EXPECT_AT_MOST(check[c].got, exact);
            EXPECT_AT_MOST(exact + exact / 16, check[c].got);
        }
        EXPECT_EQ(n, q.count);
        EXPECT_EQ(value[n - 1], q.max);
    }
    test_note("%s", "");
}

TEST(merged_histograms_are_one_of_all_values) {
    struct cc_histogram a = {0}, b = {0}, both = {0};
    for (uint64_t i = 0; i < 1000; i++) {
        cc_histogram_add(i % 2 ? &a : &b, i * i, 3);
        cc_histogram_add(&both, i * i, 3);
    }
    cc_histogram_merge(&a, &b);
    EXPECT(memcmp(&a, &both, sizeof a) == 0);
}

TEST(full_bucket_stays_full) {
    struct cc_histogram h = {0};
    cc_histogram_add(&h, 5, UINT32_MAX);
    cc_histogram_add(&h, 5, 7);
    EXPECT_EQ(UINT32_MAX, h.bucket[5]);
}

// ---- what is recorded

static struct rc_pauses pauses(void) {
    struct rc_pauses p;
    rc_pauses(&p);
    return p;
}

// Rings of ten nodes, which nobody holds.
static void lose_rings(size_t n) {
    for (; n; n--) {
        struct node *first = rc_new(&node_type), *last = first;
        for (int i = 1; i < 10; i++) {
            struct node *next = rc_new(&node_type);
            rc_give(&last->x, next);
            last = next;
        }
        rc_give(&last->x, first);
    }
}

TEST(nothing_is_recorded_unless_asked_for) {
    lose_rings(10);
    rc_collect_step(MS);
    struct rc_pauses p = pauses();
    EXPECT_EQ(0, p.slices.count);
    EXPECT_EQ(0, p.recorded_ns);
    rc_pauses_print(stderr);
    rc_pauses_dump(stderr);
    EXPECT(rc_pauses_record(false));
}

TEST(slices_and_whole_collections_are_counted_apart) {
    EXPECT(rc_pauses_record(true));
    uint64_t start = clock_now();
    lose_rings(scaled(20000));
    size_t slices = 0;
    do
        slices++;
    while (rc_collect_step(100 * US) == RC_STEP_MORE);
    rc_collect();
    rc_collect();
    struct rc_pauses p = pauses();
    EXPECT(slices > 3);
    EXPECT_EQ(slices, p.slices.count);
    EXPECT_EQ(slices, p.use.count);
    EXPECT_EQ(2, p.whole.count);
    EXPECT(p.phase[RC_PHASE_IDLE].count >= 1); // the last finished it
    uint64_t sum = 0, longest = 0;
    for (int i = 0; i < RC_PHASE_COUNT; i++) {
        sum += p.phase[i].count;
        longest = p.phase[i].max > longest ? p.phase[i].max : longest;
        EXPECT_AT_MOST(p.use.max, p.use_max[i]);
    }
    EXPECT_EQ(slices, sum);
    EXPECT_EQ(longest, p.slices.max);
    EXPECT(p.phase[RC_PHASE_BUILD].count > 0);
    EXPECT(p.use.p50 >= 1000); // most slices end because their time is over
    EXPECT(p.use.max >= p.slices.max * 1000 / (100 * US) / 2);
    EXPECT_AT_MOST(clock_now() - start, p.recorded_ns);
    EXPECT_AT_MOST(p.recorded_ns, p.busy_ns);
    EXPECT(p.busy_ns >= 100 * US * (slices - 1));
}

TEST(slice_without_a_budget_has_no_share_of_it) {
    rc_pauses_record(true);
    lose_rings(1);
    while (rc_collect_step(0) == RC_STEP_MORE)
        continue;
    EXPECT(pauses().slices.count > 0);
    EXPECT_EQ(0, pauses().use.count);
}

TEST(recording_begins_anew_and_ends) {
    rc_pauses_record(true);
    rc_collect_step(MS);
    EXPECT_EQ(1, pauses().slices.count);
    rc_pauses_record(true);
    EXPECT_EQ(0, pauses().slices.count);
    rc_collect_step(MS);
    EXPECT_EQ(1, pauses().slices.count);
    rc_pauses_record(false);
    rc_collect_step(MS);
    EXPECT_EQ(0, pauses().slices.count);
}

static void record_no_more(struct node *node) {
    (void)node;
    EXPECT(rc_pauses_record(false));
}

TEST(recording_may_end_within_a_slice) {
    rc_pauses_record(true);
    graph("ab ba");
    on_destroy = record_no_more;
    drop("ab");
    rc_collect_step(100 * MS);
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(0, pauses().slices.count);
    on_destroy = NULL;
}

static size_t memory_left;

static void *some_alloc(size_t size, size_t align, void *arg) {
    (void)arg;
    void *memory;
    if (size > memory_left || posix_memalign(&memory, align < sizeof(void *) ? sizeof(void *) : align, size))
        return NULL;
    return memory;
}
static void some_free(void *memory, size_t size, void *arg) {
    (void)size;
    (void)arg;
    free(memory);
}

TEST(recording_needs_memory) {
    struct rc_allocator allocator = {some_alloc, some_free, NULL};
    memory_left = SIZE_MAX;
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.allocator = &allocator});
    rc_heap_enter(heap);
    memory_left = 0;
    errno = 0;
    EXPECT(!rc_pauses_record(true));
    EXPECT_EQ(ENOMEM, errno);
    rc_collect_step(MS);
    EXPECT_EQ(0, pauses().slices.count);
    memory_left = SIZE_MAX;
    EXPECT(rc_pauses_record(true));
    memory_left = 0;
    EXPECT(rc_pauses_record(true)); // it has it
    memory_left = SIZE_MAX;
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(pauses_need_a_place) {
    faults_begin();
    rc_pauses(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_pauses");
}

// ---- garbage age

TEST(age_counts_objects_from_when_none_was_suspect) {
    rc_pauses_record(true);
    clock_pass(20 * MS);
    uint64_t start = clock_now();
    rc_pace_next(); // there is nothing now
    lose_rings(10);
    clock_pass(20 * MS);
    rc_collect();
    struct rc_quantiles age = pauses().garbage_age;
    EXPECT_EQ(100, age.count);
    EXPECT_AT_MOST(age.p50, 20 * MS);
    EXPECT_AT_MOST(clock_now() - start, age.max);
}

TEST(age_begins_anew_with_each_collection) {
    rc_pauses_record(true);
    lose_rings(10);
    clock_pass(20 * MS);
    rc_collect();
    uint64_t before = pauses().garbage_age.max;
    EXPECT(before >= 20 * MS);
    rc_pauses_record(true);
    lose_rings(10);
    rc_collect();
    EXPECT_EQ(100, pauses().garbage_age.count);
    EXPECT(pauses().garbage_age.max < before);
}

TEST(age_of_garbage_that_was_called_off_goes_on) {
    rc_pauses_record(true);
    lose_rings(10);
    clock_pass(20 * MS);
    while (rc_collect_phase() != RC_PHASE_SCAN)
        rc_collect_step(0);
    rc_collect_cancel();
    while (stats().called_off == 0)
        rc_collect_step(0);
    EXPECT_EQ(0, pauses().garbage_age.count);
    rc_collect();
    EXPECT_EQ(100, pauses().garbage_age.count);
    EXPECT(pauses().garbage_age.p50 >= 20 * MS);
}

TEST(age_of_garbage_that_was_finalized_goes_on) {
    rc_pauses_record(true);
    graph("AB BA");
    drop("AB");
    clock_pass(20 * MS);
    rc_collect();
    EXPECT_STR("AB", gone_sorted());
    EXPECT_EQ(2, pauses().garbage_age.count);
    EXPECT(pauses().garbage_age.p50 >= 20 * MS);
}

// ---- late callbacks

static uint64_t slow;

static void take_time(struct node *node) {
    (void)node;
    clock_pass(slow);
}

TEST(one_slow_destructor_is_all_that_exceeds_a_slice) {
    rc_pauses_record(true);
    graph("ab bc cd de ef fg gh ha");
    drop("abcdefgh");
    on_destroy = take_time;
    slow = 3 * MS;
    for (size_t slices = 0; rc_collect_step(MS) == RC_STEP_MORE; slices++)
        EXPECT(strlen(gone()) <= slices + 1);
    struct rc_pauses p = pauses();
    EXPECT_EQ(8, p.late_callbacks);
    EXPECT_STR("destroy", p.latest_callback);
    EXPECT_PTR(&node_type, p.latest_type);
    EXPECT_AT_MOST(p.latest_ns, 3 * MS);
    EXPECT(p.use_max[RC_PHASE_DESTROY] >= 3000);
    on_destroy = NULL;
}

TEST(slow_finalizer_is_named) {
    rc_pauses_record(true);
    graph("AB BA");
    drop("AB");
    on_finalize = take_time;
    slow = 3 * MS;
    while (rc_collect_step(MS) == RC_STEP_MORE)
        continue;
    struct rc_pauses p = pauses();
    EXPECT_EQ(2, p.late_callbacks);
    EXPECT_STR("finalize", p.latest_callback);
    EXPECT_PTR(&finalized_type, p.latest_type);
    on_finalize = NULL;
}

TEST(slow_destructor_of_what_counting_found_dead_is_named) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    rc_pauses_record(true);
    graph("ab bc cd de");
    drop("bcdea");
    on_destroy = take_time;
    slow = 3 * MS;
    for (size_t slices = 0; rc_collect_step(MS) == RC_STEP_MORE; slices++)
        EXPECT(strlen(gone()) <= slices + 2);
    EXPECT_STR("abcde", gone());
    struct rc_pauses p = pauses();
    EXPECT_EQ(4, p.late_callbacks);
    EXPECT_STR("destroy", p.latest_callback);
    on_destroy = NULL;
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(quick_callbacks_are_not_late) {
    rc_pauses_record(true);
    graph("ab ba");
    drop("ab");
    rc_collect_step(50 * MS);
    EXPECT_STR("ab", gone_sorted());
    EXPECT_EQ(0, pauses().late_callbacks);
    EXPECT(!pauses().latest_callback);
}

TEST(callback_that_is_late_by_less_than_an_eighth_is_not_named) {
    rc_pauses_record(true);
    graph("ab ba");
    drop("ab");
    on_destroy = take_time;
    slow = 10 * MS + 200 * US;
    rc_collect_step(10 * MS);
    EXPECT(pauses().use.max >= 1020 && pauses().use.max < 1120);
    EXPECT_EQ(0, pauses().late_callbacks);
    on_destroy = NULL;
}

TEST(slow_finalizer_of_what_counting_found_dead_is_named) {
    struct rc_heap *heap = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    rc_heap_enter(heap);
    rc_pauses_record(true);
    graph("aB");
    drop("Ba");
    on_finalize = take_time;
    slow = 3 * MS;
    while (rc_collect_step(MS) == RC_STEP_MORE)
        continue;
    EXPECT_STR("aB", gone());
    EXPECT_EQ(1, pauses().late_callbacks);
    EXPECT_STR("finalize", pauses().latest_callback);
    on_finalize = NULL;
    rc_heap_leave(heap);
    free_heap(heap);
}

TEST(whole_collections_have_no_late_callbacks) {
    rc_pauses_record(true);
    graph("ab ba");
    drop("ab");
    on_destroy = take_time;
    slow = 3 * MS;
    rc_collect();
    EXPECT_EQ(0, pauses().late_callbacks);
    on_destroy = NULL;
}

// ---- printing

static const char *printed(void (*print)(FILE *out)) {
    static char text[1 << 16];
    FILE *out = tmpfile();
    REQUIRE(out);
    print(out);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = 0;
    fclose(out);
    return text;
}

TEST(table_has_a_row_for_each_phase_that_was_seen) {
    rc_pauses_record(true);
    lose_rings(scaled(20000));
    while (rc_collect_step(100 * US) == RC_STEP_MORE)
        continue;
    graph("ab ba");
    drop("ab");
    on_destroy = take_time;
    slow = 3 * MS;
    rc_collect_step(MS);
    rc_collect_step(MS);
    on_destroy = NULL;
    rc_collect();
    const char *text = printed(rc_pauses_print);
    EXPECT_HAS("\nbuild ", text);
    EXPECT_HAS("\nall slices ", text);
    EXPECT_HAS("\nrc_collect ", text);
    EXPECT_HAS("\ngarbage age ", text);
    EXPECT_HAS("\nlength/budget: p50 1.", text);
    EXPECT_HAS("the longest: destroy of \"node\", ", text);
    EXPECT_HAS("busy: ", text);
    EXPECT(!strstr(text, "\ninbox "));
}

TEST(table_says_nothing_of_what_there_was_not) {
    rc_pauses_record(true);
    graph("ab ba");
    drop("ab");
    rc_collect();
    const char *text = printed(rc_pauses_print);
    EXPECT_HAS("\nrc_collect ", text);
    EXPECT_HAS("busy: ", text);
    EXPECT(!strstr(text, "length/budget"));
    EXPECT(!strstr(text, "late callbacks"));
}

TEST(dump_has_all_slices) {
    rc_pauses_record(true);
    lose_rings(scaled(20000));
    while (rc_collect_step(100 * US) == RC_STEP_MORE)
        continue;
    uint64_t sum = 0;
    char phase[16];
    double from, to;
    uint64_t count;
    int used;
    const char *line = printed(rc_pauses_dump);
    for (; sscanf(line, "%15s %lf %lf %" SCNu64 " %n", phase, &from, &to, &count, &used) == 4; line += used) {
        EXPECT(from < to);
        sum += count;
    }
    EXPECT_STR("", line);
    EXPECT_EQ(pauses().slices.count, sum);
}

TEST(slow_callback_of_a_forgotten_type_is_counted_and_not_named) {
    rc_pauses_record(true);
    graph("AB BA");
    drop("AB");
    on_finalize = take_time;
    slow = 3 * MS;
    while (rc_collect_step(MS) == RC_STEP_MORE)
        continue;
    on_finalize = NULL;
    EXPECT_HAS("late callbacks: 2; the longest: finalize of \"", printed(rc_pauses_print));
    rc_release(rc_new(&rc_array_type));
    EXPECT(rc_type_forget(&rc_array_type));
    EXPECT_PTR(&finalized_type, pauses().latest_type);
    EXPECT(rc_type_forget(&finalized_type));
    struct rc_pauses p = pauses();
    EXPECT_EQ(2, p.late_callbacks);
    EXPECT_PTR(NULL, p.latest_callback);
    EXPECT_PTR(NULL, p.latest_type);
    EXPECT_EQ(0, p.latest_ns);
    EXPECT_HAS("late callbacks: 2\n", printed(rc_pauses_print));
}

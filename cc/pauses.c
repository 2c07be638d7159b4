// SPDX-License-Identifier: MIT
// Pause statistics: two histograms are added to with each slice, one with each collection. See <refcyc/pauses.h>.
#include "cc/pauses.h"
#include "cc/graph.h"
#include "cc/histogram.h"

#include <inttypes.h>
#include <refcyc/pauses.h>

struct cc_pauses {
    uint64_t since, busy_ns;
    struct cc_histogram phase[RC_PHASE_COUNT], whole;
    struct cc_histogram use; // thousandths of the budget
    uint64_t use_max[RC_PHASE_COUNT];
    struct cc_histogram age;
    uint64_t late;
    const char *latest_callback;
    const struct rc_type *latest_type;
    uint64_t latest_ns;
};

void cc_pauses_free(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    rc__uncounted_free(heap, heap->cc.pauses, sizeof *heap->cc.pauses);
    heap->cc.pauses = NULL;
}

void cc_pauses_slice(struct rc_heap *heap, uint64_t length, uint64_t budget) {
    assert(heap->cc.phase < RC_PHASE_COUNT);
    struct cc_pauses *p = heap->cc.pauses;
    if (!p)
        return;
    enum rc_phase phase = heap->cc.phase;
    p->busy_ns += length;
    if (budget == UINT64_MAX) {
        cc_histogram_add(&p->whole, length, 1);
        return;
    }
    cc_histogram_add(&p->phase[phase], length, 1);
    if (!budget)
        return;
    uint64_t use = length * 1000 / budget;
    cc_histogram_add(&p->use, use, 1);
    if (use > p->use_max[phase])
        p->use_max[phase] = use;
}

void cc_pauses_garbage(struct rc_heap *heap, uint32_t objects, uint64_t since, uint64_t now) {
    assert(now >= since || !objects);
    if (heap->cc.pauses && objects)
        cc_histogram_add(&heap->cc.pauses->age, now - since, objects);
}

void cc_pauses_late(struct rc_heap *heap, const struct rc__header *h, const char *call, uint64_t took) {
    assert(rc__is_object(h) && call);
    struct cc_pauses *p = heap->cc.pauses;
    if (!p)
        return;
    p->late++;
    if (took > p->latest_ns) {
        p->latest_ns = took;
        p->latest_callback = call;
        p->latest_type = rc__class(h)->known_as;
    }
}

void cc_pauses_forget(struct rc_heap *heap, const struct rc_type *type) {
    assert(rc__is_mine(heap) && type);
    struct cc_pauses *p = heap->cc.pauses;
    if (p && p->latest_type == type) {
        p->latest_type = NULL;
        p->latest_callback = NULL;
        p->latest_ns = 0;
    }
}

bool rc_pauses_record(bool on) {
    struct rc_heap *heap = rc__enter_default("rc_pauses_record");
    if (!heap)
        return false;
    if (!on) {
        cc_pauses_free(heap);
        return true;
    }
    struct cc_pauses *p = heap->cc.pauses;
    if (!p)
        p = heap->cc.pauses = rc__uncounted(heap, sizeof *p);
    if (!p)
        return rc__fails(ENOMEM);
    memset(p, 0, sizeof *p);
    p->since = cc_now();
    return true;
}

static void report(const struct cc_pauses *p, struct rc_pauses *out) {
    assert(p && out);
    struct cc_histogram slices = {0};
    out->recorded_ns = cc_now() - p->since;
    out->busy_ns = p->busy_ns;
    for (int i = 0; i < RC_PHASE_COUNT; i++) {
        cc_histogram_quantiles(&p->phase[i], &out->phase[i]);
        cc_histogram_merge(&slices, &p->phase[i]);
        out->use_max[i] = p->use_max[i];
    }
    cc_histogram_quantiles(&slices, &out->slices);
    cc_histogram_quantiles(&p->whole, &out->whole);
    cc_histogram_quantiles(&p->use, &out->use);
    cc_histogram_quantiles(&p->age, &out->garbage_age);
    out->late_callbacks = p->late;
    out->latest_callback = p->latest_callback;
    out->latest_type = p->latest_type;
    out->latest_ns = p->latest_ns;
}

void rc_pauses(struct rc_pauses *pauses) {
    if (!pauses) {
        rc__fault(RC_FAULT_NULL, "rc_pauses", NULL, "there is nowhere to put the figures");
        return;
    }
    *pauses = (struct rc_pauses){0};
    struct rc_heap *heap = rc__enter_default("rc_pauses");
    if (heap && heap->cc.pauses)
        report(heap->cc.pauses, pauses);
}

static void print_times(FILE *out, const char *name, const struct rc_quantiles *q) {
    assert(out && q);
    if (q->count)
        fprintf(out, "%-12s %10" PRIu64 " %10.3f %10.3f %10.3f %10.3f", name, q->count, (double)q->p50 / 1e6,
                (double)q->p99 / 1e6, (double)q->p999 / 1e6, (double)q->max / 1e6);
}

void rc_pauses_print(FILE *out) {
    struct rc_pauses p;
    rc_pauses(&p);
    fprintf(out, "%-12s %10s %10s %10s %10s %10s %12s\n", "pauses, ms", "number", "p50", "p99", "p99.9", "longest",
            "most/budget");
    for (int i = 0; i < RC_PHASE_COUNT; i++) {
        print_times(out, rc_phase_name((enum rc_phase)i), &p.phase[i]);
        if (p.phase[i].count)
            fprintf(out, " %12.3f\n", (double)p.use_max[i] / 1e3);
    }
    const struct {
        const char *name;
        const struct rc_quantiles *q;
    } rows[] = {{"all slices", &p.slices}, {"rc_collect", &p.whole}, {"garbage age", &p.garbage_age}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_times(out, rows[i].name, rows[i].q);
        if (rows[i].q->count)
            fputc('\n', out);
    }
    if (p.use.count)
        fprintf(out, "length/budget: p50 %.3f, p99 %.3f, p99.9 %.3f, most %.3f\n", (double)p.use.p50 / 1e3,
                (double)p.use.p99 / 1e3, (double)p.use.p999 / 1e3, (double)p.use.max / 1e3);
    if (p.late_callbacks)
        fprintf(out, "late callbacks: %" PRIu64, p.late_callbacks);
    if (p.latest_callback)
        fprintf(out, "; the longest: %s of \"%s\", %.3f ms", p.latest_callback, p.latest_type->name,
                (double)p.latest_ns / 1e6);
    if (p.late_callbacks)
        fputc('\n', out);
    if (p.recorded_ns)
        fprintf(out, "busy: %.3f of %.3f s, %.2f %%\n", (double)p.busy_ns / 1e9, (double)p.recorded_ns / 1e9,
                100 * (double)p.busy_ns / (double)p.recorded_ns);
}

void rc_pauses_dump(FILE *out) {
    struct rc_heap *heap = rc__enter_default("rc_pauses_dump");
    if (!heap || !heap->cc.pauses)
        return;
    for (int phase = 0; phase < RC_PHASE_COUNT; phase++)
        for (unsigned i = 0; i < CC_BUCKETS; i++)
            if (heap->cc.pauses->phase[phase].bucket[i])
                fprintf(out, "%s %.3f %.3f %" PRIu32 "\n", rc_phase_name((enum rc_phase)phase),
                        (double)cc_histogram_from(i) / 1e3, (double)cc_histogram_from(i + 1) / 1e3,
                        heap->cc.pauses->phase[phase].bucket[i]);
}

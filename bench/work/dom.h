// SPDX-License-Identifier: MIT
// Workload 8: a live document, of which one section after another is cut out at random and replaced, with the collector
// working all the time. Nanoseconds per node replaced (dom), the longest round (dom.longest), the most memory the
// process ever had (dom.peak), and what building the document cost per node, with the collector on (dom.build).
// Workload 11: the same in two threads at once, each with a document and, where there is such a thing, a heap of its
// own.
//
//     document
//      |- division ... ten to a division, down to
//           |- section: 50 to 150 nodes, each but the first the child of an earlier one, chosen at random
//
// Each node knows parent, first and last child, previous and next sibling, all counted, and has a listener that points
// back to it.
struct document {
    struct node *root;
    struct node **section; // borrowed: the document holds them
    size_t sections, nodes;
    uint32_t seed;
};

static struct node *dom_node(struct document *doc) {
    struct node *n = make(NODE);
    struct listener *l = make(LISTENER);
    SET(&l->target, n);
    GIVE(&n->listener, l);
    doc->nodes++;
    return n;
}

// Appends [child] to [parent], which takes the caller's reference.
static void dom_append(struct node *parent, struct node *child) {
    SET(&child->parent, parent);
    if (parent->last) {
        SET(&child->prev, parent->last);
        SET(&parent->last->next, child);
    } else {
        SET(&parent->first, child);
    }
    GIVE(&parent->last, child);
}

// Takes [child] out of its parent; the caller holds a reference of it.
static void dom_detach(struct node *child) {
    struct node *parent = child->parent, *prev = child->prev, *next = child->next;
    if (prev)
        SET(&prev->next, next);
    else
        SET(&parent->first, next);
    if (next)
        SET(&next->prev, prev);
    else
        SET(&parent->last, prev);
    SET(&child->parent, NULL);
    SET(&child->prev, NULL);
    SET(&child->next, NULL);
}

static struct node *dom_section(struct document *doc) {
    struct node *made[150];
    uint32_t n = 50 + random_below(&doc->seed, 101);
    made[0] = dom_node(doc);
    for (uint32_t i = 1; i < n; i++) {
        made[i] = dom_node(doc);
        dom_append(made[random_below(&doc->seed, i)], made[i]);
    }
    return made[0];
}

static void dom_grow(struct document *doc, struct node *parent, size_t sections) {
    for (size_t i = 0; i < 10 && i < sections; i++) {
        if (sections <= 10) {
            struct node *s = dom_section(doc);
            doc->section[doc->sections++] = s;
            dom_append(parent, s);
            TURN();
        } else {
            struct node *division = dom_node(doc);
            dom_append(parent, division);
            dom_grow(doc, division, sections / 10);
        }
    }
}

static void dom_build(struct document *doc, size_t nodes, uint32_t seed) {
    *doc = (struct document){.section = malloc((nodes / 100 + 1) * sizeof(struct node *)), .seed = seed};
    DEMAND(doc->section);
    doc->root = dom_node(doc);
    dom_grow(doc, doc->root, nodes / 100);
}

// One round: returns the nodes made.
static size_t dom_churn(struct document *doc) {
    size_t nodes = doc->nodes;
    size_t k = random_below(&doc->seed, (uint32_t)doc->sections);
    struct node *old = RETAIN(doc->section[k]);
    struct node *parent = old->parent;
    dom_detach(old);
    DROP_NODES(old);
    struct node *s = dom_section(doc);
    doc->section[k] = s;
    dom_append(parent, s);
    TURN();
    return doc->nodes - nodes;
}

static void dom(size_t nodes, size_t rounds) {
    struct document doc;
    double began = lap_begin();
    dom_build(&doc, nodes, 1);
    lap_say(began, "dom.build", nodes, doc.nodes);
    double longest = 0;
    size_t churned = 0;
    began = lap_begin();
    double then = wall_ns();
    for (size_t i = 0; i < rounds; i++) {
        churned += dom_churn(&doc);
        double now = wall_ns();
        if (now - then > longest)
            longest = now - then;
        then = now;
    }
    lap_say(began, "dom", nodes, churned);
    say("dom.longest", nodes, longest / 1e6, "ms");
    say("dom.peak", nodes, peak_megabytes(), "MB");
    free(doc.section);
}

#ifndef ONE_THREAD_ONLY
#include <pthread.h>

struct dom_job {
    size_t nodes, rounds, churned;
    pthread_barrier_t *start;
    double ns; // result, wall-clock, per churned node
};

static void *dom_thread(void *arg) {
    struct dom_job *job = arg;
    struct document doc;
    THREAD_BEGIN();
    dom_build(&doc, job->nodes, 1);
    pthread_barrier_wait(job->start);
    double began = wall_ns();
    for (size_t i = 0; i < job->rounds; i++)
        job->churned += dom_churn(&doc);
    job->ns = (wall_ns() - began) / (double)job->churned;
    pthread_barrier_wait(job->start);
    THREAD_END();
    free(doc.section);
    return NULL;
}

static double dom_together(size_t nodes, size_t rounds, unsigned threads) {
    pthread_t id[2];
    struct dom_job job[2];
    pthread_barrier_t start;
    double slowest = 0;
    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        job[i] = (struct dom_job){.nodes = nodes, .rounds = rounds, .start = &start};
        DEMAND(pthread_create(&id[i], NULL, dom_thread, &job[i]) == 0);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
        slowest = job[i].ns > slowest ? job[i].ns : slowest;
    }
    pthread_barrier_destroy(&start);
    return slowest;
}

static void scaling(size_t nodes, size_t rounds) {
    double one = dom_together(nodes, rounds, 1), two = dom_together(nodes, rounds, 2);
    say("scaling.one", nodes, one, "ns");
    say("scaling.two", nodes, two, "ns");
    say("scaling", nodes, 2 * one / two, "times");
}
#endif

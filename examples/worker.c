// SPDX-License-Identifier: MIT
// Two things that threads do with heaps.
//
// A worker reads a text into a graph, in a heap of its own: nobody waits for it, and it locks nothing. What it has built it
// hands over with one call, which costs next to nothing however large the graph is; from then on that is the main thread's.
//
// A plugin has a heap of its own for good, so that it can be looked at, and thrown away, as a whole. A document and the
// plugin's view of it refer to each other: a cycle over two heaps. To each of them alone the other's link is a handle, and
// so it would stay for ever; looked at together, it goes.
#include <pthread.h>
#include <refcyc/refcyc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- a graph: words, each with the words that followed it, and a document that has the first one

enum { FOLLOWERS = 4 };

struct word {
    struct word *next[FOLLOWERS]; // words that came after it; a text comes back to its words, so there are cycles
    struct word *rest;            // of all the document's words
    char text[16];
};

struct document {
    struct word *words;
    struct view *view;
};

struct view {
    struct document *document;
};

static RC_TYPE(word, struct word, .slots = RC_SLOTS(RC_LINK(struct word, next), RC_LINK(struct word, rest)));
static RC_TYPE(document, struct document,
               .slots = RC_SLOTS(RC_LINK(struct document, words), RC_LINK(struct document, view)));
static RC_TYPE(view, struct view, .slots = RC_SLOTS(RC_LINK(struct view, document)));

static struct word *document_word(struct document *document, const char *text) {
    for (struct word *w = document->words; w; w = w->rest)
        if (strcmp(w->text, text) == 0)
            return w;
    struct word *w = rc_new(&word_type);
    if (!w)
        exit(1);
    snprintf(w->text, sizeof w->text, "%s", text);
    rc_move(&w->rest, &document->words);
    rc_give(&document->words, w);
    return w; // borrowed: the document holds it
}

static struct document *document_read(const char *text) {
    struct document *document = rc_new(&document_type);
    struct word *before = NULL;
    char word[16];
    for (int n; document && sscanf(text, "%15s%n", word, &n) == 1; text += n) {
        struct word *w = document_word(document, word);
        for (int i = 0; before && i < FOLLOWERS; i++)
            if (!before->next[i] || before->next[i] == w) {
                rc_set(&before->next[i], w);
                break;
            }
        before = w;
    }
    return document;
}

static size_t objects(void) {
    struct rc_stats stats;
    rc_stats(&stats);
    return stats.objects;
}

// ---- a worker

struct job {
    const char *text;
    struct rc_heap *heap;      // the worker's
    struct document *document; // with a handle
};

static void *work(void *arg) {
    struct job *job = arg;
    job->heap = rc_heap_new(NULL);
    if (!job->heap)
        return NULL;
    rc_heap_enter(job->heap);
    job->document = document_read(job->text);
    rc_collect();
    rc_heap_leave(job->heap); // or else the merge would wait for ever
    return NULL;
}

static struct document *read_elsewhere(const char *text) {
    struct job job = {.text = text};
    pthread_t worker;
    if (pthread_create(&worker, NULL, work, &job))
        exit(1);
    pthread_join(worker, NULL); // a program would have something else to do
    if (!job.heap || !rc_heap_merge(rc_heap_default(), job.heap))
        exit(1);
    return job.document; // its handle is ours now, too
}

// ---- a plugin

static void plugin_open(struct rc_heap *plugin, struct document *document) {
    rc_heap_enter(plugin);
    struct view *view = rc_new(&view_type);
    if (!view)
        exit(1);
    rc_set(&view->document, document); // a link, for which the document counts a handle
    rc_heap_leave(plugin);
    rc_give(&document->view, view); // and the other way round
}

int main(void) {
    struct document *document = read_elsewhere("the cat saw the dog and the dog saw the cat");
    printf("read by a worker: %zu objects\n", objects());
    printf("after \"the\":");
    for (struct word *w = document->words; w; w = w->rest)
        for (int i = 0; strcmp(w->text, "the") == 0 && i < FOLLOWERS && w->next[i]; i++)
            printf(" %s", w->next[i]->text);
    printf("\n");

    struct rc_heap *plugin = rc_heap_new(&(struct rc_heap_options){.name = "plugin"});
    if (!plugin)
        return 1;
    plugin_open(plugin, document);
    rc_release(document);
    size_t alone = rc_collect();
    rc_heap_enter(plugin);
    alone += rc_collect();
    rc_heap_leave(plugin);
    printf("found by each heap alone: %zu\n", alone);
    struct rc_heap *both[] = {rc_heap_default(), plugin};
    printf("found by both together: %zu\n", rc_collect_heaps(both, 2));
    return rc_heap_free(plugin) || rc_heap_free(rc_heap_default());
}

// SPDX-License-Identifier: MIT
// Replays counterexamples of the weakened model on the library, where all rules hold, so that nothing may go wrong.
//
//     replay TRACE...            (README.md has the format)
//
// A trace is played in two ways. Followed: the program's steps as they are, and the collector's by letting the
// library's collector work until it is as far as the model's was. The library takes its suspects and nodes in an order
// of its own, so this is as near as one can get in one run. Swept: the program's steps with the collector let in before
// two of them, for so many units of work each, for all such places and numbers. Each with and without some garbage
// beside, and foreign steps by a second thread, one at a time. And all of that once more with objects that have no
// destructor, but a leaf that has one, so that they may be islands; then the first stop ends in a slice of many units, as
// islands are not looked for in slices of one.
//
// After each step, what a handle leads to must be alive, by a plain search. At the end of the trace the collector works
// until it says that nothing is left to do; then what no handle leads to must be gone. Then the handles are released,
// and all must be gone. No destructor runs twice. A step that the program may not make, because the library has already
// reclaimed what the model had not, is left out.
//
// In traces with finalizers these give the program a handle. They must run once, before the destructor, and in a collection for
// nothing of which there is a handle, nor for what something that was upgraded leads to.
#include <refcyc/refcyc.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2, FAR = 300, OBJECTS = 8, STEPS = 128, LIVES = 64, PATIENCE = 10000 };

struct life;
struct leaf {
    struct life *life;
};
struct node {
    struct node *slot[SLOTS];
    struct node *owner;
    struct rc_weak_map *map; // of object 0
    struct leaf *leaf;
    struct life *life;
};

// One that is read in pieces, with its two slots in different ones: the first of them in the first, or (plainly) in the last.
struct row {
    struct node node;
    struct node *far[FAR];
};

// One object from its birth on. The model reuses the place of an object that is freed; here that is another life.
struct life {
    struct node *node;
    struct rc_weak *weak;
    int home, foreign; // handles
    int destroyed, finalized; // how often
    bool upgraded;            // since it was condemned in this collection
    bool reached;
    bool is_row;
};

// A step of the trace: an operation with up to three objects.
struct step {
    char text[64], op[32];
    bool foreign, weak;
    int x, y, z;
};

struct trace {
    const char *name;
    struct step step[STEPS];
    int steps;
    bool upgrades; // so objects need weak references
    bool weakly;   // only those that are made so
    bool owners;   // they have owner slots
    bool finals;   // they have finalizers
    bool pieces;   // object 0 is a row
};

static struct life lives[LIVES];
static int life_count;
static struct life *current[OBJECTS]; // the life at each place
static unsigned long skipped, runs;

static void node_finalize(void *obj);

static void node_destroy(void *obj) {
    struct life *life = ((struct node *)obj)->life;
    if (life)
        life->destroyed++;
}

static void leaf_destroy(void *obj) {
    ((struct leaf *)obj)->life->destroyed++;
}

RC_TYPE(leaf, struct leaf, .destroy = leaf_destroy);

// Of the objects of a trace: with or without a destructor, and an owner slot.
RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, slot), RC_LINK(struct node, map)),
        .destroy = node_destroy);
RC_TYPE(owned, struct node, .slots = RC_SLOTS(RC_LINK(struct node, slot), RC_OWNER(struct node, owner)),
        .destroy = node_destroy);
RC_TYPE(plain, struct node,
        .slots = RC_SLOTS(RC_LINK(struct node, slot), RC_LINK(struct node, map),
                          RC_LINK_TO(struct node, leaf, leaf_type)));
RC_TYPE(final, struct node, .slots = RC_SLOTS(RC_LINK(struct node, slot)), .finalize = node_finalize, .destroy = node_destroy);
RC_TYPE(plain_final, struct node, .slots = RC_SLOTS(RC_LINK(struct node, slot), RC_LINK_TO(struct node, leaf, leaf_type)),
        .finalize = node_finalize);
RC_TYPE(plain_owned, struct node,
        .slots = RC_SLOTS(RC_LINK(struct node, slot), RC_OWNER(struct node, owner),
                          RC_LINK_TO(struct node, leaf, leaf_type)));

RC_TYPE(row, struct row, .slots = RC_SLOTS(RC_LINK(struct row, node.slot), RC_LINK(struct row, far)), .destroy = node_destroy);

// ---- what must hold

static const struct trace *playing;
static bool plainly;    // objects have leaves; or (struct row)
static bool collecting; // the collector is at work
static char position[160]; // what is just being done

static _Noreturn void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: %s: ", playing->name, position);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static struct node **slot(struct node *node, int i) {
    return node->life->is_row && i != plainly ? &((struct row *)(void *)node)->far[FAR - 1] : &node->slot[i];
}

static void reach(struct life *life) {
    if (life->reached)
        return;
    life->reached = true;
    if (life->destroyed)
        fail("object %d is destroyed, and a handle leads to it", (int)(life - lives));
    for (int i = 0; i < SLOTS; i++)
        if (*slot(life->node, i))
            reach((*slot(life->node, i))->life);
    if (life->node->owner)
        reach(life->node->owner->life);
}

// What handles lead to; those of the home thread only, or all.
static void search(bool all) {
    for (int i = 0; i < life_count; i++)
        lives[i].reached = false;
    for (int i = 0; i < life_count; i++)
        if (lives[i].home || (all && lives[i].foreign))
            reach(&lives[i]);
}

static void check(bool quiet) {
    search(true);
    for (int i = 0; i < life_count; i++) {
        if (lives[i].destroyed > 1)
            fail("object %d was destroyed %d times", i, lives[i].destroyed);
        if (playing->finals && lives[i].destroyed && !lives[i].finalized)
            fail("object %d was destroyed, and never finalized", i);
        if (quiet && !lives[i].reached && !lives[i].destroyed)
            fail("object %d is garbage, and the collector says that nothing is left to do", i);
    }
}

// The program comes by a handle. What dies by count may have been upgraded shortly before.
static void node_finalize(void *obj) {
    struct life *life = ((struct node *)obj)->life;
    if (life->finalized++)
        fail("object %d is finalized a second time", (int)(life - lives));
    if (rc_collect_phase() == RC_PHASE_FINALIZE && collecting) {
        for (int i = 0; i < life_count; i++)
            lives[i].reached = false;
        for (int i = 0; i < life_count; i++)
            if (lives[i].upgraded)
                reach(&lives[i]);
        if (life->home || life->foreign || life->reached)
            fail("object %d is finalized, and somebody has got hold of it", (int)(life - lives));
    }
    life->home += rc_retain(obj) != NULL;
}

// ---- the other thread

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { NOTHING, RETAIN, RELEASE, UPGRADE, END } order;
    struct life *life;
    void *result;
} other = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *other_thread(void *arg) {
    (void)arg;
    bool end = false;
    pthread_mutex_lock(&other.lock);
    while (!end) {
        switch (other.order) {
        case NOTHING:
            pthread_cond_wait(&other.changed, &other.lock);
            continue;
        case RETAIN:
            other.result = rc_retain(other.life->node);
            break;
        case RELEASE:
            rc_release(other.life->node);
            break;
        case UPGRADE:
            other.result = rc_weak_get(other.life->weak);
            break;
        case END:
            end = true;
            break;
        }
        other.order = NOTHING;
        pthread_cond_broadcast(&other.changed);
    }
    pthread_mutex_unlock(&other.lock);
    return NULL;
}

static void *on_other_thread(int order, struct life *life) {
    pthread_mutex_lock(&other.lock);
    other.order = order;
    other.life = life;
    other.result = NULL;
    pthread_cond_broadcast(&other.changed);
    while (other.order != NOTHING)
        pthread_cond_wait(&other.changed, &other.lock);
    void *result = other.result;
    pthread_mutex_unlock(&other.lock);
    return result;
}

// ---- the program's steps

static struct life *life_of(int x) {
    return x >= 0 && x < OBJECTS ? current[x] : NULL;
}

static bool is_usable(int x) {
    return life_of(x) && life_of(x)->reached && !life_of(x)->destroyed;
}

// A slot of x that refers to y; with y NULL, an empty one.
static struct node **slot_with(int x, struct node *y) {
    for (int i = 0; is_usable(x) && i < SLOTS; i++)
        if (*slot(life_of(x)->node, i) == y)
            return slot(life_of(x)->node, i);
    return NULL;
}

static bool new_object(int x, bool weak) {
    if ((life_of(x) && life_of(x)->reached) || life_count == LIVES)
        return false;
    struct life *life = &lives[life_count++];
    const struct rc_type *type = playing->pieces   ? x == 0 ? &row_type : &node_type
                                 : playing->finals ? plainly ? &plain_final_type : &final_type
                                 : playing->owners ? plainly ? &plain_owned_type : &owned_type
                                                   : plainly ? &plain_type : &node_type;
    bool leafy = plainly && !playing->pieces;
    struct leaf *leaf = leafy ? rc_new(&leaf_type) : NULL;
    *life = (struct life){.node = rc_new(type), .home = 1, .is_row = type == &row_type};
    if (!life->node || !leaf != !leafy)
        fail("out of memory");
    life->node->life = life;
    if (leaf) {
        leaf->life = life;
        rc_give(&life->node->leaf, leaf);
    }
    if (weak && !(life->weak = rc_weak_new(life->node)))
        fail("out of memory");
    current[x] = life;
    return true;
}

// What leads to an object may be upgraded at any time. NULL is an answer only for one that no handle leads to.
static bool upgrade(struct life *life, bool foreign) {
    search(true);
    if (!life || !life->weak)
        return false;
    struct node *node = foreign ? on_other_thread(UPGRADE, life) : rc_weak_get(life->weak);
    if (node && node != life->node)
        fail("the weak reference gives another object");
    if (!node && life->reached)
        fail("the weak reference to an object that a handle leads to gives NULL");
    *(foreign ? &life->foreign : &life->home) += node != NULL;
    life->upgraded = node && (rc_collect_phase() == RC_PHASE_VALIDATE || rc_collect_phase() == RC_PHASE_FINALIZE);
    return node;
}

static bool foreign_step(const struct step *s) {
    struct life *x = life_of(s->x);
    if (!strcmp(s->op, "upgrade"))
        return upgrade(x, true);
    if (!x || !x->foreign)
        return false;
    if (!strcmp(s->op, "retain"))
        x->foreign += on_other_thread(RETAIN, x) != NULL;
    else if (!strcmp(s->op, "release"))
        x->foreign--, on_other_thread(RELEASE, x);
    else if (!strcmp(s->op, "pass"))
        x->foreign--, x->home++;
    return true; // "queue" is a part of the release that follows
}

// Of the entry that object 1 has in the weak map of object 0.
static bool entry_step(const struct step *s) {
    if (!is_usable(0) || !is_usable(1))
        return false;
    struct node *map = life_of(0)->node, *key = life_of(1)->node;
    if (!map->map) {
        struct rc_weak_map *fresh = rc_weak_map_new();
        if (!fresh)
            fail("out of memory");
        rc_give(&map->map, fresh);
    }
    if (!strcmp(s->op, "remove"))
        return rc_weak_map_remove(map->map, key);
    return rc_weak_map_put(map->map, key, life_of(s->x)->node);
}

static bool gathering;

static void disperse(void) {
    if (gathering)
        rc_collect_heaps((struct rc_heap *[]){rc_heap_current()}, 1);
    gathering = false;
}

// What object 0 holds changes places.
static bool turn(void) {
    if (!is_usable(0))
        return false;
    struct node *node = life_of(0)->node, **first = slot(node, 0), **second = slot(node, 1), *kept = *first;
    rc_changed(node);
    *first = *second;
    *second = kept;
    return true;
}

// Of the whole heap. In the model rc_collect_heaps has steps of its own, among those of other threads; here it comes after them.
static bool heap_step(const struct step *s) {
    if (!strcmp(s->op, "gather"))
        gathering = true;
    else if (!strcmp(s->op, "turn"))
        return turn();
    else if (!strcmp(s->op, "disperse"))
        disperse();
    else
        rc_collect_cancel();
    return true;
}

// Of one object.
static bool home_step(const struct step *s) {
    struct life *x = life_of(s->x);
    if (!strcmp(s->op, "upgrade"))
        return upgrade(x, false);
    if (!strcmp(s->op, "retain") && is_usable(s->x))
        x->home += rc_retain(x->node) != NULL;
    else if (!strcmp(s->op, "release") && x && x->home)
        x->home--, rc_release(x->node);
    else if (!strcmp(s->op, "pass") && x && x->home)
        x->home--, x->foreign++;
    else if (!strcmp(s->op, "orphan") && is_usable(s->x))
        rc_clear(&x->node->owner);
    else
        return false;
    return true;
}

// x gives up its link to y, which may die of that, and then y its owner slot. No handle of y need be there.
static void cut(const struct life *x, struct node **from, struct life *y) {
    rc_clear(from);
    if (!y->destroyed && y->node->owner == x->node)
        rc_clear(&y->node->owner);
}

// Of slots: x gets, gives up or passes on a link to y.
static bool slot_step(const struct step *s) {
    struct life *y = life_of(s->y), *z = life_of(s->z);
    struct node **from = y ? slot_with(s->x, y->node) : NULL;
    struct node **empty = slot_with(s->x, NULL);
    if (!strcmp(s->op, "link") && empty && is_usable(s->y))
        rc_set(empty, y->node);
    else if (!strcmp(s->op, "give") && empty && y && y->home)
        y->home--, rc_give(empty, y->node);
    else if (!strcmp(s->op, "clear") && from)
        rc_clear(from);
    else if (!strcmp(s->op, "take") && from)
        y->home += rc_take(from) != NULL;
    else if (!strcmp(s->op, "replace") && from && is_usable(s->z))
        rc_set(from, z->node);
    else if (!strcmp(s->op, "own") && is_usable(s->x) && is_usable(s->y))
        rc_set(&life_of(s->x)->node->owner, y->node);
    else if (!strcmp(s->op, "cut") && from)
        cut(life_of(s->x), from, y);
    else if (!strcmp(s->op, "move") && from && slot_with(s->z, NULL))
        rc_move(slot_with(s->z, NULL), from);
    else
        return false;
    return true;
}

static bool is_one_of(const char *op, const char *const *ops) {
    while (*ops && strcmp(op, *ops))
        ops++;
    return *ops;
}

static bool is_collector_step(const struct step *s) {
    static const char *const ops[] = {"begin",    "look",   "root",    "end",  "island", "trace", "probe",    "scan",
                                      "validate", "commit", "destroy", "drop", "count",  "sum",   "judge",    "pardon",
                                      "go",       "finalize", "finalized", "read", "beyond", NULL};
    return !s->foreign && is_one_of(s->op, ops);
}

static bool is_program_step(const struct step *s) {
    static const char *const home[] = {"new",     "retain", "release", "pass",   "upgrade",  "link",
                                       "give",    "clear",  "take",    "move",   "replace",  "own",
                                       "cut",     "orphan", "gather",  "cancel", "disperse", "put",
                                       "remove",  "turn",   NULL};
    static const char *const foreign[] = {"retain", "queue", "release", "pass", "upgrade", NULL};
    return is_one_of(s->op, s->foreign ? foreign : home);
}

static void program_step(const struct step *s, const struct trace *t) {
    bool done;
    search(false);
    if (s->foreign)
        done = foreign_step(s);
    else if (!strcmp(s->op, "new"))
        done = new_object(s->x, t->weakly ? s->weak : t->upgrades);
    else if (!strcmp(s->op, "put") || !strcmp(s->op, "remove"))
        done = entry_step(s);
    else
        done = s->x < 0 ? heap_step(s) : s->y < 0 ? home_step(s) : slot_step(s);
    skipped += !done;
    check(false);
}

// ---- the collector's steps

static void work(uint64_t budget) {
    collecting = true;
    rc_collect_step(budget);
    collecting = false;
    for (int i = 0; i < life_count; i++)
        lives[i].upgraded &= rc_collect_phase() == RC_PHASE_VALIDATE || rc_collect_phase() == RC_PHASE_FINALIZE;
    check(false);
}

static void unit(void) {
    work(0);
}

// As much as is done between two looks at the clock: with so few objects, all that there is.
static void slice(void) {
    work(1);
}

static void work_to(enum rc_phase phase) {
    for (int i = 0; rc_collect_phase() < phase && rc_collect_phase() != RC_PHASE_IDLE; i++) {
        if (i == PATIENCE)
            fail("the collector does not come to phase %s", rc_phase_name(phase));
        unit();
    }
}

// Suspects and nodes have no numbers here: a unit of work for each step of the model, and no further than its phase.
static void collector_step(const struct step *s) {
    enum rc_phase phase = rc_collect_phase();
    if (!strcmp(s->op, "look"))
        phase <= RC_PHASE_INBOX ? unit() : (void)0;
    else if (!strcmp(s->op, "root"))
        phase <= RC_PHASE_ROOTS ? unit() : (void)0;
    else if (!strcmp(s->op, "island"))
        phase <= RC_PHASE_ROOTS ? slice() : (void)0;
    else if (!strcmp(s->op, "trace") || !strcmp(s->op, "read"))
        phase != RC_PHASE_IDLE && phase <= RC_PHASE_BUILD ? unit() : (void)0;
    else if (!strcmp(s->op, "scan"))
        work_to(RC_PHASE_SCAN);
    else if (!strcmp(s->op, "validate"))
        work_to(RC_PHASE_VALIDATE), rc_collect_phase() == RC_PHASE_VALIDATE ? unit() : (void)0;
    else if (!strcmp(s->op, "commit"))
        work_to(playing->finals ? RC_PHASE_FINALIZE : RC_PHASE_DESTROY);
    else if (!strcmp(s->op, "finalize"))
        work_to(RC_PHASE_FINALIZE), rc_collect_phase() == RC_PHASE_FINALIZE ? unit() : (void)0;
    else if (!strcmp(s->op, "destroy"))
        phase >= RC_PHASE_DESTROY ? unit() : (void)0;
    else if (!strcmp(s->op, "drop"))
        phase != RC_PHASE_IDLE ? unit() : (void)0;
    else if (!strcmp(s->op, "end"))
        work_to(RC_PHASE_COUNT);
}

static void finish(void) {
    for (int i = 0; rc_collect_pending(); i++) {
        if (i == PATIENCE)
            fail("the collector does not come to rest");
        unit();
    }
    check(true);
}

// Garbage that belongs to no trace: with it the collector stops in phases that it else passes through.
static void ballast(void) {
    struct node *node = rc_new(&node_type);
    if (!node)
        fail("out of memory");
    rc_give(&node->slot[0], node);
}

// ---- runs

// Returns whether there were some.
static bool release_handles(void) {
    bool some = false;
    for (int i = 0; i < life_count; i++) {
        for (; lives[i].foreign; lives[i].foreign--, some = true)
            on_other_thread(RELEASE, &lives[i]);
        for (; lives[i].home; some = true)
            lives[i].home--, rc_release(lives[i].node);
    }
    return some;
}

static void end_run(void) {
    struct rc_stats stats;
    strcat(position, " at the end");
    disperse();
    finish();
    strcat(position, ", without handles");
    while (release_handles())
        finish();
    for (int i = 0; i < life_count; i++)
        rc_weak_release(lives[i].weak);
    rc_stats(&stats);
    if (stats.objects)
        fail("%zu objects are left", stats.objects);
    life_count = 0;
    memset(current, 0, sizeof current);
    runs++;
}

static void follow(const struct trace *t, bool ballasted) {
    if (ballasted)
        ballast();
    for (int i = 0; i < t->steps; i++) {
        snprintf(position, sizeof position, "followed to %d, %s", i + 1, t->step[i].text);
        if (ballasted && !strcmp(t->step[i].op, "begin"))
            ballast();
        if (is_collector_step(&t->step[i]))
            collector_step(&t->step[i]);
        else
            program_step(&t->step[i], t);
    }
    end_run();
}

// The collector does so many units of work before this step of the program.
struct stop {
    int at, units;
};

// Returns whether the collector had so much to do at the second stop.
static bool run(const struct trace *t, struct stop first, struct stop second, bool ballasted) {
    bool more = true;
    if (ballasted)
        ballast();
    for (int i = 0, k = 0; i < t->steps; i++) {
        if (is_collector_step(&t->step[i]))
            continue;
        snprintf(position, sizeof position, "%d units before step %d, %d before %d%s; %s", first.units, first.at,
                 second.units, second.at, ballasted ? ", ballast" : "", t->step[i].text);
        if (ballasted && k == first.at)
            ballast();
        for (int u = 0; k == first.at && u < first.units; u++)
            unit();
        if (plainly && !playing->pieces && k == first.at)
            slice();
        for (int u = 0; k == second.at && u < second.units; u++) {
            more = rc_collect_pending();
            unit();
        }
        program_step(&t->step[i], t);
        k++;
    }
    end_run();
    return more;
}

static void sweep(const struct trace *t, bool ballasted) {
    enum { FIRST = 12, SECOND = 36 };
    int program_steps = 0;
    for (int i = 0; i < t->steps; i++)
        program_steps += !is_collector_step(&t->step[i]);
    for (struct stop first = {1, 0}; first.at < program_steps; first.at++)
        for (first.units = 0; first.units < FIRST; first.units++) {
            run(t, first, (struct stop){0, 0}, ballasted);
            for (struct stop second = {first.at + 1, 0}; second.at < program_steps; second.at++)
                for (second.units = 1; second.units < SECOND; second.units++)
                    if (!run(t, first, second, ballasted))
                        break;
        }
}

// ---- traces

static void read_step(struct step *s, char *line) {
    line[strcspn(line, "\n")] = 0;
    *s = (struct step){.x = -1, .y = -1, .z = -1};
    snprintf(s->text, sizeof s->text, "%.63s", line);
    s->foreign = !strncmp(line, "foreign ", 8);
    s->weak = !strncmp(line, "weak ", 5);
    sscanf(line + (s->foreign ? 8 : s->weak ? 5 : 0), "%31s %d %d %d", s->op, &s->x, &s->y, &s->z);
}

static bool read_trace(struct trace *t, const char *name) {
    FILE *file = fopen(name, "r");
    char line[256];
    *t = (struct trace){.name = strrchr(name, '/') ? strrchr(name, '/') + 1 : name};
    t->finals = !strncmp(t->name, "final-", 6);
    t->pieces = !strncmp(t->name, "r9", 2);
    if (!file) {
        perror(name);
        return false;
    }
    while (t->steps < STEPS && fgets(line, sizeof line, file))
        if (line[0] != '#' && line[0] != '\n') {
            read_step(&t->step[t->steps], line);
            if (!is_collector_step(&t->step[t->steps]) && !is_program_step(&t->step[t->steps])) {
                fprintf(stderr, "%s: what is '%s'?\n", name, line);
                fclose(file);
                return false;
            }
            const struct step *s = &t->step[t->steps++];
            t->upgrades |= !strcmp(s->op, "upgrade");
            t->weakly |= s->weak;
            t->owners |= !strcmp(s->op, "own");
        }
    fclose(file);
    return t->steps > 0;
}

int main(int argc, char **argv) {
    struct rc_heap *heap = rc_heap_new(NULL);
    pthread_t thread;
    if (argc < 2 || !heap || pthread_create(&thread, NULL, other_thread, NULL)) {
        fprintf(stderr, "usage: %s TRACE...\n", argv[0]);
        return 2;
    }
    rc_heap_enter(heap);
    printf("%-24s %6s %8s %9s\n", "trace", "steps", "left out", "runs");
    for (int i = 1; i < argc; i++) {
        static struct trace trace;
        if (!read_trace(&trace, argv[i]))
            return 2;
        playing = &trace;
        runs = 0;
        unsigned long skipped_following = 0;
        for (int plain = 0; plain < 2; plain++) {
            plainly = plain;
            skipped = 0;
            follow(&trace, false);
            follow(&trace, true);
            skipped_following += skipped;
            sweep(&trace, false);
            sweep(&trace, true);
        }
        printf("%-24s %6d %8lu %9lu\n", trace.name, trace.steps, skipped_following, runs);
    }
    printf("%d passed, 0 failed, 0 skipped\n", argc - 1); // a failure ends the program
    on_other_thread(END, NULL);
    pthread_join(thread, NULL);
    rc_heap_leave(heap);
    return rc_heap_free(heap) != 0;
}

// SPDX-License-Identifier: MIT
// Threads that share the objects of two heaps, for a given time, in rounds after which everything has to balance.
//
//     threads [-s seed] [-t seconds]
//
//   2 insiders   take turns in the two heaps, so heaps change threads: make rings, link what others send them, take it
//   out
//                again, collect in slices, or both heaps at once
//   1 builder    makes a graph in a heap of its own, sends out handles of it, and merges the heap into one of the two
//   3 outsiders  are in no heap: retain, release, hand on, make weak references and upgrade them
//
// Handles go from thread to thread through the mail, an array that is only ever exchanged with. An object whose handle
// was got from there has to be alive, whoever else has given up how many. At the end of a round every thread gives up
// what it holds. Then: a heap in which garbage is left has been woken for; all objects go; weak references give NULL;
// as many were destroyed as were made, and finalized once.
#include "clock.h"
#include "random.h"

#include <refcyc/refcyc.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAPS = 2,
    INSIDERS = 2,
    OUTSIDERS = 3,
    THREADS = INSIDERS + 1 + OUTSIDERS,
    MAIL = 48,
    WEAK_MAIL = 16,
    POOL = 16
};
enum { LINKS = 3, SHELVES = 24, ALIVE = 0x600DCAFE, DEAD = 0x0BADCAFE };

struct node {
    unsigned magic;
    bool finalized;
    struct node *to[LINKS];
    struct rc_weak *weak;
};

struct shelf { // one in each heap, held by the main thread
    struct node *on[SHELVES];
};

static struct rc_heap *heap[HEAPS];
static struct shelf *shelf[HEAPS];
static void *_Atomic mail[MAIL];
static struct rc_weak *_Atomic weak_mail[WEAK_MAIL];
static atomic_bool pause_all, end_all;
static atomic_int woken[HEAPS];
static pthread_barrier_t barrier;
static uint64_t seed;

enum {
    MADE,
    DESTROYED,
    FINALIZED,
    POSTED,
    RETAINED,
    RELEASED,
    UPGRADED,
    REFUSED,
    ENTERED,
    SLICES,
    BOTH,
    MERGED,
    WOKEN,
    COUNTERS
};
static const char *const counter_name[COUNTERS] = {"made",
                                                   "destroyed",
                                                   "finalized",
                                                   "posted",
                                                   "retained",
                                                   "released",
                                                   "upgraded",
                                                   "upgrades refused",
                                                   "entries",
                                                   "slices",
                                                   "collections of both heaps",
                                                   "merges",
                                                   "wakes"};
static atomic_ullong counter[COUNTERS];

static void count(int what) {
    atomic_fetch_add_explicit(&counter[what], 1, memory_order_relaxed);
}

#define FAIL(...)                                                                                                      \
    (fprintf(stderr, "FAILED threads, seed %llu: ", (unsigned long long)seed), fprintf(stderr, __VA_ARGS__), abort())

static void on_fault(const struct rc_fault *fault) {
    FAIL("fault: %s\n", fault->message);
}

// Puts a handle into the mail; returns the one that lay there.
static void *post(unsigned where, void *obj) {
    count(POSTED);
    return atomic_exchange(&mail[where % MAIL], obj);
}

static void let_go(void *obj) {
    if (obj)
        count(RELEASED);
    rc_release(obj);
}

static struct node *checked(struct node *n) {
    if (n && n->magic != ALIVE)
        FAIL("a handle of an object that is dead (%x)\n", n->magic);
    return n;
}

static void node_destroy(void *obj) {
    struct node *n = obj;
    if (n->magic != ALIVE)
        FAIL("an object is destroyed twice (%x)\n", n->magic);
    if (rc_heap_current() == NULL)
        FAIL("a destructor runs outside of all heaps\n");
    n->magic = DEAD;
    count(DESTROYED);
}

// Sends itself out once more.
static void phoenix_finalize(void *obj) {
    struct node *n = checked(obj);
    if (n->finalized)
        FAIL("an object is finalized twice\n");
    n->finalized = true;
    count(FINALIZED);
    let_go(post((unsigned)((uintptr_t)obj >> 5), rc_retain(obj)));
}

static RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, to), RC_WEAK(struct node, weak)),
               .destroy = node_destroy);
static RC_TYPE(phoenix, struct node, .slots = RC_SLOTS(RC_LINK(struct node, to), RC_WEAK(struct node, weak)),
               .finalize = phoenix_finalize, .destroy = node_destroy);
static RC_TYPE(shelf, struct shelf, .slots = RC_SLOTS(RC_LINK(struct shelf, on)));

static struct node *node_new(uint64_t *random) {
    struct node *n = rc_new(random_below(random, 16) ? &node_type : &phoenix_type);
    if (!n)
        FAIL("no memory\n");
    n->magic = ALIVE;
    count(MADE);
    return n;
}

// A ring of some nodes; returns a handle of one.
static struct node *ring(uint64_t *random) {
    struct node *first = node_new(random), *last = first;
    for (unsigned i = random_below(random, 4); i > 0; i--) {
        struct node *n = node_new(random);
        rc_set(&n->to[1], first);
        rc_give(&last->to[0], n);
        last = n;
    }
    rc_set(&last->to[0], first);
    return first;
}

static unsigned number_of_current(void) {
    return rc_heap_current() == heap[1];
}

// One thing that a thread does inside of a heap.
static void act_inside(uint64_t *random) {
    unsigned k = number_of_current(), where = random_below(random, MAIL);
    struct node **place = &shelf[k]->on[random_below(random, SHELVES)];
    switch (random_below(random, 14)) {
    case 0:
    case 1:
        let_go(post(where, ring(random)));
        break;
    case 2:
        rc_give(place, ring(random));
        break;
    case 3: // from the mail to the shelf, perhaps into the other heap: then a handle there
    case 4:
        rc_give(place, checked(post(where, NULL)));
        break;
    case 5: // into a cycle with itself, if it is at home here
    case 6: {
        struct node *n = checked(post(where, NULL));
        if (n && rc_heap_of(n) == heap[k])
            rc_give(&n->to[random_below(random, LINKS)], n);
        else
            let_go(n);
        break;
    }
    case 7: // between two on the shelf
        if (*place && rc_heap_of(*place) == heap[k])
            rc_set(&(*place)->to[random_below(random, LINKS)], shelf[k]->on[random_below(random, SHELVES)]);
        break;
    case 8:
        rc_swap(place, &shelf[k]->on[random_below(random, SHELVES)]);
        break;
    case 9:
        let_go(post(where, rc_take(place)));
        break;
    case 10:
        if (*place && rc_heap_of(*place) == heap[k] &&
            !rc_weak_set(&(*place)->weak, shelf[k]->on[random_below(random, SHELVES)]))
            FAIL("no memory\n");
        break;
    case 11:
        if (*place && rc_heap_of(*place) == heap[k]) {
            struct node *n = checked(rc_weak_get((*place)->weak));
            count(n ? UPGRADED : REFUSED);
            let_go(post(where, n));
        }
        break;
    case 12:
        rc_clear(place);
        break;
    default:
        if (random_below(random, 100) == 0)
            rc_collect();
        else if (random_below(random, 50) == 0)
            rc_collect_cancel();
        else
            for (unsigned i = random_below(random, 12); i > 0; i--)
                rc_collect_step(random_below(random, 4) ? 0 : random_below(random, 30000));
        count(SLICES);
        break;
    }
}

static void act_insider(uint64_t *random) {
    unsigned k = random_below(random, HEAPS);
    if (random_below(random, 4)) {
        rc_heap_enter(heap[k]);
    } else if (!rc_heap_try_enter(heap[k])) {
        return;
    }
    count(ENTERED);
    bool nested = k == 0 && random_below(random, 8) == 0; // all enter 0 before 1
    for (unsigned i = 1 + random_below(random, 40); i > 0; i--)
        act_inside(random);
    if (nested) {
        rc_heap_enter(heap[1]);
        for (unsigned i = 1 + random_below(random, 10); i > 0; i--)
            act_inside(random);
        rc_heap_leave(heap[1]);
        act_inside(random);
    }
    rc_heap_leave(heap[k]);
    if (random_below(random, 400) == 0) {
        count(BOTH);
        rc_collect_heaps(heap, HEAPS);
    }
}

static void act_builder(uint64_t *random) {
    struct rc_heap *mine = rc_heap_new(NULL);
    if (!mine)
        FAIL("no memory\n");
    rc_heap_enter(mine);
    struct node *last = NULL;
    for (unsigned i = 1 + random_below(random, 30); i > 0; i--) {
        struct node *n = ring(random);
        rc_set(&n->to[2], last);
        let_go(last);
        last = n;
        if (random_below(random, 4) == 0)
            let_go(post(random_below(random, MAIL), rc_retain(n)));
        if (random_below(random, 8) == 0)
            rc_collect_step(0);
    }
    if (random_below(random, 2))
        let_go(last);
    else
        let_go(post(random_below(random, MAIL), last));
    rc_heap_leave(mine);
    if (!rc_heap_merge(heap[random_below(random, HEAPS)], mine))
        FAIL("no merge\n");
    count(MERGED);
}

// What an outsider holds.
struct pool {
    struct node *held[POOL];
};

static void act_outsider(uint64_t *random, struct pool *pool) {
    struct node **mine = &pool->held[random_below(random, POOL)];
    unsigned where = random_below(random, MAIL), weak_where = random_below(random, WEAK_MAIL);
    checked(*mine);
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        *mine = checked(post(where, *mine));
        break;
    case 2: {
        struct node **other = &pool->held[random_below(random, POOL)];
        if (*mine && !*other) {
            *other = rc_retain(*mine);
            count(RETAINED);
        }
        break;
    }
    case 3:
    case 4:
        let_go(*mine);
        *mine = NULL;
        break;
    case 5:
        if (*mine) {
            struct rc_weak *weak = rc_weak_new(*mine);
            if (!weak)
                FAIL("no memory\n");
            rc_weak_release(atomic_exchange(&weak_mail[weak_where], weak));
        }
        break;
    default: {
        struct rc_weak *weak = atomic_exchange(&weak_mail[weak_where], NULL);
        if (!weak)
            break;
        struct node *n = checked(rc_weak_get(weak));
        count(n ? UPGRADED : REFUSED);
        rc_weak_release(atomic_exchange(&weak_mail[weak_where], weak));
        if (!n)
            break;
        let_go(*mine);
        *mine = n;
        break;
    }
    }
}

static void *run(void *arg) {
    unsigned number = (unsigned)(uintptr_t)arg;
    uint64_t random = seed * THREADS + number;
    struct pool pool = {{NULL}};
    for (;;) {
        pthread_barrier_wait(&barrier); // a round begins
        if (atomic_load(&end_all))
            return NULL;
        while (!atomic_load(&pause_all)) {
            if (number < INSIDERS)
                act_insider(&random);
            else if (number == INSIDERS)
                act_builder(&random);
            else
                for (int i = 0; i < 64; i++)
                    act_outsider(&random, &pool);
        }
        for (int i = 0; i < POOL; i++) {
            let_go(checked(pool.held[i]));
            pool.held[i] = NULL;
        }
        pthread_barrier_wait(&barrier);
    }
}

static void on_wake(void *arg) {
    count(WOKEN);
    atomic_store(&woken[(uintptr_t)arg], 1);
}

static void collect_quietly(unsigned k) {
    rc_heap_enter(heap[k]);
    while (rc_collect_step(100000) != RC_STEP_IDLE)
        continue;
    rc_heap_leave(heap[k]);
}

// The main thread has no heap here: all that it gives up, it gives up as another thread would. Whoever sleeps until it
// is woken must not miss anything: then nothing is left for a collection in a heap that was not woken.
static void check_wakes(void) {
    for (unsigned k = 0; k < HEAPS; k++)
        collect_quietly(k);
    for (unsigned k = 0; k < HEAPS; k++) // the one may have had work for the other
        collect_quietly(k);
    for (int i = 0; i < MAIL; i++)
        let_go(checked(post((unsigned)i, NULL)));
    for (int worked = 1; worked;) {
        worked = 0;
        for (unsigned k = 0; k < HEAPS; k++)
            if (atomic_exchange(&woken[k], 0)) {
                collect_quietly(k);
                worked = 1;
            }
    }
    for (unsigned k = 0; k < HEAPS; k++) {
        rc_heap_enter(heap[k]);
        size_t pending = rc_collect_pending(), destroyed = rc_collect();
        rc_heap_leave(heap[k]);
        if (pending || destroyed)
            FAIL("heap %u was not woken, but %zu were pending, %zu objects garbage\n", k, pending, destroyed);
    }
}

static void check_balance(void) {
    for (unsigned k = 0; k < HEAPS; k++) {
        rc_heap_enter(heap[k]);
        for (int i = 0; i < SHELVES; i++)
            rc_clear(&shelf[k]->on[i]);
        rc_heap_leave(heap[k]);
    }
    for (int posted = 1; posted;) { // what finalizers send out comes once more
        posted = 0;
        rc_collect_heaps(heap, HEAPS);
        for (int i = 0; i < MAIL; i++) {
            void *obj = post((unsigned)i, NULL);
            posted |= obj != NULL;
            let_go(obj);
        }
    }
    for (unsigned k = 0; k < HEAPS; k++) {
        struct rc_stats stats;
        rc_heap_enter(heap[k]);
        rc_stats(&stats);
        rc_heap_leave(heap[k]);
        if (stats.objects != 1 || stats.dead)
            FAIL("heap %u: %zu objects are left\n", k, stats.objects - 1);
    }
    if (atomic_load(&counter[MADE]) != atomic_load(&counter[DESTROYED]))
        FAIL("%llu made, %llu destroyed\n", atomic_load(&counter[MADE]), atomic_load(&counter[DESTROYED]));
    for (int i = 0; i < WEAK_MAIL; i++) {
        struct rc_weak *weak = atomic_exchange(&weak_mail[i], NULL);
        if (rc_weak_get(weak))
            FAIL("a weak reference gives an object, and there is none\n");
        rc_weak_release(weak);
    }
}

static void make_heaps(void) {
    for (uintptr_t k = 0; k < HEAPS; k++) {
        struct rc_heap_options options = {.name = "shared", .wake = on_wake, .wake_arg = (void *)k};
        heap[k] = rc_heap_new(&options);
        if (!heap[k])
            FAIL("no memory\n");
        rc_heap_enter(heap[k]);
        shelf[k] = rc_new(&shelf_type);
        rc_heap_leave(heap[k]);
        if (!shelf[k])
            FAIL("no memory\n");
    }
}

static void rounds(double seconds) {
    double start = now(), shown = start;
    unsigned n = 0;
    for (; now() < start + seconds; n++) {
        atomic_store(&pause_all, false);
        pthread_barrier_wait(&barrier);
        struct timespec length = {0, 100000000 + 100000000 * (long)(n % 4)};
        nanosleep(&length, NULL);
        atomic_store(&pause_all, true);
        pthread_barrier_wait(&barrier);
        check_wakes();
        check_balance();
        if (now() > shown + 5) {
            shown = now();
            printf("%6.0f s %6u rounds %12llu objects\n", shown - start, n, atomic_load(&counter[MADE]));
            fflush(stdout);
        }
    }
    printf("%u rounds in %.0f s:", n, now() - start);
    for (int i = 0; i < COUNTERS; i++)
        printf("%s %s %llu", i ? "," : "", counter_name[i], atomic_load(&counter[i]));
    printf("\n");
}

int main(int argc, char **argv) {
    double seconds = 10;
    seed = (uint64_t)time(NULL);
    for (int option; (option = getopt(argc, argv, "s:t:")) != -1;)
        if (option == 's')
            seed = strtoull(optarg, NULL, 0);
        else if (option == 't')
            seconds = strtod(optarg, NULL);
        else
            return 2;
    printf("threads: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    rc_set_fault_handler(on_fault);
    make_heaps();
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, run, (void *)i))
            FAIL("no thread\n");
    rounds(seconds);
    atomic_store(&end_all, true);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (int k = 0; k < HEAPS; k++)
        if (rc_heap_free(heap[k]) != 1)
            FAIL("heap %d: the shelf is not the only one that is held\n", k);
    printf("threads: no failure\n");
    return 0;
}

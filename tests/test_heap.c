// SPDX-License-Identifier: MIT
// Heaps: entering and leaving, what freeing one does to all that is left in it, links between heaps, the allocator hook.
#include "tests/faults.h"
#include "tests/graph.h"
#include "tests/harness.h"
#include "tests/vector.h"

#include "rc/object.h"

#include <pthread.h>
#include <refcyc/pace.h>
#include <refcyc/pauses.h>
#include <refcyc/string.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rc_heap *new_heap(void) {
    struct rc_heap *heap = rc_heap_new(NULL);
    REQUIRE(heap);
    return heap;
}

// ---- entering and leaving

TEST(first_object_enters_the_default_heap) {
    EXPECT_PTR(NULL, rc_heap_current());
    struct node *n = rc_new(&node_type);
    EXPECT_PTR(rc_heap_default(), rc_heap_current());
    EXPECT_PTR(rc_heap_default(), rc_heap_of(n));
    rc_release(n);
}

TEST(objects_are_made_in_the_heap_that_was_entered_last) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(h);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_enter(k);
    EXPECT_PTR(k, rc_heap_current());
    struct node *n = rc_new(&node_type);
    EXPECT_PTR(k, rc_heap_of(n));
    rc_release(n);
    rc_heap_leave(k);
    EXPECT_PTR(h, rc_heap_current());
    n = rc_new(&node_type);
    EXPECT_PTR(h, rc_heap_of(n));
    rc_release(n);
    rc_heap_leave(h);
    EXPECT_PTR(NULL, rc_heap_current());
    free_heap(k);
    free_heap(h);
}

TEST(entries_of_one_heap_nest) {
    struct rc_heap *h = new_heap();
    enum { TIMES = 200000 }; // more than one entry on the thread's stack counts
    for (int i = 0; i < TIMES; i++)
        rc_heap_enter(h);
    for (int i = 0; i < TIMES - 1; i++)
        rc_heap_leave(h);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_PTR(NULL, rc_heap_current());
    free_heap(h);
}

TEST(entries_of_several_heaps_nest_in_any_order) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(h);
    rc_heap_enter(k);
    rc_heap_enter(h);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_PTR(k, rc_heap_current());
    rc_heap_leave(k);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    free_heap(h);
    free_heap(k);
}

TEST(heaps_nested_too_deep_are_a_fault_that_changes_nothing) {
    enum { MANY = 200 };
    static struct rc_heap *heaps[MANY];
    faults_begin();
    int n = 0;
    unsigned faults = 0;
    for (; n < MANY && !faults; n++) {
        heaps[n] = new_heap();
        rc_heap_enter(heaps[n]);
        faults = faults_seen();
    }
    EXPECT(n > 32 && n < MANY);
    EXPECT_EQ(RC_FAULT_HEAP, last_fault()->kind);
    EXPECT_PTR(heaps[n - 2], rc_heap_current());
    for (int i = n - 2; i >= 0; i--)
        rc_heap_leave(heaps[i]);
    EXPECT_NO_FAULT();
    for (int i = 0; i < n; i++)
        EXPECT_EQ(0, rc_heap_free(heaps[i]));
}

TEST(try_enter_enters_a_heap_that_nobody_is_inside) {
    struct rc_heap *h = new_heap();
    EXPECT(rc_heap_try_enter(h));
    EXPECT(rc_heap_try_enter(h)); // and nests
    rc_heap_leave(h);
    rc_heap_leave(h);
    free_heap(h);
}

TEST(heap_left_twice_is_a_fault_that_changes_nothing) {
    struct rc_heap *h = new_heap();
    faults_begin();
    rc_heap_enter(h);
    rc_heap_leave(h);
    rc_heap_leave(h);
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_leave");
    EXPECT_PTR(NULL, rc_heap_current());
    rc_heap_enter(h);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_NO_FAULT();
    free_heap(h);
}

static void leave_too_often(struct node *node) {
    struct rc_heap *h = rc_heap_current();
    (void)node;
    rc_heap_enter(h);
    rc_heap_leave(h);
    EXPECT_NO_FAULT();
    rc_heap_leave(h);
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_leave");
    EXPECT_PTR(h, rc_heap_current());
}

// By a collection, and where the last handle goes.
static void leave_from_destructors(void) {
    graph("ab ba c");
    on_destroy = leave_too_often;
    drop("abc");
    EXPECT_EQ(2, rc_collect());
    on_destroy = NULL;
    EXPECT_EQ(3, strlen(gone()));
}

// Another thread could enter while destructors run.
TEST(heap_left_by_its_destructor_is_a_fault_that_changes_nothing) {
    faults_begin();
    leave_from_destructors();
}

// Whether it is entered several times in a row, or with another heap between.
TEST(entries_of_a_program_are_not_left_by_destructors) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    for (int times = 1; times <= 3; times++)
        for (int between = 0; between <= 1; between++) {
            faults_begin();
            for (int i = 0; i < times; i++)
                rc_heap_enter(h);
            if (between)
                rc_heap_enter(k), rc_heap_enter(h);
            leave_from_destructors();
            forget();
            if (between)
                rc_heap_leave(h), rc_heap_leave(k);
            for (int i = 0; i < times; i++) {
                EXPECT_PTR(h, rc_heap_current());
                rc_heap_leave(h);
            }
            EXPECT_NO_FAULT();
            EXPECT_PTR(NULL, rc_heap_current());
        }
    free_heap(h);
    free_heap(k);
}

TEST(heap_left_in_the_wrong_order_is_a_fault_that_changes_nothing) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    faults_begin();
    rc_heap_enter(h);
    rc_heap_enter(k);
    rc_heap_leave(h);
    EXPECT_FAULT(RC_FAULT_HEAP, "rc_heap_leave");
    EXPECT_PTR(k, rc_heap_current());
    rc_heap_leave(k);
    EXPECT_PTR(h, rc_heap_current());
    rc_heap_leave(h);
    EXPECT_NO_FAULT();
    free_heap(h);
    free_heap(k);
}

TEST(null_heap_is_a_fault) {
    faults_begin();
    rc_heap_enter(NULL);
    EXPECT_FAULT(RC_FAULT_NULL, "rc_heap_enter");
    EXPECT(!rc_heap_try_enter(NULL));
    EXPECT_FAULT(RC_FAULT_NULL, "rc_heap_try_enter");
    rc_heap_leave(NULL);
    EXPECT_EQ(1, faults_seen());
    EXPECT_STR("rc_heap_leave", last_fault()->call);
    EXPECT_PTR(NULL, rc_heap_current());
    EXPECT_PTR(NULL, rc_heap_of(NULL));
}

TEST(default_heap_can_be_freed_and_made_again) {
    for (int i = 0; i < 3; i++) {
        graph("ab ba");
        drop("ab");
        EXPECT_EQ(0, rc_heap_free(rc_heap_default()));
        EXPECT_STR("ab", gone_sorted());
        forget();
    }
}

TEST(thousands_of_heaps_come_and_go) {
    enum { N = 2000 };
    static struct rc_heap *heaps[N];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            heaps[i] = new_heap();
            rc_heap_enter(heaps[i]);
            struct node *n = rc_new(&node_type);
            REQUIRE(n);
            n->name = 'n';
            rc_give(&n->x, n);
            rc_heap_leave(heaps[i]);
        }
        for (int i = 0; i < N; i++)
            EXPECT_EQ(0, rc_heap_free(heaps[i]));
        EXPECT_EQ(N, strlen(gone()));
        forget();
    }
}

TEST(too_many_heaps_are_out_of_memory, .limit = 60) {
    enum { MANY = 70000 };
    static struct rc_heap *heaps[MANY];
    int n = 0;
    while (n < MANY && (heaps[n] = rc_heap_new(NULL)))
        n++;
    EXPECT(n >= 16000 && n < MANY);
    EXPECT_EQ(ENOMEM, errno);
    while (n > 0)
        EXPECT_EQ(0, rc_heap_free(heaps[--n]));
    free_heap(new_heap());
}

static void *stays_inside(void *arg) {
    void **with = arg; // the heap, and who is told that it is inside, and who tells it to leave
    rc_heap_enter(with[0]);
    sem_post(with[1]);
    sem_wait(with[2]);
    rc_heap_leave(with[0]);
    return NULL;
}

TEST(child_goes_on_inside_the_heaps_of_the_thread_that_forked) {
    struct rc_heap *inside = new_heap(), *free_one = new_heap(), *other = new_heap();
    sem_t entered, end;
    sem_init(&entered, 0, 0);
    sem_init(&end, 0, 0);
    pthread_t thread;
    REQUIRE(!pthread_create(&thread, NULL, stays_inside, (void *[]){other, &entered, &end}));
    sem_wait(&entered);
    rc_heap_enter(inside);
    graph("ab bc ca");
    drop("abc");
    rc_collect_step(0);
    EXPECT(rc_collect_phase() != RC_PHASE_IDLE);
    pid_t child = fork();
    if (!child) {
        bool ok = rc_collect() == 3 && !rc_heap_try_enter(other);
        rc_heap_enter(free_one);
        rc_release(rc_new(&node_type));
        rc_heap_leave(free_one);
        rc_heap_leave(inside);
        _exit(!ok || rc_heap_free(free_one) || rc_heap_free(inside));
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(0, status);
    EXPECT_EQ(3, rc_collect()); // and the parent's have not noticed
    rc_heap_leave(inside);
    sem_post(&end);
    pthread_join(thread, NULL);
    free_heap(inside);
    free_heap(free_one);
    free_heap(other);
}

// ---- freeing a heap

//   a <--> b --> c, d alone, all of it without handles but c, d
TEST(freeing_destroys_all_that_is_left_and_counts_what_handles_referred_to) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("ab ba bc d");
    drop("ab");
    rc_heap_leave(h);
    EXPECT_EQ(2, rc_heap_free(h));
    EXPECT_STR("abcd", gone_sorted());
}

TEST(freeing_is_allowed_from_inside_and_leaves) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("ab ba");
    drop("ab");
    EXPECT_EQ(0, rc_heap_free(h));
    EXPECT_PTR(NULL, rc_heap_current());
    EXPECT_STR("ab", gone_sorted());
}

TEST(freeing_an_empty_heap_gives_zero) {
    EXPECT_EQ(0, rc_heap_free(new_heap()));
}

static char seen_by_finalizer[8];
static void finalizer_reads_its_graph(struct node *node) {
    EXPECT_STR("", gone()); // all finalizers run before any destructor
    seen_by_finalizer[strlen(seen_by_finalizer)] = node->x->name;
}

TEST(freeing_runs_finalizers_then_destructors_then_frees) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("Ab bC Ca");
    on_finalize = finalizer_reads_its_graph;
    rc_heap_leave(h);
    EXPECT_EQ(4, rc_heap_free(h));
    EXPECT_EQ(2, strlen(finalized()));
    EXPECT_EQ(2, strlen(seen_by_finalizer));
    EXPECT_STR("ACab", gone_sorted());
}

// What destructors do with handles that they keep outside of slots.
static struct node *handle_of_b;
static void gives_up_its_handle(struct node *node) {
    if (node->name == 'a')
        rc_release(handle_of_b);
}

//   a, b: a's destructor gives up a handle of b, whichever of them is destroyed first
TEST(destructors_may_release_handles_when_a_heap_is_freed) {
    faults_begin();
    for (const char *names = "ab|ba"; names; names = strchr(names, '|') ? strchr(names, '|') + 1 : NULL) {
        forget();
        struct rc_heap *h = new_heap();
        rc_heap_enter(h);
        graph((char[]){names[0], ' ', names[1], 0});
        handle_of_b = at('b');
        on_destroy = gives_up_its_handle;
        rc_heap_leave(h);
        EXPECT_EQ(2, rc_heap_free(h));
        EXPECT_STR("ab", gone_sorted());
    }
    EXPECT_NO_FAULT();
}

static int refused_births;
static void gives_birth(struct node *node) {
    (void)node;
    errno = 0;
    if (!rc_new(&node_type))
        refused_births += errno == ECANCELED;
}

TEST(destructors_make_no_objects_when_a_heap_is_freed) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("ab");
    on_destroy = gives_birth;
    rc_heap_leave(h);
    EXPECT_EQ(2, rc_heap_free(h));
    EXPECT_EQ(2, refused_births);
}

static void gives_birth_before(struct node *node) {
    if (node->name == 'F')
        graph("nn");
}

TEST(finalizers_may_make_objects_when_a_heap_is_freed) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("F");
    on_finalize = gives_birth_before;
    rc_heap_leave(h);
    EXPECT_EQ(2, rc_heap_free(h)); // F and n: graph() holds both
    EXPECT_STR("Fn", gone_sorted());
}

static void reads_its_neighbour(struct node *node) {
    if (node->x)
        EXPECT(node->x->name >= 'a' && node->x->name <= 'd');
}

TEST(destructors_may_read_their_neighbours_when_a_heap_is_freed) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("ab bc cd da");
    on_destroy = reads_its_neighbour;
    drop("abcd");
    rc_heap_leave(h);
    EXPECT_EQ(0, rc_heap_free(h));
    EXPECT_EQ(4, strlen(gone()));
}

// In the middle of any phase.
TEST(freeing_works_in_each_phase_of_a_collection) {
    for (unsigned units = 0; units < 60; units++) {
        struct rc_heap *h = new_heap();
        rc_heap_enter(h);
        graph("ab ba Cd dC ae");
        drop("abCd");
        for (unsigned i = 0; i < units; i++)
            rc_collect_step(0);
        rc_heap_leave(h);
        EXPECT(is_there('e')); // by its handle, whatever became of the cycles
        EXPECT_EQ(1, rc_heap_free(h));
        EXPECT_STR("Cabde", gone_sorted());
        forget();
    }
}

TEST(weak_references_give_null_when_the_heap_is_gone) {
    struct rc_heap *h = new_heap();
    rc_heap_enter(h);
    graph("a");
    struct rc_weak *weak = rc_weak_new(at('a'));
    REQUIRE(weak);
    rc_heap_leave(h);
    EXPECT_EQ(1, rc_heap_free(h));
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
}

// ---- the default heap is another thread's

static pthread_t newcomer;

static void *new_there(void *arg) {
    (void)arg;
    void *obj = rc_new(&node_type);
    EXPECT(obj != NULL);
    rc_release(obj);
    if (obj)
        rc_heap_leave(rc_heap_default());
    return NULL;
}

static void meet_newcomer(struct rc_heap *heap) {
    if (heap != rc_heap_default())
        return;
    REQUIRE(pthread_create(&newcomer, NULL, new_there, NULL) == 0);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); // it comes meanwhile, or afterwards
}

// A thread that is out of numbers for classes holds each heap that nobody is inside for a moment.
TEST(heap_that_is_only_visited_can_be_entered_by_a_first_object) {
    REQUIRE(rc_heap_default());
    EXPECT_PTR(NULL, rc_heap_current());
    rc__heaps_visit(meet_newcomer);
    pthread_join(newcomer, NULL);
}

static void *each_call(void *arg) {
    size_t *done = arg;
    struct rc_stats s = {.objects = 77};
    struct rc_pauses p;
    struct rc_pace_goals goals = {.time_share = 7};
#define OUTSIDE(call) ((call), EXPECT_EQ(1, faults_seen()), EXPECT_EQ(RC_FAULT_OUTSIDE, last_fault()->kind), ++*done)
    OUTSIDE(EXPECT_PTR(NULL, rc_new(&node_type)));
    OUTSIDE(EXPECT_EQ(0, rc_collect()));
    OUTSIDE(EXPECT_EQ(RC_STEP_IDLE, rc_collect_step(1000)));
    OUTSIDE(EXPECT_EQ(0, rc_collect_pending()));
    OUTSIDE(rc_collect_cancel());
    OUTSIDE(EXPECT_EQ(RC_PHASE_IDLE, rc_collect_phase()));
    OUTSIDE(rc_stats(&s));
    OUTSIDE(rc_census(NULL, NULL));
    OUTSIDE(EXPECT_EQ(RC_PACE_NEVER, rc_pace_next()));
    OUTSIDE(EXPECT(!rc_pace_is_urgent()));
    OUTSIDE(EXPECT_EQ(RC_PACE_NEVER, rc_pace_step(1000)));
    OUTSIDE(rc_pace_pressure());
    OUTSIDE(rc_pace_set(&goals));
    OUTSIDE(rc_pace_get(&goals));
    OUTSIDE(EXPECT(!rc_pauses_record(true)));
    OUTSIDE(rc_pauses(&p));
    OUTSIDE(rc_pauses_dump(stdout));
    OUTSIDE(EXPECT_PTR(NULL, rc_string_intern("text")));
    OUTSIDE(EXPECT(!rc_type_forget(&node_type)));
    EXPECT_EQ(0, s.objects);
    EXPECT(goals.time_share == 0);
    EXPECT_EQ(0, p.slices.count);
    EXPECT_PTR(NULL, rc_heap_current());
    return NULL;
}

TEST(calls_of_a_thread_that_is_inside_no_heap_are_faults_while_another_is_inside_the_default_heap) {
    pthread_t thread;
    size_t done = 0;
    graph("a");
    faults_begin();
    REQUIRE(pthread_create(&thread, NULL, each_call, &done) == 0);
    pthread_join(thread, NULL);
    EXPECT_EQ(19, done);
    EXPECT_EQ(1, stats().objects);
    drop("a");
}

// ---- heaps side by side

//   (h) a --> b (k)
TEST(link_into_another_heap_counts_as_a_handle_there) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(k);
    graph("b");
    struct node *b = at('b');
    rc_heap_leave(k);
    rc_heap_enter(h);
    graph("a");
    rc_set(&at('a')->x, b);
    rc_heap_leave(h);
    rc_heap_enter(k);
    EXPECT_EQ(2, rc_handles(b));
    EXPECT_EQ(0, rc_links(b));
    drop("b");
    rc_collect();
    EXPECT_STR("", gone());
    rc_heap_leave(k);
    rc_heap_enter(h);
    drop("a");
    rc_heap_leave(h);
    EXPECT_STR("a", gone()); // b dies inside its own heap, not here
    rc_heap_enter(k);
    rc_collect();
    EXPECT_STR("ab", gone());
    rc_heap_leave(k);
    free_heap(h);
    free_heap(k);
}

//   (h) a --> b (k), and h is freed
TEST(freeing_a_heap_releases_its_links_into_other_heaps) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(k);
    graph("b");
    struct node *b = at('b');
    rc_heap_leave(k);
    rc_heap_enter(h);
    graph("a");
    rc_give(&at('a')->x, b);
    drop("a");
    rc_heap_leave(h);
    rc_heap_enter(k);
    rc_collect();
    EXPECT_STR("ab", gone());
    rc_heap_leave(k);
    free_heap(h);
    free_heap(k);
}

TEST(freeing_a_heap_with_live_links_into_another_releases_them) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(k);
    graph("b c");
    struct node *b = at('b'), *c = at('c');
    rc_heap_leave(k);
    rc_heap_enter(h);
    graph("aa");
    rc_set(&at('a')->y, b);
    struct vector *v = vector_new(3);
    rc_set(&v->slots[1], c);
    rc_heap_leave(h);
    EXPECT_EQ(2, rc_heap_free(h));
    rc_heap_enter(k);
    EXPECT_EQ(1, rc_handles(b));
    EXPECT_EQ(1, rc_handles(c));
    drop("bc");
    rc_heap_leave(k);
    free_heap(k);
    EXPECT_STR("abc", gone());
}

TEST(collections_of_heaps_are_their_own) {
    struct rc_heap *h = new_heap(), *k = new_heap();
    rc_heap_enter(h);
    graph("ab ba");
    drop("ab");
    rc_heap_enter(k);
    graph("cd dc");
    drop("cd");
    EXPECT_EQ(2, rc_collect());
    EXPECT_STR("cd", gone_sorted());
    EXPECT_EQ(0, stats().objects);
    rc_heap_leave(k);
    EXPECT_EQ(2, stats().objects);
    EXPECT_EQ(2, rc_collect());
    rc_heap_leave(h);
    free_heap(h);
    free_heap(k);
}

// ---- the allocator hook

static size_t blocks, bytes, most_bytes;
static int allocator_arg;

static void *counting_alloc(size_t size, size_t align, void *arg) {
    EXPECT_PTR(&allocator_arg, arg);
    EXPECT(align > 0 && (align & (align - 1)) == 0);
    size_t *block = aligned_alloc(align < 16 ? 16 : align, (size + 31) & ~(size_t)15);
    REQUIRE(block);
    blocks++;
    bytes += size;
    most_bytes = bytes > most_bytes ? bytes : most_bytes;
    memset(block, 0xa5, size);
    return block;
}

static void counting_free(void *memory, size_t size, void *arg) {
    EXPECT_PTR(&allocator_arg, arg);
    EXPECT(blocks > 0 && bytes >= size);
    blocks--;
    bytes -= size;
    free(memory);
}

static const struct rc_allocator counting = {counting_alloc, counting_free, &allocator_arg};

TEST(all_memory_of_a_heap_goes_through_its_hook_and_comes_back) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.name = "hooked", .allocator = &counting});
    REQUIRE(h);
    rc_heap_enter(h);
    size_t before = blocks;
    graph("ab ba Cd dC e");
    EXPECT(blocks >= before + 5); // each object is an allocation of its own
    struct vector *v = vector_new(100);
    for (int i = 0; i < 100; i++)
        rc_give_slot(&v->slots[i], rc_new_sized(&node_type, (size_t)i * 50));
    struct rc_weak *weak = rc_weak_new(v);
    rc_release(v);
    drop("abCd");
    rc_collect();
    EXPECT_PTR(NULL, rc_weak_get(weak));
    rc_weak_release(weak);
    drop("e");
    rc_heap_leave(h);
    free_heap(h);
    EXPECT_EQ(0, blocks);
    EXPECT_EQ(0, bytes);
}

TEST(memory_is_zeroed_whatever_the_hook_returns) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.allocator = &counting});
    REQUIRE(h);
    rc_heap_enter(h);
    for (int i = 0; i < 100; i++) {
        static const char zero[1000];
        struct node *n = rc_new_sized(&node_type, 900);
        EXPECT_EQ(0, memcmp(n, zero, sizeof *n + 900));
        memset((char *)n + sizeof *n, 0xff, 900);
        rc_release(n);
    }
    rc_heap_leave(h);
    free_heap(h);
    EXPECT_EQ(0, blocks);
}

// ---- what one release may do at most

//   a list of 100, released with a limit of 10: ten at a time
TEST(release_limit_bounds_what_a_release_destroys) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.release_limit = 10});
    REQUIRE(h);
    rc_heap_enter(h);
    struct node *head = NULL;
    for (int i = 0; i < 100; i++) {
        struct node *n = rc_new(&node_type);
        n->name = 'n';
        rc_give(&n->x, head);
        head = n;
    }
    rc_release(head);
    EXPECT_EQ(10, strlen(gone()));
    EXPECT_EQ(90, stats().objects);
    EXPECT(stats().dead > 0);
    EXPECT(rc_collect_pending() > 0);
    size_t at_once = 0, before = strlen(gone());
    while (rc_collect_step(0) == RC_STEP_MORE) {
        size_t now = strlen(gone());
        at_once = now - before > at_once ? now - before : at_once;
        before = now;
    }
    EXPECT_AT_MOST(10, at_once);
    EXPECT_EQ(100, strlen(gone()));
    EXPECT_EQ(0, stats().dead);
    EXPECT_EQ(0, rc_collect_pending());
    rc_heap_leave(h);
    free_heap(h);
}

TEST(collect_finishes_what_limited_releases_left) {
    struct rc_heap *h = rc_heap_new(&(struct rc_heap_options){.release_limit = 1});
    REQUIRE(h);
    rc_heap_enter(h);
    graph("ab bc cd de ef");
    drop("bcdef");
    drop("a");
    EXPECT_STR("a", gone());
    EXPECT_EQ(5, rc_collect());
    EXPECT_STR("abcdef", gone());
    rc_heap_leave(h);
    free_heap(h);
}

// SPDX-License-Identifier: MIT
// See scheduler.h. The threads are real ones, made once; each waits until the one that runs hands on to it.
#define _GNU_SOURCE
#include "scheduler.h"

#include "rc/atomic.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = -1, MAIN = -2, LOCKS = 64, WORDS = 1 << 14, CHOICES = 1 << 14, SWITCHES = 1 << 12, OPERATIONS = 1 << 20 };

struct lock {
    const pthread_mutex_t *mutex;
    int owner;
};

static struct thread {
    pthread_t thread;
    sem_t turn;
    bool done;
    const struct lock *wants; // waits for it
} threads[THREADS_MAX];
static __thread int self = MAIN;
static sem_t all_done;
static const struct scenario *scenario;

// ---- of the run under way

static int thread_count;
static unsigned operations; // begun so far, ends of threads included
static int preemptions, bound;
static struct lock locks[LOCKS];
static size_t lock_count;
static struct {
    unsigned at; // number of the operation before which
    int to;      // this thread goes on
} switches[SWITCHES];
static size_t switch_count;
static bool repeating;        // switches are given, up to
static size_t repeat, repeat_count;
static bool learned;          // a word turned out to be used by several threads
static struct {
    const char *start;
    size_t size;
    unsigned id;
} alias[32];
static size_t alias_count;

// ---- what is to be tried: the path of the last run through the tree of choices

static struct {
    unsigned char pick, of;
} path[CHOICES];
static size_t path_length, depth;

// Who uses a word, in any run so far.
static struct word {
    uintptr_t key;
    unsigned char readers, writers;
} words[WORDS];

static void print_string(FILE *to) {
    fprintf(to, "%s:", scenario->name);
    for (size_t i = 0; i < switch_count; i++)
        fprintf(to, "%c%u", 'a' + switches[i].to, switches[i].at);
}

static void print_run(void) {
    fprintf(stderr, "repeat it with: -r ");
    print_string(stderr);
    fputc('\n', stderr);
    fflush(stdout);
}

void failed(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fflush(stdout); // or the line would come amid the steps of a run that is repeated
    fprintf(stderr, "FAILED %s: ", scenario->name);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    print_run();
    _exit(1);
}

static void on_signal(int number) {
    static volatile sig_atomic_t once;
    if (once++)
        _exit(1);
    failed("signal %d (%s)", number, number == SIGALRM ? "it does not end" : strsignal(number));
}

void same_words(const void *start, size_t size, unsigned id) {
    if (alias_count == sizeof alias / sizeof *alias)
        failed("more than %zu words have a number", alias_count);
    alias[alias_count].start = start;
    alias[alias_count].size = size;
    alias[alias_count++].id = id;
}

static uintptr_t key_of(const volatile void *place) {
    const char *at = (const char *)(uintptr_t)place;
    for (size_t i = 0; i < alias_count; i++)
        if (at >= alias[i].start && at < alias[i].start + alias[i].size)
            return alias[i].id * 4096 + (size_t)(at - alias[i].start) + 1;
    return (uintptr_t)at & ~(uintptr_t)3; // class and handles are one word, and a half of it
}

// Whether an operation of another thread can meet this one; notes this one.
static bool is_met(const volatile void *place, bool writes) {
    uintptr_t key = key_of(place);
    size_t i = (key * UINT64_C(0x9E3779B97F4A7C15)) >> 50;
    while (words[i].key && words[i].key != key)
        i = (i + 1) % WORDS;
    struct word *word = &words[i];
    unsigned char *set = writes ? &word->writers : &word->readers, me = (unsigned char)(1u << self);
    word->key = key;
    if (!(*set & me)) {
        *set |= me;
        if ((word->readers | word->writers) & ~me)
            learned = true;
    }
    return (writes ? word->readers | word->writers : word->writers) & ~me;
}

static bool can_run(int i) {
    return !threads[i].done && !(threads[i].wants && threads[i].wants->owner != NOBODY);
}

static int choose(int current) {
    int option[THREADS_MAX], n = 0;
    unsigned pick = 0;
    bool goes_on = current >= 0 && can_run(current);
    if (goes_on)
        option[n++] = current;
    if (!goes_on || preemptions < bound || repeating)
        for (int i = 0; i < thread_count; i++)
            if (i != current && can_run(i))
                option[n++] = i;
    if (!n) {
        for (int i = 0; i < thread_count; i++)
            if (!threads[i].done)
                failed("deadlock: thread %c waits for a lock that thread %c has", 'a' + i, 'a' + threads[i].wants->owner);
        return NOBODY;
    }
    if (repeating) {
        if (repeat < repeat_count && switches[repeat].at == operations) {
            while (pick < (unsigned)n && option[pick] != switches[repeat].to)
                pick++;
            if (pick == (unsigned)n)
                failed("thread %c cannot run at operation %u: not a run of this build", 'a' + switches[repeat].to,
                       operations);
            repeat++;
        } else if (!goes_on) {
            failed("nobody is named to go on at operation %u: not a run of this build", operations);
        }
    } else if (n > 1) {
        if (depth == CHOICES)
            failed("more than %d choices", CHOICES);
        if (depth == path_length) {
            path[path_length].pick = 0;
            path[path_length++].of = (unsigned char)n;
        } else if (path[depth].of != n) {
            failed("other choices at operation %u than last time: the scenario is not deterministic", operations);
        }
        pick = path[depth++].pick;
    }
    preemptions += goes_on && pick;
    if (option[pick] != current && !repeating) {
        if (switch_count == SWITCHES)
            failed("more than %d switches", SWITCHES);
        switches[switch_count].at = operations;
        switches[switch_count++].to = option[pick];
    }
    return option[pick];
}

// This thread is at an operation, before which another one may go on.
static void pass_on(void) {
    int next = choose(self);
    if (next == self)
        return;
    int me = self;
    sem_post(&threads[next].turn);
    while (sem_wait(&threads[me].turn))
        continue;
}

static void count(const char *what, const volatile void *place) {
    if (++operations == OPERATIONS)
        failed("%d operations and no end", OPERATIONS);
    if (repeating)
        printf("%5u %c %s %p\n", operations, 'a' + self, what, (void *)(uintptr_t)place);
}

void rc__schedule(const volatile void *word, bool writes) {
    if (self >= 0) {
        count(writes ? "writes" : "reads ", word);
        if (is_met(word, writes) || repeating)
            pass_on();
    }
    memory_look(word);
}

static struct lock *lock_of(const pthread_mutex_t *mutex) {
    for (size_t i = 0; i < lock_count; i++)
        if (locks[i].mutex == mutex)
            return &locks[i];
    if (lock_count == LOCKS)
        failed("more than %d locks", LOCKS);
    locks[lock_count] = (struct lock){mutex, NOBODY};
    return &locks[lock_count++];
}

bool rc__schedule_lock(pthread_mutex_t *mutex, bool wait) {
    if (!scenario)
        return true;
    struct lock *lock = lock_of(mutex);
    if (self >= 0) {
        count(wait ? "locks " : "tries ", mutex);
        threads[self].wants = wait ? lock : NULL;
        if (is_met(mutex, true) || !can_run(self) || repeating)
            pass_on();
        threads[self].wants = NULL;
    } else if (lock->owner != NOBODY && wait) {
        failed("a lock is still taken when all threads have ended");
    }
    memory_look(mutex);
    if (lock->owner != NOBODY)
        return false;
    lock->owner = self;
    return true;
}

void rc__schedule_unlock(pthread_mutex_t *mutex) {
    if (!scenario)
        return;
    struct lock *lock = lock_of(mutex);
    if (self >= 0) {
        count("unlocks", mutex);
        if (is_met(mutex, true) || repeating)
            pass_on();
    }
    memory_look(mutex);
    if (lock->owner != self)
        failed("a lock is given back that the thread does not have");
    lock->owner = NOBODY;
}

void rc__schedule_must_hold(const pthread_mutex_t *mutex) {
    if (scenario && lock_of(mutex)->owner != self)
        failed("something is done under a lock that the thread does not have");
}

static void *run_thread(void *arg) {
    self = (int)((struct thread *)arg - threads);
    for (;;) {
        while (sem_wait(&threads[self].turn))
            continue;
        scenario->thread[self]();
        operations++;
        threads[self].done = true;
        int next = choose(self);
        sem_post(next == NOBODY ? &all_done : &threads[next].turn);
    }
    return NULL;
}

static void start(const struct scenario *s) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one); // handing on is quicker
    scenario = s;
    for (thread_count = 0; thread_count < THREADS_MAX && s->thread[thread_count]; thread_count++) {
        sem_init(&threads[thread_count].turn, 0, 0);
        pthread_create(&threads[thread_count].thread, NULL, run_thread, &threads[thread_count]);
    }
    sem_init(&all_done, 0, 0);
    const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGALRM};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], on_signal);
}

static void run_once(void) {
    operations = 0;
    preemptions = 0;
    depth = lock_count = alias_count = 0;
    if (!repeating)
        switch_count = 0;
    for (int i = 0; i < thread_count; i++)
        threads[i].done = false;
    memory_begin();
    scenario->begin();
    sem_post(&threads[choose(NOBODY)].turn);
    while (sem_wait(&all_done))
        continue;
    scenario->end();
    memory_end();
}

// On to the next path. false: there is none.
static bool next_path(void) {
    while (path_length && path[path_length - 1].pick + 1 == path[path_length - 1].of)
        path_length--;
    if (path_length)
        path[path_length - 1].pick++;
    return path_length > 0;
}

void search_all(const struct scenario *s, int most) {
    time_t begun = time(NULL);
    unsigned long long runs[PREEMPTIONS_MAX + 1] = {0}, all = 0;
    unsigned longest = 0;
    start(s);
    for (bound = 0; bound <= most; bound++) {
        path_length = 0;
        do {
            learned = false;
            alarm(60);
            run_once();
            if (operations > longest)
                longest = operations;
            if (learned) { // anew
                bound = 0;
                path_length = 0;
                memset(runs, 0, sizeof runs);
            } else {
                runs[bound] += preemptions == bound;
            }
        } while (learned || next_path());
    }
    printf("%-28s", s->name);
    for (int i = 0; i <= most; i++) {
        printf(" %9llu", runs[i]);
        all += runs[i];
    }
    printf("   %llu runs of up to %u operations, %.0f s\n", all, longest, difftime(time(NULL), begun));
}

void run_again(const struct scenario *s, const char *string) {
    int used;
    char thread;
    for (unsigned at; sscanf(string, "%c%u%n", &thread, &at, &used) == 2; string += used) {
        switches[switch_count].at = at;
        switches[switch_count++].to = thread - 'a';
    }
    repeat_count = switch_count;
    repeating = true;
    bound = PREEMPTIONS_MAX;
    start(s);
    alarm(60);
    run_once();
    printf("%s: nothing went wrong in %u operations\n", s->name, operations);
}

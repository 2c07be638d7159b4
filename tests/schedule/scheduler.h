// SPDX-License-Identifier: MIT
// Runs the threads of a scenario in every order of their operations.
//
// The runtime, built with RC_SCHEDULE, asks before each operation that another thread can see (rc/atomic.h) whether it is
// to go on. One thread runs at a time, so a run is decided by the answers alone, and can be repeated. All runs with at most
// so many preemptions are made: a preemption takes a thread off that could go on; whom to run when one waits for a lock, or
// has ended, is tried in every way and costs nothing. First those without, then those with one, and so on: iterative
// context bounding (Musuvathi and Qadeer, PLDI 2007), which found that nearly all bugs need no more than two.
//
// A thread is preempted only before an operation that another thread's can meet: on a word that both use and one writes.
// Which words these are is learned: when a run shows a new one, all is begun anew. What is left out is an order in which
// neighbours have changed places that do not touch.
//
// What this does not see: weak memory (each operation is the next for all threads; ThreadSanitizer and the orders stated in
// rc/atomic.h are for that), and two threads in plain memory at once, unless a freed block is used.
#ifndef TESTS_SCHEDULE_SCHEDULER_H
#define TESTS_SCHEDULE_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>

enum { THREADS_MAX = 3, PREEMPTIONS_MAX = 8 };

struct scenario {
    const char *name;
    const char *about;
    void (*begin)(void);                // before any thread runs
    void (*thread[THREADS_MAX])(void);  // as many as there are
    void (*end)(void);                  // when all have ended: the verdict
    struct scenario *next;
};

// Ends the program with this message and the string that repeats the run.
void failed(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define MUST(condition) ((condition) ? (void)0 : failed("%s:%d: %s", __FILE__, __LINE__, #condition))

// Words that are at another place in each run but mean the same: [size] bytes from [start] on are number [id].
void same_words(const void *start, size_t size, unsigned id);

// Makes all runs of [s] with at most [preemptions] preemptions and prints how many those were.
void search_all(const struct scenario *s, int preemptions);
// Repeats one run, given the part of its string behind the name, and prints its operations.
void run_again(const struct scenario *s, const char *string);

// memory.c: all that the runtime allocates. Blocks that are freed stay, poisoned, until the end of the run.
void memory_begin(void);
// Nothing may be left, and nothing may have been written to what was freed.
void memory_end(void);
void memory_look(const volatile void *word); // which is to be used: fails if it was freed
void *memory_new(size_t size, size_t align, void *arg);
void memory_free(void *memory, size_t size, void *arg);

#endif

// SPDX-License-Identifier: MIT
// Collecting in the idle time of a plain poll loop, without any library for loops. A request is a byte in a pipe; each makes
// some garbage, in rings. In between the loop sleeps until there is a request or until the collector says that a slice is
// worth taking. Another thread that releases handles wakes it up through a second pipe.
//
// The requests come in bursts from a child process, for half a second. The program ends when they do, and fails if then
// something is left a second later.
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <poll.h>
#include <refcyc/refcyc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct node {
    struct node *next;
};
static RC_TYPE(node, struct node, .slots = RC_SLOTS(RC_LINK(struct node, next)));

static void request_serve(void) {
    for (int ring = 0; ring < 50; ring++) {
        struct node *first = rc_new(&node_type), *last = first;
        for (int i = 1; i < 10; i++) {
            struct node *n = rc_new(&node_type);
            rc_give(&last->next, n);
            last = n;
        }
        rc_give(&last->next, first);
    }
}

// The wake function: on the thread that left work for the heap.
static void bell_ring(void *arg) {
    if (write(*(int *)arg, "", 1) < 0)
        return; // the pipe is full, and so the loop wakes up anyway
}

static int timeout_of(uint64_t ns) {
    return ns == RC_PACE_NEVER ? -1 : ns > 1000000000 ? 1000 : (int)((ns + 999999) / 1000000);
}

static void requests_send(int out) {
    for (int i = 0; i < 100; i++) {
        nanosleep(&(struct timespec){.tv_nsec = i % 10 ? 500000 : 45000000}, NULL);
        if (write(out, "", 1) != 1)
            _exit(1);
    }
    _exit(0);
}

// Serves requests until their end, and collects when there are none. Returns how often it slept.
static unsigned loop(int requests, int bell) {
    struct pollfd fds[] = {{.fd = requests, .events = POLLIN}, {.fd = bell, .events = POLLIN}};
    unsigned sleeps = 0;
    for (;;) {
        char bytes[64];
        // The slice, if one is due and nobody waits - or if one is urgent, somebody waits or not.
        if (rc_pace_is_urgent() || poll(fds, 2, 0) == 0)
            rc_pace_step(UINT64_MAX);
        sleeps++;
        if (poll(fds, 2, timeout_of(rc_pace_next())) < 0)
            exit(1);
        if (fds[1].revents & POLLIN && read(bell, bytes, sizeof bytes) < 0)
            exit(1);
        if (fds[0].revents & (POLLIN | POLLHUP)) {
            if (read(requests, bytes, 1) <= 0)
                return sleeps;
            request_serve();
        }
    }
}

int main(void) {
    int requests[2], bell[2];
    if (pipe(requests) || pipe(bell) || fcntl(bell[0], F_SETFL, O_NONBLOCK) || fcntl(bell[1], F_SETFL, O_NONBLOCK))
        return 1;
    rc_heap_set_wake(rc_heap_default(), bell_ring, &bell[1]);
    if (fork() == 0)
        requests_send(requests[1]);
    close(requests[1]);
    unsigned sleeps = loop(requests[0], bell[0]);
    wait(NULL);

    // What is left: here the program has nothing else to wait for.
    for (uint64_t next; (next = rc_pace_step(UINT64_MAX)) != RC_PACE_NEVER;)
        poll(NULL, 0, timeout_of(next));
    struct rc_stats stats;
    rc_stats(&stats);
    printf("made %llu objects, %zu are left; %llu collections in %llu slices; slept %u times\n",
           (unsigned long long)stats.allocated, stats.objects, (unsigned long long)stats.collections,
           (unsigned long long)stats.slices, sleeps);
    rc_heap_set_wake(rc_heap_default(), NULL, NULL);
    return stats.objects != 0 || rc_heap_free(rc_heap_default()) != 0;
}

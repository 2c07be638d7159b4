// SPDX-License-Identifier: MIT
// Memory that runs out. Programs of the oracle run again and again, and each time another request of the library for
// memory fails: the 1st, the 2nd, the 3rd ..., once alone, and once with all that follow. Whatever the program does
// then, the oracle goes on checking; at its end memory is back, and all has to be exact: nothing lost, nothing left.
//
//     memory [-s seed] [-t seconds] [-z seconds]   random programs, until the time is over; -z: how long what fails may be
//                                                  shortened
//     memory -p program-seed -a request [-f]       one program with one request failing (-f: and all after it), printed
//     memory -r file -a request [-f]               the same, from a file
//
// The programs run in a child; of one that fails, the parent makes a short one that fails likewise, with whatever request.
// The linker puts the functions below in the place of malloc and its like (--wrap).
#include "clock.h"
#include "checked.h"
#include "program.h"
#include "random.h"
#include "shadow.h"
#include "shrink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern void *__real_malloc(size_t size);
extern void *__real_calloc(size_t n, size_t size);
extern void *__real_realloc(void *memory, size_t size);
extern int __real_posix_memalign(void **memory, size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
int __wrap_posix_memalign(void **memory, size_t align, size_t size);

// What the child tells its parent.
static struct report {
    uint64_t seed, at; // of the program under way, and which request fails
    bool forever;      // and all after it
    uint64_t runs, programs, failed;
    struct figures figures;
} *report;

static bool fails(void) {
    if (harness_exempt)
        return false;
    harness_asked++;
    if (!harness_fail_at || harness_asked < harness_fail_at ||
        (harness_asked > harness_fail_at && !harness_fail_forever))
        return false;
    report->failed++;
    harness_exempt++;
    say("// request %llu for memory is refused", (unsigned long long)harness_asked);
    harness_exempt--;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size) {
    return fails() ? NULL : __real_realloc(memory, size);
}

int __wrap_posix_memalign(void **memory, size_t align, size_t size) {
    return fails() ? ENOMEM : __real_posix_memalign(memory, align, size);
}

// Runs a program with request [at] failing; returns how many requests there were. The first run of a process has some
// more than those that follow, as tables are made which stay; so one with no request failing is made before.
static uint64_t run_with(const uint8_t *program, size_t size, uint64_t at, bool forever, bool loud) {
    static size_t made, held;
    harness_asked = 0;
    harness_fail_at = report->at = at;
    harness_fail_forever = report->forever = forever;
    program_run(program, size, loud);
    if (++made == 64)
        held = memory_in_use();
    else if (made > 64 && memory_in_use() > held + (1 << 20))
        fail("memory", "%zu bytes in use have become %zu in %zu runs", held, memory_in_use(), made);
    return harness_asked;
}

// A program that has failed, [loud] as it did. Not loud, for the shrinker: what has lost a few operations asks for less, so
// the request that fails is looked for, down from the one that last did.
static void run_again(const uint8_t *program, size_t size, bool loud) {
    uint64_t last = report->at;
    bool forever = report->forever;
    uint64_t requests = loud && !last ? 0 : run_with(program, size, 0, forever, false);
    if (loud) {
        run_with(program, size, last, forever, true);
        return;
    }
    for (uint64_t n = 0; last && n < requests; n++) {
        alarm(5);
        run_with(program, size, last > n ? last - n : requests - (n - last), forever, false);
    }
    report->at = last;
}

// Requests of a program that has many of them are not all tried, but the first and then ever fewer.
static void try_program(const uint8_t *program, size_t size, double end) {
    uint64_t requests = run_with(program, size, 0, false, false);
    for (uint64_t at = 1; at <= requests && now() < end; at += 1 + at / 64)
        for (int forever = 0; forever < 2; forever++) {
            alarm(120); // one that never ends has failed
            run_with(program, size, at, forever, false);
            report->runs++;
        }
    report->programs++;
    report->figures = w.figures;
}

static void work(uint64_t seed, double end) {
    static uint8_t program[PROGRAM_BYTES];
    while (now() < end) {
        report->seed = random_next(&seed);
        size_t size = program_random(report->seed, program);
        if (size <= HEADER_BYTES + 600 * OP_BYTES && program[0] < 8) // short ones, or there would be few of them
            try_program(program, size, end);
    }
    exit(0); // not _exit: a leak checker wants to be asked
}

static int report_failure(unsigned seconds) {
    static uint8_t program[PROGRAM_BYTES];
    size_t size = program_random(report->seed, program);
    printf("\nfailed: memory -p 0x%llx -a %llu%s\n", (unsigned long long)report->seed, (unsigned long long)report->at,
           report->forever ? " -f" : "");
    if (seconds) {
        char name[64];
        snprintf(name, sizeof name, "memory-%llx", (unsigned long long)report->seed);
        shrink_run = run_again;
        shrink_and_report(program, size, name, seconds);
        printf("---- again: memory -r %s.program -a %llu%s\n", name, (unsigned long long)report->at,
               report->forever ? " -f" : "");
    }
    return 1;
}

static int run(uint64_t seed, double seconds, unsigned shrink_seconds) {
    printf("memory: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    double start = now(), shown = start;
    pid_t child = fork();
    if (child == 0)
        work(seed, start + seconds);
    int status;
    while (waitpid(child, &status, WNOHANG) == 0) {
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        if (now() < shown + 5)
            continue;
        shown = now();
        printf("%6.0f s %9llu runs %12llu requests failed\n", shown - start, (unsigned long long)report->runs,
               (unsigned long long)report->failed);
        fflush(stdout);
    }
    printf("%llu programs, %llu runs, %llu operations, %llu requests failed, %llu collections called off\n",
           (unsigned long long)report->programs, (unsigned long long)report->runs,
           (unsigned long long)report->figures.ops, (unsigned long long)report->failed,
           (unsigned long long)report->figures.called_off);
    if (status != 0)
        return report_failure(shrink_seconds);
    printf("memory: no failure\n");
    return 0;
}

int main(int argc, char **argv) {
    static uint8_t program[PROGRAM_BYTES];
    size_t size = 0;
    double seconds = 20;
    uint64_t at = 0, seed = (uint64_t)time(NULL);
    bool forever = false;
    unsigned shrink_seconds = 120;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return 2;
    for (int option; (option = getopt(argc, argv, "s:t:z:p:r:a:f")) != -1;)
        switch (option) {
        case 's':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 't':
            seconds = strtod(optarg, NULL);
            break;
        case 'z':
            shrink_seconds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'p':
            size = program_random(strtoull(optarg, NULL, 0), program);
            break;
        case 'r':
            size = read_program(optarg, program);
            break;
        case 'a':
            at = strtoull(optarg, NULL, 0);
            break;
        case 'f':
            forever = true;
            break;
        default:
            return 2;
        }
    if (!size)
        return run(seed, seconds, shrink_seconds);
    report->at = at;
    report->forever = forever;
    run_again(program, size, true);
    printf("memory: no failure\n");
    return 0;
}

// SPDX-License-Identifier: MIT
// Memory that runs out. Programs of the oracle run again and again, and each time another request of the library for
// memory fails: the 1st, the 2nd, the 3rd ..., once alone, and once with all that follow. Whatever the program does
// then, the oracle goes on checking; at its end memory is back, and all has to be exact: nothing lost, nothing left.
//
//     memory [-s seed] [-t seconds]            random programs, until the time is over
//     memory -p program -a request [-f]        one program with one request failing (-f: and all after it), printed
//
// The linker puts the functions below in the place of malloc and its like (--wrap).
#include "checked.h"
#include "program.h"
#include "random.h"
#include "shadow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static uint64_t failed;

static bool fails(void) {
    if (harness_exempt)
        return false;
    harness_asked++;
    if (!harness_fail_at || harness_asked < harness_fail_at ||
        (harness_asked > harness_fail_at && !harness_fail_forever))
        return false;
    failed++;
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

static uint8_t program[PROGRAM_BYTES];
static uint64_t program_seed;

// Runs the program of [program_seed] with request [at] failing; returns how many requests there were.
static uint64_t run_with(uint64_t at, bool forever, bool loud) {
    static size_t made, held;
    size_t size = program_random(program_seed, program);
    harness_asked = 0;
    harness_fail_at = at;
    harness_fail_forever = forever;
    alarm(120);
    program_run(program, size, loud);
    if (++made == 64)
        held = memory_in_use();
    else if (made > 64 && memory_in_use() > held + (1 << 20))
        fail("memory", "%zu bytes in use have become %zu in %zu runs", held, memory_in_use(), made);
    return harness_asked;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t seed, runs, programs;
static double end, start;

// Requests of a program that has many of them are not all tried, but the first and then ever fewer.
static void try_program(void) {
    uint64_t requests = run_with(0, false, false);
    programs++;
    for (uint64_t at = 1; at <= requests && now() < end; at += 1 + at / 64)
        for (int forever = 0; forever < 2; forever++) {
            run_with(at, forever, false);
            runs++;
        }
}

static void on_failure(const char *what) {
    (void)what;
    fprintf(stderr, "again: memory -p 0x%llx -a %llu%s\n", (unsigned long long)program_seed,
            (unsigned long long)harness_fail_at, harness_fail_forever ? " -f" : "");
}

int main(int argc, char **argv) {
    double seconds = 20;
    uint64_t at = 0;
    bool forever = false, single = false;
    seed = (uint64_t)time(NULL);
    for (int option; (option = getopt(argc, argv, "s:t:p:a:f")) != -1;)
        switch (option) {
        case 's':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 't':
            seconds = strtod(optarg, NULL);
            break;
        case 'p':
            program_seed = strtoull(optarg, NULL, 0);
            single = true;
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
    if (single) {
        run_with(at, forever, true);
        printf("memory: no failure\n");
        return 0;
    }
    fail_hook = on_failure;
    printf("memory: seed %llu\n", (unsigned long long)seed);
    start = now();
    end = start + seconds;
    for (double shown = start; now() < end;) {
        program_seed = random_next(&seed);
        if (program_random(program_seed, program) > HEADER_BYTES + 600 * OP_BYTES || program[0] >= 8)
            continue; // short programs, or there would be few of them
        try_program();
        if (now() > shown + 5) {
            shown = now();
            printf("%6.0f s %9llu runs %12llu requests failed\n", shown - start, (unsigned long long)runs,
                   (unsigned long long)failed);
            fflush(stdout);
        }
    }
    printf("%llu programs, %llu runs, %llu operations, %llu requests failed, %llu collections called off\n",
           (unsigned long long)programs, (unsigned long long)runs, (unsigned long long)w.figures.ops,
           (unsigned long long)failed, (unsigned long long)w.figures.called_off);
    printf("memory: no failure\n");
    return 0;
}

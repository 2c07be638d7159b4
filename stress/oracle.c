// SPDX-License-Identifier: MIT
// Random programs against an oracle: a shadow graph kept by the program itself (shadow.h) says what may die and what
// must.
//
//     oracle [-s seed] [-t seconds] [-n operations] [-j processes] [-q] [-z seconds]
//                           runs until a limit is reached; -q: shows no progress,
//                           -z: how long what fails may be shortened; 0: not at all
//     oracle -r file...     runs programs from files, and prints them
//     oracle -c file...     the same, each in a child and without printing, and names those that fail
//     oracle -p seed        shortens the program with that seed
//
// Each program has a seed of its own, made from the seed of the run and its number. Programs run in child processes; of
// one that fails, the parent makes a short one that fails likewise, prints it and leaves it in a file.
#include "clock.h"
#include "checked.h"
#include "program.h"
#include "random.h"
#include "shadow.h"
#include "shrink.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS = 64 };

static struct options {
    uint64_t seed, ops;
    double seconds;
    unsigned jobs, shrink_seconds;
    bool is_quiet;
} options = {.ops = UINT64_MAX, .seconds = 10, .jobs = 1, .shrink_seconds = 120};

// What a child tells its parent.
struct report {
    uint64_t seed; // of the program under way
    struct figures figures;
};
static struct report *reports;

static uint64_t program_seed(uint64_t number) {
    uint64_t state = options.seed + number * UINT64_C(0x5851F42D4C957F2D);
    return random_next(&state);
}

// Every program gives all its memory back. What lies in the caches of malloc counts as used, hence the margin.
static void check_memory(void) {
    static size_t programs, held;
    if (++programs == 64)
        held = memory_in_use();
    else if (programs > 64 && memory_in_use() > held + (1 << 20))
        fail("memory", "%zu bytes in use have become %zu in %zu programs", held, memory_in_use(), programs);
}

static void work(unsigned job, double end) {
    static uint8_t program[PROGRAM_BYTES];
    for (uint64_t n = job; now() < end && w.figures.ops < options.ops / options.jobs; n += options.jobs) {
        uint64_t seed = program_seed(n);
        reports[job].seed = seed;
        alarm(120); // a program that never ends has failed
        program_run(program, program_random(seed, program), false);
        check_memory();
        reports[job].figures = w.figures;
    }
    exit(0); // not _exit: a leak checker wants to be asked
}

static struct figures total(void) {
    struct figures sum = {0};
    for (unsigned job = 0; job < options.jobs; job++)
        for (size_t i = 0; i < sizeof sum / sizeof(uint64_t); i++)
            ((uint64_t *)&sum)[i] += ((const uint64_t *)&reports[job].figures)[i];
    return sum;
}

static void print_figures(double seconds) {
    struct figures f = total();
    printf("%llu operations in %.0f s (%.2f million/s), %llu programs, %llu units of collection, %llu searches\n",
           (unsigned long long)f.ops, seconds, (double)f.ops / seconds / 1e6, (unsigned long long)f.programs,
           (unsigned long long)f.units, (unsigned long long)f.searches);
    printf("objects: %llu made, %llu destroyed by count, %llu by the collector\n", (unsigned long long)f.made,
           (unsigned long long)f.by_count, (unsigned long long)f.by_collector);
    printf("finalizers: %llu, of which %llu left their object alive; weak references: %llu gave garbage back to the "
           "program, %llu refused\n",
           (unsigned long long)f.finalized, (unsigned long long)f.resurrected, (unsigned long long)f.upgraded,
           (unsigned long long)f.refused);
    printf("collections: %llu whole, %llu called off, %llu of all heaps, %llu objects pardoned; %llu relayouts, %llu "
           "merges; %llu times elements of containers, %llu times entries of weak maps\n",
           (unsigned long long)f.collections, (unsigned long long)f.called_off, (unsigned long long)f.both,
           (unsigned long long)f.pardoned, (unsigned long long)f.relayouts, (unsigned long long)f.merges,
           (unsigned long long)f.elements, (unsigned long long)f.entries);
    printf("changes to objects in the graph:");
    for (int i = RC_PHASE_ROOTS; i < RC_PHASE_COUNT; i++)
        printf(" %s %llu", rc_phase_name((enum rc_phase)i), (unsigned long long)f.touched[i]);
    printf("\n");
}

static int report_failure(uint64_t seed) {
    static uint8_t program[PROGRAM_BYTES];
    size_t size = program_random(seed, program);
    printf("\nthe program with seed 0x%llx has failed (%zu operations)\n", (unsigned long long)seed,
           (size - HEADER_BYTES) / OP_BYTES);
    char name[64];
    snprintf(name, sizeof name, "oracle-%llx", (unsigned long long)seed);
    shrink_and_report(program, size, name, options.shrink_seconds);
    printf("---- again: oracle -r %s.program\n", name);
    return 1;
}

// Waits for the children; one that fails ends the run.
static int wait_for(pid_t *child, double start) {
    unsigned left = options.jobs;
    double shown = start;
    while (left) {
        int status;
        pid_t pid = waitpid(-1, &status, options.is_quiet ? 0 : WNOHANG);
        if (pid == 0) {
            if (now() - shown > 5) {
                shown = now();
                printf("%6.0f s %12llu operations\n", shown - start, (unsigned long long)total().ops);
                fflush(stdout);
            }
            nanosleep(&(struct timespec){0, 20000000}, NULL);
            continue;
        }
        unsigned job = 0;
        while (job < options.jobs && child[job] != pid)
            job++;
        if (pid < 0 || job == options.jobs)
            break;
        left--;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            continue;
        uint64_t seed = reports[job].seed;
        for (unsigned i = 0; i < options.jobs; i++)
            if (i != job)
                kill(child[i], SIGKILL);
        print_figures(now() - start);
        return options.shrink_seconds ? report_failure(seed) : 1;
    }
    return 0;
}

// Memory that is shared with the children. Returns whether there is any.
static bool make_reports(void) {
    reports = mmap(NULL, JOBS * sizeof *reports, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return reports != MAP_FAILED;
}

static int run(void) {
    if (!make_reports())
        return 2;
    printf("oracle: seed %llu\n", (unsigned long long)options.seed);
    fflush(stdout);
    double start = now();
    pid_t child[JOBS];
    for (unsigned job = 0; job < options.jobs; job++) {
        child[job] = fork();
        if (child[job] == 0)
            work(job, start + options.seconds);
    }
    int failed = wait_for(child, start);
    if (!failed) {
        print_figures(now() - start);
        if (options.ops < UINT64_MAX && total().ops < options.ops)
            printf("(the time was over before all %llu operations were made)\n", (unsigned long long)options.ops);
        printf("oracle: no failure\n");
    }
    return failed;
}

// Returns whether it has failed.
static bool replay_one(const char *name) {
    static uint8_t program[PROGRAM_BYTES];
    size_t size = read_program(name, program);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        program_run(program, size, false);
        reports->figures.ops += w.figures.ops;
        exit(0);
    }
    int status;
    return child < 0 || waitpid(child, &status, 0) < 0 || status != 0;
}

static int replay(char **names, int n) {
    if (!make_reports())
        return 2;
    int failed = 0;
    for (int i = 0; i < n; i++)
        if (replay_one(names[i])) {
            printf("%s fails: oracle -r %s\n", names[i], names[i]);
            failed++;
        }
    printf("oracle: %d programs, %llu operations from files, %d failed\n", n, (unsigned long long)total().ops, failed);
    return failed > 0;
}

int main(int argc, char **argv) {
    options.seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    int option;
    static uint8_t program[PROGRAM_BYTES];
    while ((option = getopt(argc, argv, "s:t:n:j:qz:r:c:p:")) != -1) {
        switch (option) {
        case 's':
            options.seed = strtoull(optarg, NULL, 0);
            break;
        case 't':
            options.seconds = strtod(optarg, NULL);
            break;
        case 'n':
            options.ops = (uint64_t)strtod(optarg, NULL);
            break;
        case 'j':
            options.jobs = (unsigned)strtoul(optarg, NULL, 10);
            if (options.jobs < 1 || options.jobs > JOBS)
                options.jobs = 1;
            break;
        case 'q':
            options.is_quiet = true;
            break;
        case 'z':
            options.shrink_seconds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            program_run(program, read_program(optarg, program), true);
            for (; optind < argc; optind++)
                program_run(program, read_program(argv[optind], program), true);
            printf("oracle: %llu operations from files, no failure\n", (unsigned long long)w.figures.ops);
            return 0;
        case 'c':
            return replay(argv + optind - 1, argc - optind + 1);
        case 'p':
            reports = calloc(1, sizeof *reports);
            return report_failure(strtoull(optarg, NULL, 0));
        default:
            fprintf(stderr, "usage: oracle [-s seed] [-t seconds] [-n operations] [-j processes] [-q] [-z seconds] | "
                            "-r file | -c file | "
                            "-p program-seed\n");
            return 2;
        }
    }
    return run();
}

// SPDX-License-Identifier: MIT
// See shrink.h. Every candidate runs in a child of its own, so that crashes, endless loops and sanitizers end nothing
// else.
#include "shrink.h"

#include "program.h"
#include "shadow.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void run_plain(const uint8_t *program, size_t size, bool loud) {
    program_run(program, size, loud);
}
void (*shrink_run)(const uint8_t *program, size_t size, bool loud) = run_plain;

static char *failure; // shared with the child

static void remember(const char *what) {
    snprintf(failure, 64, "%s", what);
}

const char *last_failure(void) {
    return failure ? failure : "";
}

int fails_like(const uint8_t *program, size_t size, const char *what) {
    if (!failure) {
        failure = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (failure == MAP_FAILED)
            return 0;
    }
    failure[0] = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        fail_hook = remember;
        alarm(5);
        shrink_run(program, size, false);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (!failure[0])
        snprintf(failure, 64, "%s %d", WIFSIGNALED(status) ? "signal" : "exit",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return !what[0] || strcmp(failure, what) == 0;
}

struct attempt {
    uint8_t *best;
    size_t size;
    const char *what;
    time_t end;
};

static int is_over(const struct attempt *a) {
    return time(NULL) >= a->end;
}

static int take(struct attempt *a, const uint8_t *candidate, size_t size) {
    if (!fails_like(candidate, size, a->what))
        return 0;
    memcpy(a->best, candidate, size);
    a->size = size;
    return 1;
}

// Tries to leave out [chunk] operations at a time. Returns whether any could go.
static int leave_out(struct attempt *a, size_t chunk) {
    static uint8_t candidate[PROGRAM_BYTES];
    int any = 0;
    size_t bytes = chunk * OP_BYTES;
    for (size_t at = HEADER_BYTES; at < a->size && !is_over(a);) {
        size_t n = at + bytes <= a->size ? bytes : a->size - at;
        memcpy(candidate, a->best, at);
        memcpy(candidate + at, a->best + at + n, a->size - at - n);
        if (take(a, candidate, a->size - n))
            any = 1;
        else
            at += n;
    }
    return any;
}

static int try_byte(struct attempt *a, size_t at, uint8_t value) {
    static uint8_t candidate[PROGRAM_BYTES];
    if (a->best[at] == value)
        return 0;
    memcpy(candidate, a->best, a->size);
    candidate[at] = value;
    return take(a, candidate, a->size);
}

static int simplify_bytes(struct attempt *a) {
    int any = 0;
    for (size_t at = 0; at < a->size && !is_over(a); at++) {
        uint8_t now = a->best[at];
        if (try_byte(a, at, 0) || (at >= HEADER_BYTES && (try_byte(a, at, now / 2) || try_byte(a, at, now - 1))))
            any = 1;
        for (int bit = 0; at < HEADER_BYTES && a->best[at] && bit < 8; bit++)
            any |= a->best[at] & 1 << bit && try_byte(a, at, a->best[at] & (uint8_t) ~(1 << bit));
    }
    return any;
}

size_t shrink(uint8_t *program, size_t size, const char *what, unsigned seconds) {
    struct attempt a = {program, size, what, time(NULL) + (time_t)seconds};
    size_t chunk = (size - HEADER_BYTES) / OP_BYTES;
    for (int again = 1; again && !is_over(&a);) {
        again = 0;
        for (size_t n = chunk; n > 0 && !is_over(&a); n /= 2)
            again |= leave_out(&a, n);
        again |= simplify_bytes(&a);
        chunk = 4;
    }
    return a.size;
}

static void print_script(const uint8_t *program, size_t size) {
    printf("---- script, %zu operations\n", (size - HEADER_BYTES) / OP_BYTES);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        dup2(1, 2);
        shrink_run(program, size, true);
        printf("(it did not fail this time)\n");
        fflush(stdout);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
}

bool shrink_and_report(uint8_t *program, size_t size, const char *name, unsigned seconds) {
    char what[64], path[80];
    bool alone = fails_like(program, size, "");
    if (alone) {
        snprintf(what, sizeof what, "%s", last_failure());
        printf("failure: %s; shrinking ...\n", what);
        size = shrink(program, size, what, seconds);
        fails_like(program, size, what); // the last one that was tried may have been another
    } else {
        printf("it does not fail when it runs alone: measured time, or what ran before it, plays a part\n");
    }
    print_script(program, size);
    snprintf(path, sizeof path, "%s.program", name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(program, 1, size, file) < size)
        perror(path);
    if (file)
        fclose(file);
    return alone;
}

size_t read_program(const char *path, uint8_t *program) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    size_t size = fread(program, 1, PROGRAM_BYTES, file);
    fclose(file);
    return size;
}

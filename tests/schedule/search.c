// SPDX-License-Identifier: MIT
// search [-p preemptions] [-j jobs] [NAME...]: runs the scenarios, or those whose name begins with one of these, in every
// order with so many preemptions (3), each scenario in a process of its own.
// search -r STRING: repeats the run that the string names.
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int running, bad;

static void await_one(void) {
    int status;
    wait(&status);
    running--;
    bad += status != 0;
}

static void search(const struct scenario *s, int preemptions, int jobs) {
    while (running >= jobs)
        await_one();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        search_all(s, preemptions);
        fflush(stdout);
        _exit(0);
    }
    if (child < 0)
        bad++;
    else
        running++;
}

static bool is_named(const struct scenario *s, char **names) {
    for (char **name = names; *name; name++)
        if (strncmp(s->name, *name, strlen(*name)) == 0)
            return true;
    return !*names;
}

static int repeat(const char *string) {
    const char *colon = strchr(string, ':');
    for (struct scenario *s = scenarios; s && colon; s = s->next)
        if (strlen(s->name) == (size_t)(colon - string) && strncmp(s->name, string, strlen(s->name)) == 0) {
            run_again(s, colon + 1);
            return 0;
        }
    fprintf(stderr, "no scenario has that name: %s\n", string);
    return 2;
}

int main(int argc, char **argv) {
    int preemptions = 3, jobs = 1, searched = 0;
    for (int option; (option = getopt(argc, argv, "p:j:r:")) != -1;) {
        if (option == 'r')
            return repeat(optarg);
        if (option == 'p')
            preemptions = atoi(optarg);
        else if (option == 'j')
            jobs = atoi(optarg);
        else
            return 2;
    }
    if (preemptions < 0 || preemptions > PREEMPTIONS_MAX || jobs < 1) {
        fprintf(stderr, "search: 0 to %d preemptions, at least one job\n", PREEMPTIONS_MAX);
        return 2;
    }
    printf("%-28s runs with 0, 1, ... preemptions\n", "scenario");
    for (struct scenario *s = scenarios; s; s = s->next)
        if (is_named(s, argv + optind)) {
            search(s, preemptions, jobs);
            searched++;
        }
    while (running)
        await_one();
    printf("%d passed, %d failed, 0 skipped\n", searched - bad, bad);
    return bad || !searched;
}

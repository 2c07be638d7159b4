// SPDX-License-Identifier: MIT
// See command.h.
#define _GNU_SOURCE
#include "tests/command.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

const char *command(int *status, const char *format, ...) {
    static char output[1 << 16];
    char line[4096] = "exec 2>&1; ";
    size_t start = strlen(line);
    va_list args;
    va_start(args, format);
    size_t n = (size_t)vsnprintf(line + start, sizeof line - start, format, args);
    va_end(args);
    *status = 127;
    if (start + n >= sizeof line)
        return strcpy(output, "command: the line is too long");
    FILE *pipe = popen(line, "r");
    if (!pipe)
        return strcpy(output, "command: no pipe");
    output[fread(output, 1, sizeof output - 1, pipe)] = 0;
    int how = pclose(pipe);
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : WIFSIGNALED(how) ? 128 + WTERMSIG(how) : 127;
    return output;
}

// SPDX-License-Identifier: MIT
// Folders are walked with fts(3), in the order of names, so that the same seed opens the same pages in the same order.
// Links inside a folder are followed to files but not to folders, so no walk goes round in circles.
#define _DEFAULT_SOURCE
#include "files.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

// A page of more than this is a mistake of some sort.
enum { FILE_MAX = 256 << 20 };

void complain(const char *path, const char *why) {
    fputs("dom: ", stderr);
    for (const char *c = path; *c; c++) putc((unsigned char)*c < 0x20 || *c == 0x7F ? '?' : *c, stderr);
    fprintf(stderr, ": %s\n", why);
}

static bool file_add(struct files *files, const char *name) {
    struct file *file = malloc(sizeof *file + strlen(name) + 1);
    if (!file) return false;
    strcpy(file->name, name);
    file->next = NULL;
    if (files->last) files->last->next = file;
    else files->first = file;
    files->last = file;
    files->n++;
    return true;
}

static bool is_html_name(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".html") == 0 || strcasecmp(dot, ".htm") == 0);
}

static bool leads_to_file(const FTSENT *entry) {
    struct stat st;
    return entry->fts_info == FTS_F || (entry->fts_info == FTS_SL && stat(entry->fts_accpath, &st) == 0 &&
                                        S_ISREG(st.st_mode));
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool folder_add(struct files *files, const char *path) {
    char *const paths[] = {(char *)path, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!walk) return false;
    size_t before = files->n;
    bool fits = true;
    for (FTSENT *entry = fts_read(walk); entry && fits; entry = fts_read(walk)) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            complain(entry->fts_path, strerror(entry->fts_errno));
            files->failed++;
        } else if (leads_to_file(entry) && is_html_name(entry->fts_name)) {
            fits = file_add(files, entry->fts_path);
        }
    }
    fts_close(walk);
    if (fits && files->n == before) {
        complain(path, "no HTML files (*.html, *.htm) in this folder");
        files->failed++;
    }
    return fits;
}

bool files_add(struct files *files, const char *path) {
    struct stat st;
    if (stat(path, &st) == 0) return S_ISDIR(st.st_mode) ? folder_add(files, path) : file_add(files, path);
    complain(*path ? path : "''", strerror(errno));
    files->failed++;
    return true;
}

void files_free(struct files *files) {
    while (files->first) {
        struct file *file = files->first;
        files->first = file->next;
        free(file);
    }
    *files = (struct files){0};
}

static char *read_all(int fd, size_t size, size_t *length) {
    char *content = malloc(size + 1);
    for (*length = 0; content && *length < size;) {
        ssize_t got = read(fd, content + *length, size - *length);
        if (got > 0) {
            *length += (size_t)got;
        } else if (got == 0) {
            break; // shorter than it was a moment ago
        } else if (errno != EINTR) {
            int error = errno;
            free(content);
            errno = error;
            return NULL;
        }
    }
    return content;
}

// O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
char *file_read(const char *path, size_t *length, const char **why) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char *content = NULL;
    if (fd < 0 || fstat(fd, &st) < 0) {
        *why = strerror(errno);
    } else if (!S_ISREG(st.st_mode)) {
        *why = "not a file";
    } else if (st.st_size > FILE_MAX) {
        *why = "too large for a page (more than 256 MiB)";
    } else if (!(content = read_all(fd, (size_t)st.st_size, length))) {
        *why = strerror(errno);
    }
    if (fd >= 0) close(fd);
    return content;
}

// SPDX-License-Identifier: MIT
// The pages to open: files as they are named, folders with all *.html and *.htm files below them. What cannot be
// read is reported on stderr, by name, and passed over.
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>

struct file {
    struct file *next;
    char name[];
};
struct files {
    struct file *first, *last;
    size_t n;
    size_t failed; // arguments that led to no file at all, and folders that cannot be read
};

// Adds what [path] names. False if memory is out.
bool files_add(struct files *files, const char *path);
void files_free(struct files *files);

// The content of [path]: to be freed; or NULL, with *why saying why not.
char *file_read(const char *path, size_t *length, const char **why);

// A line on stderr that names [path], with whatever is in its name that a terminal would obey taken out.
void complain(const char *path, const char *why);

#endif

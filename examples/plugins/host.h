// SPDX-License-Identifier: MIT
// What the host and its plugins know of each other. Host and plugins are linked with the one librefcyc.so: a plugin with a
// library of its own in it would have other heaps, and find no object of the host's.
#ifndef HOST_H
#define HOST_H

#include <refcyc/refcyc.h>

// The lines of a text, and who wants to know of changes.
struct document {
    struct rc_array *lines;   // of struct line
    struct rc_list *watchers; // of struct watcher
};

struct line {
    struct rc_string *text;
};

// A plugin extends this type by what it needs to know itself.
struct watcher {
    void (*changed)(struct watcher *watcher, struct line *line);
};
RC_API extern const struct rc_type watcher_type;

// What a plugin exports, by the name `plugin`.
struct plugin {
    const char *name;
    bool (*start)(struct document *document); // false: it could not
    void (*stop)(void);                       // gives up all handles that the plugin has
    const struct rc_type *const *types;       // all that it makes objects of, up to NULL
};
RC_API extern const struct plugin plugin;

#endif

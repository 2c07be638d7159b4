// SPDX-License-Identifier: MIT
// A host of plugins that are loaded and unloaded while it runs. A plugin's objects hang among the host's, in cycles with them,
// and when its code goes, none may be left: the next collection would call into memory that is gone. rc_type_forget says
// whether that is so. Here it says no at first, as the host has kept a watcher, and a report names it; then it says yes.
#include "host.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

RC_TYPE(watcher, struct watcher, .slots = NULL);
static RC_TYPE(line, struct line, .slots = RC_SLOTS(RC_LINK(struct line, text)));

static struct document document; // not managed: its members are handles

static void *need(void *p) {
    if (!p) {
        perror("host");
        exit(1);
    }
    return p;
}

// Each watcher is held while it is called: it may take itself off the list.
static void line_change(struct line *line, const char *text) {
    rc_give(&line->text, need(rc_string_new(text)));
    struct rc_list_iter it = rc_list_iter(document.watchers);
    while (rc_list_step(&it) == RC_ITER_ITEM) {
        struct watcher *watcher = *(struct watcher **)it.element, *held = rc_retain(watcher);
        watcher->changed(watcher, line);
        rc_release(held);
    }
}

static void line_add(const char *text) {
    RC_AUTO struct line *line = need(rc_new(&line_type));
    rc_array_push(document.lines, line);
    line_change(line, text);
}

// ---- plugins

struct loaded {
    void *library;
    const struct plugin *plugin;
};

static struct loaded plugin_load(const char *path) {
    struct loaded l = {.library = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    l.plugin = l.library ? dlsym(l.library, "plugin") : NULL;
    if (!l.plugin || !l.plugin->start(&document)) {
        fprintf(stderr, "host: %s is no plugin\n", path);
        exit(1);
    }
    return l;
}

static bool is_of(const void *element, void *plugin) {
    for (const struct rc_type *const *type = ((struct plugin *)plugin)->types; *type; type++)
        if (rc_is_a(*(void *const *)element, *type))
            return true;
    return false;
}

// Of each type of the plugin how many objects are left, and how many the host, or whoever, still holds.
static void say_why(const struct rc_leak *left, void *plugin) {
    if (!is_of(&left->example, plugin))
        return;
    printf("left: %zu %s, %zu of them held\n", left->objects, left->type->name, left->held);
    rc_why_print(left->example, NULL, NULL);
}

// false if the plugin has to stay, because objects of its types do.
static bool plugin_unload(struct loaded l) {
    rc_list_remove_if(document.watchers, is_of, (void *)(uintptr_t)l.plugin, NULL);
    l.plugin->stop();
    rc_collect(); // what is garbage in cycles counts as well
    bool all = true;
    for (const struct rc_type *const *type = l.plugin->types; *type; type++)
        all &= rc_type_forget(*type);
    if (!all)
        rc_leaks(say_why, (void *)(uintptr_t)l.plugin);
    return all && dlclose(l.library) == 0;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "./spell.so";
    document.lines = need(rc_array_new(&rc_link_element));
    document.watchers = need(rc_list_new(&rc_link_element));
    line_add("incomprehensible, this");
    struct loaded spell = plugin_load(path);
    line_add("short words");
    line_add("extraordinary ones");
    line_change(rc_array_get(document.lines, 0), "clear now");

    struct watcher *first = rc_list_get(document.watchers, rc_list_first(document.watchers)), *kept = rc_retain(first);
    printf("unloaded while the host keeps a watcher: %s\n", plugin_unload(spell) ? "yes" : "no");
    rc_release(kept);
    printf("unloaded without it: %s\n", plugin_unload(spell) ? "yes" : "no");

    spell = plugin_load(path); // at another address perhaps
    line_add("unquestionable");
    printf("and once more: %s\n", plugin_unload(spell) ? "yes" : "no");
    rc_release(document.lines);
    rc_release(document.watchers);
    size_t leaked = rc_heap_free(rc_heap_default());
    printf("leaked: %zu\n", leaked);
    return leaked != 0;
}

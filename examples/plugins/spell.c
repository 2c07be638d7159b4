// SPDX-License-Identifier: MIT
// A plugin that marks lines with a long word in them. What it knows of a line hangs on the line, in a weak map: the host's
// lines have no field for it. The marks lead back to their line and to the watcher, and the watcher to the marks: cycles
// through objects of the host, and nobody breaks them.
#include "host.h"

#include <string.h>

struct spell {
    struct watcher watcher;
    struct rc_weak_map *marks; // struct line -> struct mark
};

struct mark {
    struct line *line;
    struct spell *spell;
};

static RC_TYPE(spell, struct spell, .base = &watcher_type, .slots = RC_SLOTS(RC_LINK(struct spell, marks)));
static RC_TYPE(mark, struct mark, .slots = RC_SLOTS(RC_LINK(struct mark, line), RC_LINK(struct mark, spell)));

static void changed(struct watcher *watcher, struct line *line) {
    struct spell *spell = (struct spell *)watcher;
    if (strcspn(rc_string_text(line->text), " ") <= 8) {
        rc_weak_map_remove(spell->marks, line);
        return;
    }
    RC_AUTO struct mark *mark = rc_new(&mark_type);
    if (!mark)
        return;
    rc_set(&mark->line, line);
    rc_set(&mark->spell, spell);
    rc_weak_map_put(spell->marks, line, mark);
}

static struct spell *mine; // with a handle, which stop gives up

static bool start(struct document *document) {
    mine = rc_new(&spell_type);
    RC_AUTO struct rc_weak_map *marks = rc_weak_map_new();
    if (!mine || !marks)
        return false;
    mine->watcher.changed = changed;
    rc_set(&mine->marks, marks);
    for (size_t i = 0; i < rc_array_size(document->lines); i++)
        changed(&mine->watcher, rc_array_get(document->lines, i));
    return !rc_list_is_none(rc_list_push_back(document->watchers, mine));
}

static void stop(void) {
    rc_release(mine);
    mine = NULL;
}

const struct plugin plugin = {"spell", start, stop, (const struct rc_type *const[]){&spell_type, &mark_type, NULL}};

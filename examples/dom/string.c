// SPDX-License-Identifier: MIT
// Strings, and atoms: names (tags, attributes, events) that are kept once, in a hash table that is an object itself: a
// growing table is a new object, to which the links of the old one move.
#include "dom.h"
#include <string.h>

RC_TYPE(string, struct string, .acyclic = true);

struct string *string_new(const char *text, size_t length) {
    struct string *s = rc_new_sized(&string_type, length + 1);
    if (s) {
        s->length = length;
        if (length) memcpy(s->text, text, length);
    }
    return s;
}

struct atoms {
    size_t used, size; // size: a power of two; at most half of the places are used
    struct string *place[];
};
static RC_TYPE(atoms, struct atoms, .slots = RC_SLOTS(RC_TAIL(struct atoms, place, size)), .acyclic = true);

static struct atoms *atoms; // a handle, or NULL before the first atom

static struct string **atom_place(struct atoms *table, const char *text) {
    size_t h = 14695981039346656037u; // FNV-1a
    for (const char *c = text; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211u;
    size_t i = (h ^ h >> 29) & (table->size - 1);
    while (table->place[i] && strcmp(table->place[i]->text, text) != 0) i = (i + 1) & (table->size - 1);
    return &table->place[i];
}

static struct atoms *atoms_larger(struct atoms *old) {
    size_t size = old ? old->size * 2 : 256;
    struct atoms *table = rc_new_sized(&atoms_type, size * sizeof table->place[0]);
    if (!table) return NULL;
    table->size = size;
    table->used = old ? old->used : 0;
    for (size_t i = 0; old && i < old->size; i++)
        if (old->place[i]) rc_move(atom_place(table, old->place[i]->text), &old->place[i]);
    return table;
}

struct string *atom(const char *text) {
    if (!atoms || atoms->used * 2 >= atoms->size) {
        struct atoms *larger = atoms_larger(atoms);
        if (!larger) return NULL;
        rc_release(atoms);
        atoms = larger;
    }
    struct string **place = atom_place(atoms, text);
    if (!*place) {
        rc_give(place, string_new(text, strlen(text)));
        atoms->used += *place != NULL;
    }
    return *place;
}

void atoms_free(void) {
    rc_release(atoms);
    atoms = NULL;
}

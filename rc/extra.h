// SPDX-License-Identifier: MIT
// Ephemerons: see extra.c. Not installed.
#ifndef RC_EXTRA_H
#define RC_EXTRA_H

#include "table.h"

struct rc__entry {
    void *value;
    struct rc__table *table;   // of the map, until the entry is out of it
    struct rc__extras *extras; // of the key, until the entry is out of them
    uint32_t place;            // in there
};

// The entry of [key] in the map's [table], or NULL.
struct rc__entry *rc__entry_find(const struct rc__table *table, const void *key);
// A new one. false with errno, and nothing changed, if memory is out.
bool rc__entry_new(struct rc__table *table, void *key, void *value);
void rc__entry_remove(struct rc__entry *entry);
// Removes the entries number [from] up to [to] of a map's [table]. For its destructor. Returns whether there are more.
bool rc__entries_end(struct rc__table *table, size_t from, size_t to);

#endif

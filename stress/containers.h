// SPDX-License-Identifier: MIT
// The library's containers in programs of the oracle. A container of links is an object with ROW slots, which are elements
// of it that are never missing between two operations: NULL, or a link like that of any other slot. So all that is done to
// slots is done to elements, too; and what only containers do is here. While a container lacks elements, because destructors
// run that its own call has set off, or because memory was out when they were to be put back, it is hollow.
#ifndef STRESS_CONTAINERS_H
#define STRESS_CONTAINERS_H

#include "shadow.h"

// An empty one. NULL: no memory.
void *container_new(const struct kind *k);
// Gives [id] its elements. If memory is out it stays hollow.
void container_fill(uint32_t id);
// Moves elements or memory of [id] about and changes no slot.
bool container_relayout(uint32_t id, unsigned how);
// Element [at] of [id] is set, taken to [hand], removed, exchanged, got from another container; or all are copied, or
// cleared.
bool call_element(uint32_t id, unsigned at, uint32_t other, unsigned other_at, unsigned hand, unsigned how);
// Puts, gets (to [hand]) or removes an entry of a weak map.
bool call_entry(uint32_t map, uint32_t key, uint32_t value, unsigned hand, unsigned how);
// The library has the entries that it should have. [exact]: and no others.
void check_entries(bool exact);

#endif

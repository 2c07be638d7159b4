// SPDX-License-Identifier: MIT
// What <refcyc/pauses.h> reports is recorded here, if it was asked for. Not installed.
#ifndef CC_PAUSES_H
#define CC_PAUSES_H

#include <refcyc/collect.h>

struct rc_heap;
struct rc__header;
struct cc_pauses;

// A slice took [length] nanoseconds of its [budget] (0: one unit; UINT64_MAX: a whole collection).
void cc_pauses_slice(struct rc_heap *heap, uint64_t length, uint64_t budget);
// A collection reclaimed [objects] objects, none of which was garbage at [since].
void cc_pauses_garbage(struct rc_heap *heap, uint32_t objects, uint64_t since, uint64_t now);
// The callback [call] of [h]'s type took [took] nanoseconds, and its slice past its end.
void cc_pauses_late(struct rc_heap *heap, const struct rc__header *h, const char *call, uint64_t took);
void cc_pauses_free(struct rc_heap *heap);

#endif

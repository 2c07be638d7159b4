// SPDX-License-Identifier: MIT
// A survey: what rc_why, rc_report and rc_verify have in common. Not installed.
//
// Every object of the heap gets a number, found by its address in a hash table: an object's header is not touched, so a
// collection under way goes on as if nothing had been, and a slot that leads to freed memory is known without a look there.
//
//     begin    numbers: object[n], and what is DYING or GONE
//     count    found[n]: how many links slots have to it; via[n]: an object that has one of them
//     reach    from the roots (what has a handle, or links that no slot explains) by the shortest ways: REACHED; via[n] is
//              then the object before it on such a way
//     suspect  from what the collector will look at: KNOWN, of what is not REACHED
//
//   N1  The one allocation is made by begin, with the C library's calloc. About 35 bytes an object.
//   N2  Nothing is retained, released, allocated in the heap or written to it.
//   N3  Slots of DYING objects are links that count (they are released when the object is destroyed), and prove nothing
//       alive. Those of GONE ones are cleared or void, and are not read.
//   N4  An entry of a weak map is REACHED when all that links to it is (rc/extra.c).
#ifndef RC_INSPECT_H
#define RC_INSPECT_H

#include "object.h"

#include <refcyc/inspect.h>

enum {
    RC__DYING = 1,   // dead, or in a set that is garbage for good; its slots still have their links
    RC__GONE = 2,    // destroyed; only the memory is there
    RC__REACHED = 4, // from a root
    RC__ROOT = 8,
    RC__KNOWN = 16,  // a collection will come to it
    RC__SEEN = 32,   // for whoever walks about
    RC__ODD = 64,    // verify: its links are not right
    RC__GOING = 128  // leaks: DYING, or what such an object leads to
};

#define RC__NOBODY UINT32_MAX

struct rc__survey {
    struct rc_visitor visitor; // of the pass under way
    struct rc_heap *heap;
    uint32_t count, room;
    struct rc__header **object;
    uint32_t *found, *via, *queue;
    uint32_t *met;   // of entries of weak maps: links whose sources are REACHED
    uint32_t *place; // the hash table: number + 1, or 0
    size_t mask;
    uint8_t *mark;
    uint32_t source; // whose slots are being shown
    uint32_t end;    // of the queue
    uint8_t bit;     // that spreads
    uint32_t goal;   // spreading may stop when it is there, or RC__NOBODY
    void *memory;
    // A slot of [source] that leads to nothing alive in this heap: number [i] of [n] that [visitor] is shown. NULL: nobody
    // asks.
    void (*stray)(struct rc__survey *s, const char *first, size_t i, size_t n);
    void *arg;
};

// false with errno = ENOMEM.
bool rc__survey_begin(struct rc__survey *s, struct rc_heap *heap);
void rc__survey_end(struct rc__survey *s);
// The number of [h], or RC__NOBODY.
uint32_t rc__survey_number(const struct rc__survey *s, const struct rc__header *h);
// The same of what is at [obj]: of whatever is read where a pointer to an object may stand, so in integers.
static inline uint32_t rc__survey_number_at(const struct rc__survey *s, const void *obj) {
    const struct rc__header *h = (const void *)((uintptr_t)obj - sizeof(struct rc__header));
    return obj ? rc__survey_number(s, h) : RC__NOBODY;
}
void rc__survey_count(struct rc__survey *s);
// From the roots; up to [goal], or RC__NOBODY: everywhere.
void rc__survey_reach(struct rc__survey *s, uint32_t goal);
void rc__survey_suspect(struct rc__survey *s);
// Sets SEEN on all that would be reached, or known, without the handles of what is LED. Before reach.
void rc__survey_led(struct rc__survey *s);
// Sets [bit] on [n] and on what it leads to that is neither REACHED nor has it already.
void rc__survey_spread(struct rc__survey *s, uint32_t n, uint8_t bit);
// Shows [visitor] the slots of object number [n].
void rc__survey_trace(struct rc__survey *s, uint32_t n, struct rc_visitor *visitor);
// Whether a slot that leads to [h], which has no number, leads to another heap's object.
bool rc__survey_is_foreign(const struct rc__survey *s, void *obj);

static inline bool rc__survey_lives(const struct rc__survey *s, uint32_t n) {
    return !(s->mark[n] & (RC__DYING | RC__GONE));
}

// What keeps a live object alive by itself, or 0.
enum rc_why_kind rc__survey_root(const struct rc__survey *s, uint32_t n);

// The answer for object number [n], after count, reach and suspect. NULL with errno = ENOMEM.
struct rc_why *rc__why_of(const struct rc__survey *s, uint32_t n);
// It in one line, with at most [most] steps of the way.
void rc__why_line(const struct rc_why *why, size_t most, char *text, size_t size);

// Writes the name of the first slot of [h] that leads to [target] to [text]. Returns the name itself where it is a constant
// of the type's table, or else NULL.
const char *rc__slot_name(struct rc__header *h, const void *target, char *text, size_t size);
// The same of number [i] of the [n] slots from [first] on, which the visitor [v] of all slots of [h] is just shown; of [h]'s
// owner slot.
void rc__slot_name_shown(struct rc_visitor *v, struct rc__header *h, const char *first, size_t i, size_t n,
                         char *text, size_t size);
void rc__slot_name_owner(struct rc__header *h, char *text, size_t size);

// The heap that [call] is about; NULL with errno if it cannot be looked at.
struct rc_heap *rc__inspect_heap(const char *call);
// The heap of [obj], which is the one this thread is inside; NULL with errno, after a fault, if that is not so.
struct rc_heap *rc__inspect_heap_of(const void *obj, const char *call);
// [print], or else a function that writes lines to the standard error output.
rc_line_fn *rc__line_fn(rc_line_fn *print);
// As rc_history_print, each line behind [indent].
bool rc__history_print(const void *obj, const char *indent, rc_line_fn *print, void *arg);
// Calls [print] with a line.
void rc__print(rc_line_fn *print, void *arg, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

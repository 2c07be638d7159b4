// SPDX-License-Identifier: MIT
// Each call of the library, made on the shadow graph and on the real one, by the rules: an object that is changed is in
// the heap that the thread is inside, and all are reached from a handle that the program holds.
#ifndef STRESS_CALLS_H
#define STRESS_CALLS_H

#include "shadow.h"

// A handle of the program: the first one there is from [which] on; or a place for a new one. HANDS: there is none.
int hand_used(unsigned which);
int hand_free(unsigned which);
// From that handle over up to three slots. 0: no handle is held.
uint32_t walk(unsigned which, unsigned path);
// Likewise, but only to an object of this heap. 0: there is none.
uint32_t walk_here(unsigned which, unsigned path);
bool is_here(uint32_t id);
bool may_hold(uint32_t from, int slot, uint32_t to);
// For the figures: an operation is made, on [id] if it is not 0.
void touch(uint32_t id);
// A handle of [id] is in [hand] from now on.
void give_hand(unsigned hand, uint32_t id);

// Each returns whether the call was made; not, if the rules forbid it.
bool call_new(unsigned hand, int kind, uint8_t script);
bool call_retain(unsigned hand, uint32_t id);
bool call_release(unsigned hand);
bool call_set(uint32_t from, int slot, uint32_t to);
bool call_give(uint32_t from, int slot, unsigned hand);
bool call_take(uint32_t from, int slot, unsigned hand);
bool call_move(uint32_t to, int to_slot, uint32_t from, int from_slot);
bool call_swap(uint32_t a, int a_slot, uint32_t b, int b_slot);
bool call_own(uint32_t owner, int slot, uint32_t child);
bool call_keep(uint32_t id, uint32_t kept);
bool call_relayout(uint32_t id, unsigned layout);
bool call_spill(uint32_t id);
bool call_immortal(uint32_t id);
bool call_weak_new(unsigned i, uint32_t id);
bool call_weak_release(unsigned i);
bool call_weak_get(unsigned i, unsigned hand);
bool call_weak_set(uint32_t id, int slot, uint32_t to);
bool call_weak_slot_get(uint32_t id, int slot, unsigned hand);
bool call_notify(unsigned i);

// To be called between any two operations.
void note_phase(void);
enum rc_step call_step(uint64_t budget);
bool call_collect(void);
// The other heap becomes part of the one that the thread is inside, or that one of the other; a new heap takes its
// place.
bool call_merge(bool into_other, bool from_outside);
// Collects all heaps together. Returns whether memory was there for it.
bool call_collect_heaps(bool from_outside);
void call_switch(int heap);
// The thread is outside of all heaps between these; only retain, release and upgrades then.
void call_leave(void);
void call_enter(void);

#endif

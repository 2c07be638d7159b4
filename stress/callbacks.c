// SPDX-License-Identifier: MIT
// The program's finalizers, destructors and trace functions. What a finalizer or a destructor does is decided by the
// byte that its object got when it was made, so that taking an operation out of a program changes nothing else.
#include "calls.h"

#include "checked.h"
#include "containers.h"
#include "peek.h"
#include "random.h"

#include <string.h>

// A callback of [body] begins, in the heap that the thread is inside now. Returns the id.
static uint32_t enter(const struct body *body, int *here) {
    const struct shadow *s = shadow(body->id);
    if (body->magic != BODY_ALIVE || body->id >= IDS || s->state == ABSENT || s->body != body)
        fail("callback", "a callback got memory that is no object (magic %x)", body->magic);
    if (!w.merging && rc_heap_current() != w.heap[s->heap])
        fail("callback", "a callback of n%u runs outside of its heap", s->serial);
    *here = w.here;
    w.here = rc_heap_current() == w.heap[1];
    return body->id;
}

// One thing that a finalizer of [self] does.
static void meddle(uint32_t self, uint64_t *random) {
    const struct kind *k = kind_of(self);
    int slot = (int)random_below(random, (uint32_t)(k->links ? k->links : 1));
    unsigned which = random_below(random, HANDS), path = random_below(random, 256);
    int hand = hand_free(which);
    uint32_t other = walk_here(which, path);
    switch (random_below(random, w.contained ? 14 : 12)) {
    case 0:
        if (hand < HANDS)
            call_retain((unsigned)hand, self);
        break;
    case 1: // somebody else holds it from now on
        if (other && kind_of(other)->links)
            call_set(other, (int)(path % (unsigned)kind_of(other)->links), self);
        break;
    case 2:
        if (k->links)
            call_set(self, slot, other);
        break;
    case 3:
        if (k->links)
            call_set(self, slot, 0);
        break;
    case 4:
        if (k->links)
            call_swap(self, slot, self, (slot + 1) % k->links);
        break;
    case 5:
        if (hand < HANDS && call_new((unsigned)hand, (int)(path % (unsigned)w.kinds), (uint8_t)path) && k->links)
            call_give(self, slot, (unsigned)hand);
        break;
    case 6:
        if (hand < HANDS)
            call_new((unsigned)hand, (int)(path % (unsigned)w.kinds), (uint8_t)path);
        break;
    case 7:
        hand = hand_used(which);
        if (hand < HANDS)
            call_release((unsigned)hand);
        break;
    case 8:
        if (path & 1)
            call_collect();
        else
            call_step(path & 2 ? 0 : UINT64_MAX);
        break;
    case 9:
        if (k->weak_count && hand < HANDS)
            call_weak_slot_get(self, slot % k->weak_count, (unsigned)hand);
        break;
    case 10:
        if (k->links && hand < HANDS)
            call_take(self, slot, (unsigned)hand);
        break;
    case 12:
        if (other)
            call_element(kind_of(self)->container ? self : other, path, self, path / ROW, (unsigned)hand % HANDS, which);
        break;
    case 13:
        if (other)
            call_entry(other, self, walk_here(which / 2, path / 4), (unsigned)hand % HANDS, path);
        break;
    default:
        if (k->weak_count)
            call_weak_set(self, slot % k->weak_count, path & 1 ? self : other);
        break;
    }
}

void on_finalize(void *obj) {
    struct body *body = obj;
    int here;
    uint32_t id = enter(body, &here);
    struct shadow *s = shadow(id);
    const struct kind *k = kind_of(id);
    if (s->state != ALIVE)
        fail("finalizer", "n%u is finalized after its destructor", s->serial);
    if (s->finalized == k->finalizers)
        fail("finalizer", "n%u is finalized twice", s->serial);
    if (!w.ending && !w.meddled[s->heap] && !s->finalized && is_reachable(id))
        fail("finalizer", "n%u is finalized, but can be reached", s->serial);
    s->finalized++;
    w.figures.finalized++;
    say("finalizer of n%u", s->serial);
    w.depth++;
    s->pinned = true;
    shadow_changed();
    check_whole(id);
    uint64_t random = s->script * UINT64_C(256) + s->finalized;
    uint32_t serial = s->serial;
    for (int things = (int)random_below(&random, 4); things > 0 && s->state == ALIVE && s->serial == serial; things--)
        meddle(id, &random);
    s->pinned = false;
    shadow_changed();
    w.depth--;
    w.figures.resurrected += is_reachable(id);
    w.here = here;
}

// What a destructor may do: to others, not to itself and what dies with it.
static void tidy_up(const struct kind *k, void *obj, const uint32_t *to, unsigned layout, uint64_t *random) {
    unsigned which = random_below(random, HANDS), path = random_below(random, 256);
    int slot = (int)random_below(random, (uint32_t)(k->links ? k->links : 1));
    int hand = hand_free(which);
    void *address = k->links ? slot_address(k, obj, slot, layout, NULL) : NULL;
    switch (random_below(random, 8)) {
    case 0:
        if (address)
            rc_set_slot(address, NULL);
        break;
    case 1:
        if (address && hand < HANDS && to[slot] && shadow(to[slot])->state == ALIVE && is_reachable(to[slot])) {
            void *held;
            memcpy(&held, address, sizeof held);
            if (held != shadow(to[slot])->object)
                break;
            say("n%u = rc_take(&itself.slot[%d])", shadow(to[slot])->serial, slot);
            w.hand[hand] = to[slot];
            shadow_handle(to[slot], 1);
            (void)!rc_take_slot(address);
        }
        break;
    case 2:
        hand = hand_used(which);
        if (hand < HANDS)
            call_release((unsigned)hand);
        break;
    case 3:
        if (hand < HANDS)
            call_new((unsigned)hand, (int)(path % (unsigned)w.kinds), (uint8_t)path);
        break;
    case 4:
        call_collect();
        break;
    default: {
        uint32_t a = walk_here(which, path), b = walk_here(which / 2, path / 4);
        if (a && kind_of(a)->links)
            call_set(a, (int)(path % (unsigned)kind_of(a)->links), b);
        break;
    }
    }
}

static void check_neighbours(uint32_t id) {
    const struct shadow *s = shadow(id);
    for (int i = 0; i < kind_of(id)->links; i++) {
        void *p, *where = s->to[i] && shadow(s->to[i])->body ? address(id, i) : NULL;
        if (!where)
            continue;
        memcpy(&p, where, sizeof p);
        const struct body *neighbour = p ? body_of(kind_of(s->to[i]), p) : NULL;
        if (neighbour && neighbour->magic != BODY_ALIVE && neighbour->magic != BODY_DEAD)
            fail("neighbour", "the destructor of n%u reads memory that is gone", s->serial);
    }
}

static void count_held(void) {
    if (!w.ending || w.held != SIZE_MAX || !peek_is_ending(w.heap[w.here]))
        return;
    w.held = 0;
    for (uint32_t i = 0; i < w.listed; i++) {
        const struct shadow *s = shadow(w.list[i]);
        w.held += s->heap == w.here && s->state == ALIVE && !s->immortal && (s->handles || s->outer_links);
    }
}

void on_destroy(void *obj) {
    struct body *body = obj;
    int here;
    uint32_t id = enter(body, &here);
    struct shadow *s = shadow(id);
    const struct kind *k = kind_of(id);
    count_held();
    if (s->destroyed == k->destructors)
        fail("destructor", "n%u is destroyed twice", s->serial);
    if (!w.ending && s->finalized != k->finalizers)
        fail("destructor", "n%u is destroyed before it is finalized", s->serial);
    if (!w.ending && s->state == ALIVE && is_reachable(id))
        fail("premature", "n%u is destroyed, but can be reached", s->serial);
    if (++s->destroyed < k->destructors) {
        w.here = here;
        return;
    }
    say("destructor of n%u", s->serial);
    check_neighbours(id);
    uint32_t to[SLOTS], keep = s->keep;
    memcpy(to, s->to, sizeof to);
    uint64_t random = s->script * UINT64_C(256) + 128;
    unsigned layout = s->layout;
    void *object = s->object;
    bool act = !w.ending && s->script % 8 == 1;
    body->magic = BODY_DEAD;
    s->keep = 0;
    w.depth++;
    if (keep && !act)
        say("rc_release(n%u), which it kept", shadow(keep)->serial);
    shadow_destroyed(id);
    if (keep) {
        void *kept = body->keep;
        shadow_handle(keep, -1);
        rc_release(kept);
    }
    if (act)
        tidy_up(k, object, to, layout, &random);
    w.depth--;
    w.here = here;
}

void on_finalize_extended(void *obj) {
    on_finalize(body_of_extended(obj));
}

void on_destroy_extended(void *obj) {
    on_destroy(body_of_extended(obj));
}

void on_free_slots(void *obj) {
    struct body *body = obj;
    harness_free(body->outside);
    body->outside = NULL;
    body->outside_count = 0;
}

// The level whose slots are reported lies in [own]; [k] is the object's kind.
static void report(const struct kind *own, struct body *body, struct rc_visitor *visitor) {
    for (int i = 0; i < own->traced; i++)
        rc_visit(visitor, &body->cell[own->traced_cell + i]);
    if (own->outside_here)
        rc_visit_slots(visitor, body->outside, body->outside_count);
}

void on_trace(void *obj, struct rc_visitor *visitor) {
    struct body *body = obj;
    report(&w.kind[body->kind], body, visitor);
}

void on_trace_base(void *obj, struct rc_visitor *visitor) {
    report(&w.kind[0], obj, visitor);
}

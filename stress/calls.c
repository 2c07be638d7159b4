// SPDX-License-Identifier: MIT
// See calls.h. The shadow graph changes before the library is called, because whatever dies of a call is looked up
// there by its destructor.
#include "calls.h"

#include "checked.h"
#include "containers.h"
#include "peek.h"

#include <errno.h>
#include <string.h>

int hand_used(unsigned which) {
    for (int i = 0; i < HANDS; i++)
        if (w.hand[(which + (unsigned)i) % HANDS])
            return (int)((which + (unsigned)i) % HANDS);
    return HANDS;
}

int hand_free(unsigned which) {
    for (int i = 0; i < HANDS; i++)
        if (!w.hand[(which + (unsigned)i) % HANDS])
            return (int)((which + (unsigned)i) % HANDS);
    return HANDS;
}

bool is_here(uint32_t id) {
    return shadow(id)->heap == w.here;
}

// Whether the slots of [id] may be used.
static bool is_usable(uint32_t id) {
    return is_here(id) && !shadow(id)->hollow;
}

// The lowest two bits of [path] say how many steps, each following pair at which slot to look first.
uint32_t walk(unsigned which, unsigned path) {
    int hand = hand_used(which);
    if (hand == HANDS)
        return 0;
    uint32_t id = w.hand[hand];
    for (unsigned steps = path & 3; steps && is_here(id); steps--) {
        path >>= 2;
        int links = kind_of(id)->links;
        int first = links * (int)(path & 3) / 4;
        uint32_t next = 0;
        for (int i = 0; i < links && !next; i++)
            next = shadow(id)->to[(first + i) % links];
        if (!next)
            break;
        id = next;
    }
    check_body(id);
    return id;
}

uint32_t walk_here(unsigned which, unsigned path) {
    for (unsigned i = 0; i < HANDS; i++) {
        uint32_t id = walk(which + i, path);
        if (!id || is_here(id))
            return id;
    }
    return 0;
}

static bool fits(uint32_t from, int slot, uint32_t to) {
    int target = kind_of(from)->slot[slot].target;
    return target < 0 || shadow(to)->kind == target || (kind_of(to)->base == 0 && target == 0);
}

bool may_hold(uint32_t from, int slot, uint32_t to) {
    if (!to)
        return true;
    int rank = kind_of(from)->rank;
    if (!fits(from, slot, to) || (rank < RANK_ANY && kind_of(to)->rank >= rank))
        return false;
    if (shadow(to)->heap != shadow(from)->heap && shadow(from)->heap == 0 && !w.across)
        return false; // no cycle spans the heaps
    return w.broken || slot != kind_of(from)->owner || (holds(to, from) && shadow(to)->heap == shadow(from)->heap);
}

// Once a collection calls finalizers it calls all of them, whatever the first ones have done and however many slices it
// takes. After that, what is finalized must be unreachable again.
void note_phase(void) {
    if (!w.depth && rc_collect_phase() != RC_PHASE_FINALIZE)
        w.meddled[w.here] = false;
}

void touch(uint32_t id) {
    if (w.depth)
        memset(w.meddled, true, sizeof w.meddled);
    w.figures.ops++;
    if (id && is_here(id) && peek_in_graph(shadow(id)->object))
        w.figures.touched[rc_collect_phase()]++;
}

static uint32_t number(uint32_t id) {
    return id ? shadow(id)->serial : 0;
}

// The object whose owner is [from], and which only [slot] of that holds; 0 if there is none such.
static uint32_t owned_by(uint32_t from, int slot) {
    uint32_t child = shadow(from)->to[slot];
    if (!child || w.broken || slot == kind_of(from)->owner || kind_of(child)->owner < 0 ||
        shadow(child)->to[kind_of(child)->owner] != from)
        return 0;
    for (int i = 0; i < kind_of(from)->links; i++)
        if (i != slot && i != kind_of(from)->owner && shadow(from)->to[i] == child)
            return 0;
    return child;
}

// The owner promise: such an object gives its owner up before the slot changes. Returns whether [from] can still be reached
// then.
static bool let_go(uint32_t from, int slot) {
    uint32_t child = owned_by(from, slot);
    if (!child)
        return true;
    struct name name = name_of(from);
    int owner = kind_of(child)->owner;
    call_set(child, owner, 0);
    // A finalizer may have set it again.
    return is_alive(name) && is_reachable(from) &&
           (shadow(from)->to[slot] != child || shadow(child)->to[owner] != from);
}

// Or at once after that, if so it is decided (w.late), and if it can be known then that the object is still there: nothing
// may lead to it any more. Nor may it wait for a finalizer that brings it back to life with its owner. Returns it; then that
// is for `disown`.
static struct name let_go_later(uint32_t from, int slot) {
    uint32_t child = w.late ? owned_by(from, slot) : 0;
    return name_of(child && (shadow(child)->handles || (w.watched && !kind_of(child)->finalizers)) ? child : 0);
}

static void disown(struct name child, uint32_t from) {
    if (!is_alive(child))
        return;
    const struct shadow *s = shadow(child.id);
    int owner = kind_of(child.id)->owner;
    bool is_dead = !s->handles && !s->links && !s->outer_links && !s->immortal && !s->pinned; // its destructor may wait
    if (!is_dead && s->to[owner] == from && !holds(from, child.id))
        call_set(child.id, owner, 0);
}

static bool let_both_go(uint32_t a, int a_slot, uint32_t b, int b_slot) {
    struct name a_name = name_of(a), b_name = name_of(b);
    uint64_t ops = w.figures.ops;
    if (!let_go(a, a_slot))
        return false;
    if (w.figures.ops != ops && (!is_alive(b_name) || !is_reachable(b)))
        return false;
    ops = w.figures.ops;
    if (!let_go(b, b_slot))
        return false;
    return w.figures.ops == ops || (is_alive(a_name) && is_reachable(a));
}

void give_hand(unsigned hand, uint32_t id) {
    w.hand[hand] = id;
    shadow_handle(id, 1);
}

static void begin_body(const struct kind *k, struct body *body, uint32_t id) {
    body->magic = BODY_ALIVE;
    body->id = id;
    body->kind = shadow(id)->kind;
    if (k->has_outside) {
        body->outside_count = row_count(k, 0);
        body->outside = harness_alloc(row_capacity(k) * sizeof(void *));
    }
    if (k->has_tail)
        body->tail_count = row_count(k, 0);
}

// Where nothing has a destructor, nobody hears that it is dead; so only what can be reached counts there.
static bool is_full(void) {
    if (w.alive < w.limit || !w.silent)
        return w.alive >= w.limit;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < w.listed; i++)
        reached += shadow(w.list[i])->state == ALIVE && is_reachable(w.list[i]);
    return reached >= w.limit;
}

bool call_new(unsigned hand, int kind, uint8_t script) {
    if (w.hand[hand] || is_full() || (w.depth && w.fuel-- <= 0))
        return false;
    const struct kind *k = &w.kind[kind];
    uint32_t id = shadow_new();
    if (!id)
        return false;
    struct shadow *s = shadow(id);
    s->kind = (uint8_t)kind;
    s->heap = (uint8_t)w.here;
    s->script = script;
    size_t tail = k->has_tail ? row_capacity(k) * sizeof(void *) : 0;
    errno = 0;
    s->object = tail           ? rc_new_sized(&k->type, tail)
                : k->container ? container_new(k)
                               : rc_new(&k->type);
    if (!s->object) {
        if (!w.starved || errno != ENOMEM)
            fail("new", "no object, errno %d", errno);
        s->destroyed = (uint8_t)k->destructors;
        shadow_destroyed(id);
        return false;
    }
    w.figures.made++;
    s->body = body_of(k, s->object);
    if (s->body)
        begin_body(k, s->body, id);
    give_hand(hand, id);
    say("n%u = rc_new(kind%d)%s", s->serial, kind, k->finalizers ? "  // with a finalizer" : "");
    if (k->container)
        container_fill(id);
    touch(0);
    return true;
}

bool call_retain(unsigned hand, uint32_t id) {
    if (w.hand[hand] || !id)
        return false;
    say("rc_retain(n%u)", number(id));
    give_hand(hand, id);
    touch(id);
    if ((rc_retain)(shadow(id)->object) != shadow(id)->object)
        fail("retain", "rc_retain returned something else");
    return true;
}

bool call_release(unsigned hand) {
    uint32_t id = w.hand[hand];
    if (!id)
        return false;
    say("rc_release(n%u)", number(id));
    void *object = shadow(id)->object;
    touch(id);
    w.hand[hand] = 0;
    shadow_handle(id, -1);
    rc_release(object);
    return true;
}

bool call_set(uint32_t from, int slot, uint32_t to) {
    uint64_t ops = w.figures.ops;
    if (!from || !is_usable(from) || !may_hold(from, slot, to))
        return false;
    struct name late = let_go_later(from, slot);
    if (!late.id && !let_go(from, slot))
        return false;
    if (w.figures.ops != ops && to && (!is_reachable(to) || !may_hold(from, slot, to)))
        return false; // gone with what was let go
    say("rc_set(&n%u.slot[%d], n%u)", number(from), slot, number(to));
    touch(from);
    if (to)
        touch(to);
    void *old = shadow(from)->to[slot] ? shadow(shadow(from)->to[slot])->object : NULL;
    void *found;
    memcpy(&found, address(from, slot), sizeof found);
    if (found != old)
        fail("slot", "n%u: slot %d does not hold what was put there", number(from), slot);
    shadow_link(from, slot, to);
    rc_set_slot(address(from, slot), to ? shadow(to)->object : NULL);
    disown(late, from);
    return true;
}

bool call_give(uint32_t from, int slot, unsigned hand) {
    uint32_t to = w.hand[hand];
    if (!from || !to || !is_usable(from) || !may_hold(from, slot, to))
        return false;
    struct name late = let_go_later(from, slot);
    if (!late.id && !let_go(from, slot))
        return false;
    if (w.hand[hand] != to)
        return false;
    say("rc_give(&n%u.slot[%d], n%u)", number(from), slot, number(to));
    touch(from);
    touch(to);
    w.hand[hand] = 0;
    shadow_link(from, slot, to);
    shadow_handle(to, -1);
    rc_give_slot(address(from, slot), shadow(to)->object);
    disown(late, from);
    return true;
}

bool call_take(uint32_t from, int slot, unsigned hand) {
    if (!from || !is_usable(from) || w.hand[hand] || !shadow(from)->to[slot] || !let_go(from, slot))
        return false;
    if (w.hand[hand])
        return false;
    uint32_t to = shadow(from)->to[slot];
    say("n%u = rc_take(&n%u.slot[%d])", number(to), number(from), slot);
    touch(from);
    touch(to);
    give_hand(hand, to);
    shadow_link(from, slot, 0);
    if (rc_take_slot(address(from, slot)) != shadow(to)->object)
        fail("slot", "rc_take returned something else");
    return true;
}

bool call_move(uint32_t to, int to_slot, uint32_t from, int from_slot) {
    if (!to || !from || !is_usable(to) || !is_usable(from) || (to == from && to_slot == from_slot))
        return false;
    if (!w.broken && (kind_of(to)->owner == to_slot || kind_of(from)->owner == from_slot))
        return false;
    if (!let_both_go(to, to_slot, from, from_slot))
        return false;
    uint32_t id = shadow(from)->to[from_slot];
    if (!may_hold(to, to_slot, id))
        return false;
    say("rc_move(&n%u.slot[%d], &n%u.slot[%d])", number(to), to_slot, number(from), from_slot);
    touch(to);
    touch(from);
    if (id)
        touch(id);
    void *a = address(to, to_slot), *b = address(from, from_slot);
    shadow_link(to, to_slot, id);
    shadow_link(from, from_slot, 0);
    rc_move_slot(a, b);
    return true;
}

bool call_swap(uint32_t a, int a_slot, uint32_t b, int b_slot) {
    if (!a || !b || !is_usable(a) || !is_usable(b) || (a == b && a_slot == b_slot))
        return false;
    if (!w.broken && (kind_of(a)->owner == a_slot || kind_of(b)->owner == b_slot))
        return false;
    if (!let_both_go(a, a_slot, b, b_slot))
        return false;
    uint32_t in_a = shadow(a)->to[a_slot], in_b = shadow(b)->to[b_slot];
    if (!may_hold(a, a_slot, in_b) || !may_hold(b, b_slot, in_a))
        return false;
    say("rc_swap(&n%u.slot[%d], &n%u.slot[%d])", number(a), a_slot, number(b), b_slot);
    touch(a);
    touch(b);
    shadow_link(a, a_slot, in_b);
    shadow_link(b, b_slot, in_a);
    rc_swap_slots(address(a, a_slot), address(b, b_slot));
    return true;
}

bool call_own(uint32_t owner, int slot, uint32_t child) {
    if (!owner || !child || kind_of(child)->owner < 0 || kind_of(owner)->owner == slot || !is_here(child))
        return false;
    if (!call_set(owner, slot, child) || shadow(owner)->state != ALIVE || shadow(owner)->to[slot] != child)
        return false;
    return is_reachable(child) && is_reachable(owner) && call_set(child, kind_of(child)->owner, owner);
}

bool call_keep(uint32_t id, uint32_t kept) {
    if (!id || !is_here(id) || !kind_of(id)->keeps || (kept && !is_here(kept)))
        return false;
    struct shadow *s = shadow(id);
    uint32_t old = s->keep;
    if (!old && !kept)
        return false;
    say("n%u.keep = rc_retain(n%u)%s", s->serial, number(kept), old ? ", and release what it kept" : "");
    touch(id);
    void *before = s->body->keep;
    s->keep = kept;
    s->body->keep = NULL;
    if (kept) {
        shadow_handle(kept, 1);
        s->body->keep = (rc_retain)(shadow(kept)->object);
    }
    if (old) {
        shadow_handle(old, -1);
        rc_release(before);
    }
    return true;
}

// The slots of a row are moved to other places by hand, as a container does that grows or closes a gap.
bool call_relayout(uint32_t id, unsigned layout) {
    if (!id || !is_here(id))
        return false;
    struct shadow *s = shadow(id);
    const struct kind *k = kind_of(id);
    if (k->container)
        return container_relayout(id, layout);
    layout %= ROW;
    if (!(k->has_tail || k->has_outside) || layout == s->layout)
        return false;
    say("rc_changed(n%u), and its slots move from layout %u to %u", s->serial, s->layout, layout);
    touch(id);
    w.figures.relayouts++;
    rc_changed(s->body);
    void *held[SLOTS];
    for (int i = 0; i < k->links; i++) {
        memcpy(&held[i], address(id, i), sizeof held[i]);
        if (k->slot[i].where != IN_CELL)
            memset(address(id, i), 0, sizeof held[i]);
    }
    s->layout = (uint8_t)layout;
    if (k->has_outside) {
        void **outside = harness_alloc(row_capacity(k) * sizeof(void *));
        harness_free(s->body->outside);
        s->body->outside = outside;
        s->body->outside_count = row_count(k, layout);
    }
    if (k->has_tail)
        s->body->tail_count = row_count(k, layout);
    for (int i = 0; i < k->links; i++)
        memcpy(address(id, i), &held[i], sizeof held[i]);
    return true;
}

// More handles than fit into the header, or all of them back.
bool call_spill(uint32_t id) {
    enum { MANY = 66000 };
    if (!id)
        return false;
    struct shadow *s = shadow(id);
    void *object = s->object;
    touch(id);
    if (s->extra) {
        say("%d times rc_release(n%u)", MANY, s->serial);
        s->extra = 0;
        shadow_handle(id, -MANY);
        for (int i = 0; i < MANY; i++)
            rc_release(object);
    } else {
        say("%d times rc_retain(n%u)", MANY, s->serial);
        s->extra = MANY;
        shadow_handle(id, MANY);
        for (int i = 0; i < MANY; i++)
            (void)!rc_retain(object);
    }
    return true;
}

bool call_immortal(uint32_t id) {
    if (!id || !is_here(id) || shadow(id)->immortal)
        return false;
    say("rc_immortal(n%u)", number(id));
    touch(id);
    shadow(id)->immortal = true;
    shadow_changed();
    rc_immortal(shadow(id)->object);
    return true;
}

bool call_weak_new(unsigned i, uint32_t id) {
    if (w.weak[i].ref || !id)
        return false;
    struct rc_weak *ref = rc_weak_new(shadow(id)->object);
    if (!ref) {
        if (!w.starved)
            fail("weak", "no weak reference");
        return false;
    }
    say("weak%u = rc_weak_new(n%u)", i, number(id));
    touch(id);
    w.weak[i].ref = ref;
    w.weak[i].of = name_of(id);
    return true;
}

bool call_weak_release(unsigned i) {
    if (!w.weak[i].ref)
        return false;
    say("rc_weak_release(weak%u)", i);
    touch(0);
    for (int n = 0; n < NOTICES; n++)
        if (w.notice[n].weak == (int)i)
            w.notice[n].weak = -1;
    rc_weak_release(w.weak[i].ref);
    w.weak[i].ref = NULL;
    return true;
}

static bool upgrade(struct rc_weak *ref, struct name of, unsigned hand) {
    bool alive = is_alive(of), reachable = alive && is_reachable(of.id);
    void *object = rc_weak_get(ref);
    say("rc_weak_get(weak of n%u) -> %s%s", of.serial, object ? "it" : "NULL",
        reachable ? ""
        : alive   ? "  // garbage"
                  : "  // dead");
    touch(alive && reachable ? of.id : 0);
    if (!object) {
        if (reachable)
            fail("weak", "n%u can be reached, but its weak reference gives NULL", of.serial);
        w.figures.refused += alive;
        return false;
    }
    if (!alive || object != shadow(of.id)->object)
        fail("weak", "n%u is dead, but its weak reference gives an object", of.serial);
    give_hand(hand, of.id);
    if (!reachable) {
        w.figures.upgraded++;
        check_whole(of.id);
        check_body(of.id);
    }
    return true;
}

bool call_weak_get(unsigned i, unsigned hand) {
    if (!w.weak[i].ref || w.hand[hand])
        return false;
    upgrade(w.weak[i].ref, w.weak[i].of, hand);
    return true;
}

static struct rc_weak **weak_slot(uint32_t id, int slot) {
    return (struct rc_weak **)(void *)&shadow(id)->body->cell[kind_of(id)->weak_cell[slot]];
}

bool call_weak_set(uint32_t id, int slot, uint32_t to) {
    if (!id || !is_here(id) || slot >= kind_of(id)->weak_count)
        return false;
    if (!rc_weak_set(weak_slot(id, slot), to ? shadow(to)->object : NULL)) {
        if (!w.starved)
            fail("weak", "no weak reference");
        return false;
    }
    say("rc_weak_set(&n%u.weak[%d], n%u)", number(id), slot, number(to));
    touch(id);
    shadow(id)->weak[slot] = name_of(to);
    return true;
}

bool call_weak_slot_get(uint32_t id, int slot, unsigned hand) {
    if (!id || !is_here(id) || slot >= kind_of(id)->weak_count || w.hand[hand])
        return false;
    struct rc_weak *ref = *weak_slot(id, slot);
    if (!ref)
        return false;
    upgrade(ref, shadow(id)->weak[slot], hand);
    return true;
}

static void on_notice(void *arg) {
    struct notice *n = arg;
    say("the notice of n%u is called", n->of.serial);
    if (!n->used || n->called)
        fail("notice", "the notice of n%u is called twice, or was never asked for", n->of.serial);
    if (is_alive(n->of) && (kind_of(n->of.id)->destructors || (!w.ending && is_reachable(n->of.id))))
        fail("notice", "the notice of n%u is called, and it is alive", n->of.serial);
    n->called = true;
}

bool call_notify(unsigned i) {
    int free = 0;
    while (free < NOTICES && w.notice[free].used)
        free++;
    if (!w.weak[i].ref || free == NOTICES)
        return false;
    // Of a dead one the memory may still be there, and nobody but its heap knows.
    if (is_alive(w.weak[i].of) ? shadow(w.weak[i].of.id)->heap != w.here : w.heaps > 1)
        return false;
    struct notice *n = &w.notice[free];
    *n = (struct notice){.of = w.weak[i].of, .used = true, .weak = (int)i};
    say("rc_weak_notify(weak%u of n%u)", i, n->of.serial);
    touch(0);
    if (!rc_weak_notify(w.weak[i].ref, on_notice, n)) {
        if (!w.starved)
            fail("notice", "no memory for a notice");
        n->used = false;
    }
    return true;
}

enum rc_step call_step(uint64_t budget) {
    w.figures.units++;
    note_phase();
    enum rc_step step = rc_collect_step(budget);
    say_steps(budget, rc_phase_name(rc_collect_phase()));
    if (step == RC_STEP_OUT_OF_MEMORY && !w.starved)
        fail("step", "a collection was called off for lack of memory");
    if (!w.depth && step != RC_STEP_OUT_OF_MEMORY && (step == RC_STEP_MORE) != (rc_collect_pending() > 0))
        fail("step", "rc_collect_step returned %d, but %zu are pending", step, rc_collect_pending());
    return step;
}

// Returns whether the collection was whole.
bool call_collect(void) {
    note_phase();
    say("rc_collect()");
    errno = 0;
    size_t n = rc_collect();
    if (w.depth && n)
        fail("nested", "a nested collection destroyed %zu objects", n);
    if (errno == ENOMEM && !w.starved)
        fail("collect", "a collection was called off for lack of memory");
    return errno != ENOMEM;
}

bool call_merge(bool into_other, bool from_outside) {
    if (w.heaps == 1 || w.depth)
        return false;
    int into = into_other ? 1 - w.here : w.here, from = 1 - into;
    struct rc_heap *fresh = rc_heap_new(&w.options);
    if (!fresh && !w.starved)
        fail("heap", "no heap");
    if (!fresh)
        return false;
    say("rc_heap_merge(heap %d, heap %d)%s", into, from, from_outside ? ", from outside" : "");
    if (from_outside)
        call_leave();
    w.merging = true;
    errno = 0;
    bool merged = rc_heap_merge(w.heap[into], w.heap[from]);
    w.merging = false;
    if (!merged && (!w.starved || errno != ENOMEM))
        fail("merge", "the heaps are not merged, errno %d", errno);
    if (merged) {
        w.figures.merges++;
        shadow_merge(into);
        shadow_changed();
        w.heap[from] = fresh;
        w.here = into;
        if (from_outside || into_other)
            call_enter();
        check_reachable();
    } else {
        rc_heap_free(fresh);
        if (from_outside)
            call_enter();
    }
    return merged;
}

bool call_collect_heaps(bool from_outside) {
    if (w.depth)
        return false;
    say("rc_collect_heaps(all)%s", from_outside ? ", from outside" : "");
    w.figures.both++;
    if (from_outside)
        call_leave();
    errno = 0;
    rc_collect_heaps(w.heap, (size_t)w.heaps);
    bool whole = errno != ENOMEM;
    if (from_outside)
        call_enter();
    if (rc_heap_current() != w.heap[w.here])
        fail("heap", "rc_collect_heaps has left the heap");
    if (!whole && !w.starved)
        fail("collect", "a collection was called off for lack of memory");
    return whole;
}

void call_switch(int heap) {
    if (w.heaps == 1 || w.here == heap || w.depth)
        return;
    say("inside heap %d now", heap);
    call_leave();
    w.here = heap;
    call_enter();
}

void call_leave(void) {
    rc_heap_leave(w.heap[w.here]);
}

void call_enter(void) {
    rc_heap_enter(w.heap[w.here]);
}

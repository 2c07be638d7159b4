// SPDX-License-Identifier: MIT
// Two heaps become one: all that is in [from] is in [into] afterwards, at the same addresses, and [from] is gone.
//
// Which heap an object belongs to stands in its class, so it is the classes that change heaps; the objects are not touched.
// Pages, blocks and lists are put together as they are. What has to be done in which order:
//
//   SETTLE    [from]'s collection ends, and the object that it is clearing in pieces is cleared. [into]'s goes on, unless its
//             garbage may have links into [from].
//   RESERVE   Room in [into] for [from]'s suspects, inbox and weak references, and under [into]'s limit for all of [from]. This
//             is the last thing that can fail.
//   DOORS     Classes, weak references and what is in the inbox move to [into]'s door: under the locks of both doors, so for
//             all other threads at one moment. They may retain, release and upgrade all the time (F4).
//   CONVERT   A link from one heap to the other counted as a handle there (C1), and becomes a link: as if its slot were given
//             what it holds (rc_give), with all that follows for suspects and marks (R1, R5). The objects of a heap are gone
//             through only if there may be such links: a heap remembers whether it ever linked to another (outward), and
//             whether another ever linked to it (linked). Until this is done, classes still name the heap that they came
//             from; but which of them can be in a cycle has been inferred for both heaps together.
//   JOIN      Classes, blocks, suspects, the dead, notices, figures.
//
// Class numbers: see class.c. While there are few duplicates, objects keep their numbers, and a merge costs no more than is
// said above. When there are many, the objects of [from] that nobody holds take the numbers of [into], in a pass over all of
// [from].
#include "block.h"
#include "element.h"

enum { DUPLICATES = 256 }; // how many a heap may have before a merge goes through the objects

static bool same_allocator(const struct rc_heap *a, const struct rc_heap *b) {
    return a->allocator.alloc == b->allocator.alloc && a->allocator.free == b->allocator.free &&
           a->allocator.arg == b->allocator.arg;
}

static bool may_link(const struct rc_heap *a, const struct rc_heap *b) {
    assert(a != b);
    return a->outward && rc__word_load(&b->door->linked);
}

// SETTLE. Destructors may run, but can neither begin a collection nor merge.
static void settle(struct rc_heap *into, struct rc_heap *from) {
    assert(into != from && !into->reaping && !from->reaping);
    assert(rc__is_mine(into) && rc__is_mine(from));
    into->cc.busy = from->cc.busy = true;
    do {
        if (into->cc.phase >= RC_PHASE_DESTROY && may_link(into, from)) {
            rc__enter_held(into);
            cc_settle(into);
            rc__leave_held(into);
        }
        rc__enter_held(from);
        cc_settle(from);
        while (from->clearing)
            rc__reap(from, 1);
        rc__leave_held(from);
    } while (into->cc.phase >= RC_PHASE_DESTROY && may_link(into, from));
    into->cc.busy = from->cc.busy = false;
    assert(from->cc.phase == RC_PHASE_IDLE && !from->clearing);
}

static void lock_doors(const struct rc_heap *into, const struct rc_heap *from) {
    assert(into->door != from->door);
    struct rc__door *a = into->door, *b = from->door;
    rc__lock(&(a < b ? a : b)->lock);
    rc__lock(&(a < b ? b : a)->lock);
}

static void unlock_doors(const struct rc_heap *into, const struct rc_heap *from) {
    assert(into->door->heap == into && from->door->heap == from);
    rc__unlock(&into->door->lock);
    rc__unlock(&from->door->lock);
}

// RESERVE
static bool reserve(struct rc_heap *into, const struct rc_heap *from) {
    assert(rc__is_mine(into) && rc__is_mine(from));
    assert(from->suspect_count <= from->objects);
    size_t objects = into->objects + into->husks + from->objects + from->husks;
    size_t chunks = (objects + RC__CHUNK_POINTERS - 1) / RC__CHUNK_POINTERS;
    if (objects > RC__INDEX_MAX || !rc__pointers_reserve(into, &into->suspects, chunks))
        return false;
    rc__lock(&into->door->lock);
    bool ok = rc__pointers_reserve(into, &into->door->inbox, chunks);
    rc__unlock(&into->door->lock);
    if (ok && chunks * RC__CHUNK_POINTERS > into->reserved)
        into->reserved = chunks * RC__CHUNK_POINTERS;
    return ok;
}

// DOORS. false, with nothing changed, if there is no room for the weak references.
static bool change_doors(struct rc_heap *into, struct rc_heap *from) {
    assert(rc__is_mine(into) && rc__is_mine(from));
    assert(from->cc.phase == RC_PHASE_IDLE && !from->clearing);
    lock_doors(into, from);
    bool ok = rc__weak_reserve(into, from);
    if (ok) {
        rc__weak_merge(into, from);
        rc__classes_door(from, into->door);
        rc__door_merge(into, from);
    }
    unlock_doors(into, from);
    return ok;
}

struct convert {
    struct rc_visitor visitor;
    struct rc_heap *home, *other; // slots of [home]'s objects that lead to [other]'s
    bool outward;                 // there are others, to a third heap
};

static void convert_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct convert *convert = (struct convert *)visitor;
    assert(convert->home != convert->other);
    for (; n; n--, first += sizeof(void *)) {
        void *obj = rc__load(first);
        struct rc_heap *heap = obj ? rc__heap(RC__HEADER(obj)) : NULL;
        if (heap == convert->other && heap)
            rc__handle_to_link(heap, RC__HEADER(obj), "rc_heap_merge");
        else if (heap && heap != convert->home)
            convert->outward = true;
    }
}

static void convert_object(struct rc__header *h, void *arg) {
    assert(rc__is_object(h));
    assert(h->word & RC__HUSK || rc__class(h)->type); // K2
    if (!(h->word & RC__HUSK))
        rc__trace(h, arg, 0, RC__ALL_SLOTS);
}

// CONVERT, for the links of [home] to [other]. Slots of garbage that is being freed may lead to what is gone. If any of that
// garbage could lead to [other], it was settled; and if [other]'s door was linked since then, then by something in a third
// heap.
static void convert(struct rc_heap *home, struct rc_heap *other) {
    assert(home != other && rc__is_mine(home) && rc__is_mine(other));
    struct convert convert = {.visitor.slots = convert_slots, .home = home, .other = other};
    if (home->cc.phase >= RC_PHASE_DESTROY || !may_link(home, other))
        return;
    rc__each_object(home, convert_object, &convert);
    home->outward = convert.outward;
}

static void join_suspects(struct rc_heap *into, struct rc_heap *from) {
    assert(into->old_count <= into->suspect_count && from->old_count <= from->suspect_count);
    assert(into->suspect_count + from->suspect_count <= into->reserved);
    for (size_t i = 0; i < from->suspect_count; i++) {
        struct rc__header *h = *rc__pointer_at(&from->suspects, i);
        assert(h->word & RC__SUSPECT && !(h->word & RC__GRAPH) && rc__index(h) == i);
        h->word &= ~RC__OLD; // it joins the young ones
        *rc__pointer_at(&into->suspects, into->suspect_count) = h;
        rc__set_index(h, (uint32_t)into->suspect_count++);
    }
    from->suspect_count = from->old_count = 0;
}

static void join_stats(struct rc_stats *into, const struct rc_stats *from) {
    assert(into != from);
    into->reclaimed_count += from->reclaimed_count;
    into->reclaimed_collect += from->reclaimed_collect;
    into->collections += from->collections;
    into->called_off += from->called_off;
    into->slices += from->slices;
    into->nodes += from->nodes;
    into->edges += from->edges;
    into->climbed += from->climbed;
    into->pardoned += from->pardoned;
    if (from->graph_bytes_max > into->graph_bytes_max)
        into->graph_bytes_max = from->graph_bytes_max;
    for (int i = 0; i < RC_PHASE_COUNT; i++)
        if (from->slice_ns_max[i] > into->slice_ns_max[i])
            into->slice_ns_max[i] = from->slice_ns_max[i];
}

// K1
static void rejoin(struct rc__header *h, void *arg) {
    assert(rc__is_object(h));
    if (!rc__is_dead(h) && rc__class(h)->first)
        rc__class_rejoin(arg, h);
}

static void join(struct rc_heap *into, struct rc_heap *from) {
    assert(from->cc.phase == RC_PHASE_IDLE && !from->clearing);
    assert(from->door->inbox_count == 0 && from->weak.count == 0);
    assert(into->objects + into->husks + from->objects + from->husks <= into->reserved); // R3
    rc__classes_switch(into, from);
    rc__classes_trim(into);
    if (into->duplicate_count > DUPLICATES) {
        rc__each_object(from, rejoin, into);
        rc__classes_trim(into);
    }
    rc__blocks_merge(into, from);
    rc__interns_merge(into, from);
    rc__extras_merge(into, from);
    join_suspects(into, from);
    rc__dead_merge(into, from);
    rc__rubbish_merge(into, from);
    into->objects += from->objects;
    into->husks += from->husks;
    into->bytes += from->bytes;
    into->outward |= from->outward;
    if (into->stamp < from->stamp) // L2: a position in a list of [from]'s may be stale
        into->stamp = from->stamp;
    into->memory += from->memory; // M1
    from->memory = 0;
    join_stats(&into->stats, &from->stats);
}

static bool has_room_for(struct rc_heap *into, const struct rc_heap *from) {
    return rc__memory_fits(into, rc__memory_of(from));
}

static bool merge(struct rc_heap *into, struct rc_heap *from) {
    assert(!into->cc.busy && !from->cc.busy);
    settle(into, from);
    rc__pages_unkeep(from); // those that [into] keeps may do
    // Room is asked for twice. First, so that a heap that is much too large does not make the tables of [into] larger in vain;
    // and then because these count, too.
    if (!has_room_for(into, from) || !reserve(into, from) || !rc__interns_reserve(into, from) ||
        !rc__extras_reserve(into, from) || !has_room_for(into, from) || !change_doors(into, from))
        return rc__fails(ENOMEM);
    rc__classes_merge(into, from);
    convert(from, into);
    convert(into, from);
    join(into, from);
    return true;
}

bool rc_heap_merge(struct rc_heap *into, struct rc_heap *from) {
    if (!into || !from) {
        rc__fault(RC_FAULT_NULL, "rc_heap_merge", NULL, "the heap is NULL");
        return rc__fails(EINVAL);
    }
    if (into == from || rc__in_callback() || rc__entries(from) > 1 || !rc__can_enter("rc_heap_merge"))
        return rc__fails(EINVAL);
    struct rc_heap *held = rc__hold((struct rc_heap *const[]){into, from}, 2);
    bool ok = same_allocator(into, from) ? merge(into, from) : rc__fails(EINVAL);
    if (ok) {
        cc_abandon(from);
        held = into;
        into->next_held = NULL;
        rc__heap_end(from);
        if (into->dead || into->notices) {
            rc__enter_held(into);
            rc__reap(into, into->release_limit);
            rc__leave_held(into);
        }
    }
    rc__let_go(held);
    return ok;
}

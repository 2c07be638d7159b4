// SPDX-License-Identifier: MIT
// See containers.h. As in calls.c, the shadow graph changes first. A container is held while it is worked on, for what dies
// of that may be what led to it.
#include "containers.h"

#include "calls.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {[ARRAY] = "array",
                                    [LIST] = "list",
                                    [MAP] = "map",
                                    [EXTENDED] = "array",
                                    [WEAK_MAP] = "weak_map"};

void *container_new(const struct kind *k) {
    switch (k->container) {
    case ARRAY:
        return rc_array_new(&rc_link_element);
    case LIST:
        return rc_list_new(&rc_link_element);
    case MAP:
        return rc_map_new(&rc_int64_element, &rc_link_element);
    case WEAK_MAP:
        return rc_weak_map_new();
    default:
        break;
    }
    struct rc_array *array = rc_new(&k->type);
    if (array && !rc_array_init(array, &rc_link_element))
        fail("container", "rc_array_init fails, errno %d", errno);
    return array;
}

static void hold(uint32_t id) {
    shadow_handle(id, 1);
    (void)!rc_retain(shadow(id)->object);
}

static void let_it_go(uint32_t id) {
    void *object = shadow(id)->object;
    shadow_handle(id, -1);
    rc_release(object);
}

// A call has returned [ok]; it may only fail for memory.
static bool went_well(bool ok, const char *call) {
    if (!ok && (!w.starved || errno != ENOMEM))
        fail("container", "%s fails, errno %d", call, errno);
    return ok;
}

static size_t index_of(uint32_t id, unsigned at) {
    return padding(kind_of(id), shadow(id)->layout) + at;
}

static void *object_of(uint32_t id) {
    return id ? shadow(id)->object : NULL;
}

// A NULL that no slot is.
static bool add_padding(uint32_t id, size_t i) {
    void *object = shadow(id)->object;
    switch (kind_of(id)->container) {
    case LIST:
        return !rc_list_is_none(rc_list_push_front(object, NULL));
    case MAP:
        return rc_map_set_int(object, -1 - (int64_t)i, NULL);
    default:
        return rc_array_insert(object, 0, NULL);
    }
}

// The element [at], which is missing.
static bool add(uint32_t id, unsigned at) {
    struct shadow *s = shadow(id);
    switch (kind_of(id)->container) {
    case LIST:
        s->pos[at] = at & 1 ? rc_list_push_back(s->object, NULL) : rc_list_push_front(s->object, NULL);
        return !rc_list_is_none(s->pos[at]);
    case MAP:
        return rc_map_set_int(s->object, map_key((int)at), NULL);
    default:
        return rc_array_insert(s->object, index_of(id, at), NULL);
    }
}

void container_fill(uint32_t id) {
    struct shadow *s = shadow(id);
    const struct kind *k = kind_of(id);
    if (k->container == WEAK_MAP)
        return;
    s->hollow = true;
    s->layout = 0;
    for (size_t i = 0; i < padding(k, 0); i++)
        if (!went_well(add_padding(id, i), "padding"))
            return;
    for (unsigned at = 0; at < ROW; at++)
        if (!went_well(add(id, at), "adding"))
            return;
    s->hollow = false;
}

static void empty(uint32_t id) {
    struct shadow *s = shadow(id);
    s->hollow = true;
    for (int i = 0; i < ROW; i++)
        shadow_link(id, i, 0);
    switch (kind_of(id)->container) {
    case LIST:
        rc_list_clear(s->object);
        break;
    case MAP:
        rc_map_clear(s->object);
        break;
    default:
        rc_array_clear(s->object);
    }
}

// Element [at] was taken out and has to be there again.
static void put_back(uint32_t id, unsigned at) {
    if (went_well(add(id, at), "putting back"))
        shadow(id)->hollow = false;
    else
        empty(id);
}

// ---- what leaves the slots as they are

// The removal destroys what had died before, if anything had, and a callback may then take the array's last handle.
static void relayout_array(uint32_t id, unsigned how) {
    struct shadow *s = shadow(id);
    struct name array = name_of(id);
    for (unsigned to = how % ROW; s->layout < to; s->layout++)
        if (!went_well(add_padding(id, 0), "rc_array_insert"))
            return;
    unsigned many = s->layout - how % ROW;
    s->layout = how % ROW;
    if (many && !went_well(rc_array_remove_range(s->object, 0, many), "rc_array_remove_range")) {
        s->layout = (uint8_t)(s->layout + many);
        return;
    }
    if (!is_alive(array) || !is_reachable(id))
        return;
    if (how & 8)
        went_well(rc_array_shrink(s->object), "rc_array_shrink");
    if (how & 16)
        went_well(rc_array_reserve(s->object, 2 * rc_array_size(s->object)), "rc_array_reserve");
}

static int by_address(const void *a, const void *b) {
    void *p, *q;
    memcpy(&p, a, sizeof p);
    memcpy(&q, b, sizeof q);
    return (p > q) - (p < q);
}

// All positions change; the order does not.
static void shrink_list(struct shadow *s) {
    size_t place[ROW] = {0};
    struct rc_list_iter it = rc_list_iter(s->object);
    for (size_t n = 0; rc_list_step(&it) == RC_ITER_ITEM; n++)
        for (int i = 0; i < ROW; i++)
            if (rc_list_same(it.pos, s->pos[i]))
                place[i] = n;
    if (!went_well(rc_list_shrink(s->object), "rc_list_shrink"))
        return;
    it = rc_list_iter(s->object);
    for (size_t n = 0; rc_list_step(&it) == RC_ITER_ITEM; n++)
        for (int i = 0; i < ROW; i++)
            if (place[i] == n)
                s->pos[i] = it.pos;
}

static void relayout_list(struct shadow *s, unsigned how) {
    switch (how % 4) {
    case 0:
        rc_list_reverse(s->object);
        break;
    case 1:
        went_well(rc_list_sort(s->object, by_address), "rc_list_sort");
        break;
    case 2:
        shrink_list(s);
        break;
    default:
        went_well(rc_list_reserve(s->object, 2 * rc_list_size(s->object)), "rc_list_reserve");
    }
}

bool container_relayout(uint32_t id, unsigned how) {
    struct shadow *s = shadow(id);
    if (s->hollow)
        return false;
    say("n%u moves its elements about (%u)", s->serial, how);
    touch(id);
    w.figures.relayouts++;
    switch (kind_of(id)->container) {
    case LIST:
        relayout_list(s, how);
        break;
    case MAP:
        if (how & 1)
            went_well(rc_map_shrink(s->object), "rc_map_shrink");
        else
            went_well(rc_map_reserve(s->object, rc_map_size(s->object) + how), "rc_map_reserve");
        break;
    case WEAK_MAP:
        went_well(rc_weak_map_reserve(s->object, how), "rc_weak_map_reserve");
        break;
    default:
        relayout_array(id, how);
    }
    return true;
}

// ---- one element

static void set(uint32_t id, unsigned at, uint32_t to) {
    struct shadow *s = shadow(id);
    uint32_t old = s->to[at];
    bool ok;
    shadow_link(id, (int)at, to);
    switch (kind_of(id)->container) {
    case LIST:
        ok = rc_list_set(s->object, s->pos[at], object_of(to));
        break;
    case MAP:
        ok = rc_map_set_int(s->object, map_key((int)at), object_of(to));
        break;
    default:
        ok = rc_array_set(s->object, index_of(id, at), object_of(to));
    }
    if (!went_well(ok, "setting"))
        shadow_link(id, (int)at, old);
}

static void take(uint32_t id, unsigned at, unsigned hand) {
    struct shadow *s = shadow(id);
    uint32_t to = s->to[at];
    int64_t key = map_key((int)at);
    void *got;
    give_hand(hand, to);
    shadow_link(id, (int)at, 0);
    s->hollow = true;
    switch (kind_of(id)->container) {
    case LIST:
        got = rc_list_take(s->object, s->pos[at]);
        break;
    case MAP:
        if (!rc_map_take(s->object, &key, &got))
            fail("container", "the map has lost an element");
        break;
    default:
        got = rc_array_take(s->object, index_of(id, at));
    }
    if (got != shadow(to)->object)
        fail("container", "n%u: element %u is not what was put there", s->serial, at);
    put_back(id, at);
}

static void take_out(uint32_t id, unsigned at, bool fast) {
    struct shadow *s = shadow(id);
    int64_t key = map_key((int)at);
    bool ok;
    shadow_link(id, (int)at, 0);
    s->hollow = true;
    switch (kind_of(id)->container) {
    case LIST:
        ok = rc_list_remove(s->object, s->pos[at]);
        break;
    case MAP:
        ok = rc_map_remove(s->object, &key);
        break;
    default:
        if (!fast) {
            ok = rc_array_remove(s->object, index_of(id, at));
            break;
        }
        s->to[at] = s->to[ROW - 1]; // the last one comes here
        s->to[ROW - 1] = 0;
        ok = rc_array_remove_fast(s->object, index_of(id, at));
        at = ROW - 1;
    }
    if (!ok)
        fail("container", "n%u: element %u cannot be removed, errno %d", s->serial, at, errno);
    put_back(id, at);
}

static void exchange(uint32_t id, unsigned at, unsigned other_at) {
    struct shadow *s = shadow(id);
    switch (kind_of(id)->container) {
    case LIST:
        went_well(rc_list_move(s->object, s->pos[at], s->pos[other_at]), "rc_list_move");
        break;
    case MAP:
        break;
    default:
        went_well(rc_array_swap(s->object, index_of(id, at), index_of(id, other_at)), "rc_array_swap");
        uint32_t to = s->to[at];
        s->to[at] = s->to[other_at];
        s->to[other_at] = to;
    }
}

// Element [at] becomes a copy of another one of the same container, whose address is given.
static void repeat(uint32_t id, unsigned at, unsigned other_at) {
    struct shadow *s = shadow(id);
    void *value = address(id, (int)other_at);
    uint32_t old = s->to[at];
    bool ok;
    struct rc_list_pos pos = s->pos[at];
    shadow_link(id, (int)at, s->to[other_at]);
    if (kind_of(id)->container == MAP) {
        int64_t key = map_key((int)at);
        ok = rc_map_put(s->object, &key, value);
    } else if (kind_of(id)->container == LIST) {
        s->pos[at] = rc_list_insert_value(s->object, pos, value);
        ok = !rc_list_is_none(s->pos[at]);
        if (ok)
            rc_list_remove(s->object, pos);
        else
            s->pos[at] = pos;
    } else {
        ok = rc_array_insert_value(s->object, index_of(id, at), value);
        s->hollow = ok; // it has one too many when that one's destructors run
        if (ok)
            rc_array_remove(s->object, index_of(id, at) + 1);
        s->hollow = false;
    }
    if (!went_well(ok, "repeating"))
        shadow_link(id, (int)at, old);
}

// ---- two containers

static bool move_element(uint32_t id, unsigned at, uint32_t other, unsigned other_at) {
    struct shadow *s = shadow(id), *o = shadow(other);
    int64_t key = map_key((int)at), other_key = map_key((int)other_at);
    struct rc_list_pos pos = s->pos[at], from = o->pos[other_at];
    void *value;
    switch (kind_of(id)->container) {
    case LIST:
        if (!rc_list_splice(s->object, pos, o->object, from, from))
            return false;
        s->pos[at] = rc_list_prev(s->object, pos);
        return rc_list_remove(s->object, pos);
    case MAP:
        return rc_map_take(o->object, &other_key, &value) && rc_map_put_give(s->object, &key, &value);
    default:
        return rc_array_move_range(s->object, index_of(id, at), o->object, index_of(other, other_at), 1) &&
               rc_array_remove(s->object, index_of(id, at) + 1);
    }
}

static void move_over(uint32_t id, unsigned at, uint32_t other, unsigned other_at) {
    struct shadow *s = shadow(id), *o = shadow(other);
    uint32_t old = s->to[at], moved = o->to[other_at];
    hold(other);
    shadow_link(id, (int)at, moved);
    shadow_link(other, (int)other_at, 0);
    s->hollow = o->hollow = true;
    bool ok = move_element(id, at, other, other_at);
    s->hollow = o->hollow = false;
    if (went_well(ok, "moving")) {
        put_back(other, other_at);
    } else {
        shadow_link(other, (int)other_at, moved);
        shadow_link(id, (int)at, old);
    }
    let_it_go(other);
}

static void *copy_of(enum container container, void *object) {
    switch (container) {
    case LIST:
        return rc_list_copy(object);
    case MAP:
        return rc_map_copy(object);
    default:
        return rc_array_slice(object, 0, SIZE_MAX);
    }
}

static bool copy(uint32_t id, unsigned hand) {
    if (kind_of(id)->container == EXTENDED || w.hand[hand] || w.alive >= w.limit || (w.depth && w.fuel-- <= 0))
        return false;
    uint32_t made = shadow_new();
    if (!made)
        return false;
    struct shadow *s = shadow(id), *c = shadow(made);
    c->kind = s->kind;
    c->heap = s->heap;
    c->layout = s->layout;
    c->object = copy_of(kind_of(id)->container, s->object);
    if (!went_well(c->object, "copying")) {
        shadow_destroyed(made);
        return false;
    }
    w.figures.made++;
    for (int i = 0; i < ROW; i++)
        shadow_link(made, i, s->to[i]);
    if (kind_of(id)->container == LIST) {
        struct rc_list_iter a = rc_list_iter(s->object), b = rc_list_iter(c->object);
        while (rc_list_step(&a) == RC_ITER_ITEM && rc_list_step(&b) == RC_ITER_ITEM)
            for (int i = 0; i < ROW; i++)
                if (rc_list_same(a.pos, s->pos[i]))
                    c->pos[i] = b.pos;
    }
    give_hand(hand, made);
    return true;
}

static bool is_row(uint32_t id) {
    enum container container = kind_of(id)->container;
    return container && container != WEAK_MAP && is_here(id) && !shadow(id)->hollow;
}

// Owners keep their promise by slot (calls.c); these calls leave them alone.
static bool is_owner(uint32_t id) {
    for (int i = 0; i < ROW; i++) {
        uint32_t child = shadow(id)->to[i];
        if (child && kind_of(child)->owner >= 0 && shadow(child)->to[kind_of(child)->owner] == id)
            return true;
    }
    return false;
}

static bool is_same_sort(uint32_t a, uint32_t b) {
    return rc_is_a(shadow(a)->object, &rc_array_type) ? rc_is_a(shadow(b)->object, &rc_array_type)
                                                     : kind_of(a)->container == kind_of(b)->container;
}

enum { SET, TAKE, REMOVE, EXCHANGE, REPEAT, MOVE, COPY, CLEAR, WAYS };

static bool is_allowed(uint32_t id, unsigned at, uint32_t other, unsigned other_at, unsigned hand, unsigned how) {
    switch (how) {
    case SET:
        return may_hold(id, (int)at, other);
    case TAKE:
        return shadow(id)->to[at] && !w.hand[hand];
    case MOVE:
        return other && other != id && is_row(other) && is_same_sort(id, other) && !is_owner(other) &&
               !(w.starved && kind_of(id)->container == MAP) && may_hold(id, (int)at, shadow(other)->to[other_at]);
    default:
        return true;
    }
}

bool call_element(uint32_t id, unsigned at, uint32_t other, unsigned other_at, unsigned hand, unsigned how) {
    static const char *const ways[WAYS] = {"set", "take", "remove", "exchange", "repeat", "move", "copy", "clear"};
    unsigned way = how % WAYS;
    at %= ROW;
    other_at %= ROW;
    if (!id || !is_row(id) || is_owner(id) || !is_allowed(id, at, other, other_at, hand, way))
        return false;
    say("%s n%u: %s [%u] (n%u, [%u])", names[kind_of(id)->container], shadow(id)->serial, ways[way], at,
        other ? shadow(other)->serial : 0, other_at);
    touch(id);
    w.figures.elements++;
    hold(id);
    switch (way) {
    case SET:
        set(id, at, other);
        break;
    case TAKE:
        take(id, at, hand);
        break;
    case REMOVE:
        take_out(id, at, how & 8);
        break;
    case EXCHANGE:
        exchange(id, at, other_at);
        break;
    case REPEAT:
        repeat(id, at, other_at);
        break;
    case MOVE:
        move_over(id, at, other, other_at);
        break;
    case COPY:
        copy(id, hand);
        break;
    default:
        empty(id);
        container_fill(id);
    }
    let_it_go(id);
    return true;
}

// ---- entries of weak maps

// Whatever is a key is in cycles, whatever its type promised; but a type above it that promises the same has to keep that.
static bool may_be_key(uint32_t id) {
    for (int i = 0; i < w.kinds; i++)
        if (w.kind[i].type.acyclic && w.kind[i].rank > kind_of(id)->rank)
            return false;
    return true;
}

static bool put_entry(uint32_t map, uint32_t key, uint32_t value) {
    struct entry *e = entry_of(map, key);
    for (int i = 0; !e && i < ENTRIES; i++)
        if (!w.entry[i].used)
            e = &w.entry[i];
    if (!e || !may_be_key(key) || (value && !is_here(value)))
        return false;
    bool fresh = !e->used;
    if (fresh)
        *e = (struct entry){name_of(map), name_of(key), 0, true};
    uint32_t old = e->value;
    shadow_entry(e, value);
    if (went_well(rc_weak_map_put(object_of(map), object_of(key), object_of(value)), "rc_weak_map_put"))
        return true;
    shadow_entry(e, old);
    e->used = !fresh;
    return true;
}

static bool remove_entry(uint32_t map, uint32_t key) {
    struct entry *e = entry_of(map, key);
    bool there = e != NULL;
    if (there) {
        e->used = false;
        shadow_entry(e, 0);
    }
    if (rc_weak_map_remove(object_of(map), object_of(key)) != there)
        fail("entry", "removing the entry of n%u says %d", shadow(key)->serial, !there);
    return true;
}

static void clear_entries(uint32_t map) {
    for (int i = 0; i < ENTRIES; i++)
        if (w.entry[i].used && w.entry[i].map.id == map) {
            w.entry[i].used = false;
            shadow_entry(&w.entry[i], 0);
        }
    rc_weak_map_clear(object_of(map));
}

static void get_entry(uint32_t map, uint32_t key, unsigned hand) {
    const struct entry *e = entry_of(map, key);
    void *got = rc_weak_map_get(object_of(map), object_of(key));
    if (got != (e ? object_of(e->value) : NULL))
        fail("entry", "the entry of n%u in n%u is not what was put there", shadow(key)->serial, shadow(map)->serial);
    if (!got || w.hand[hand])
        return;
    give_hand(hand, e->value);
    (void)!rc_retain(got);
}

bool call_entry(uint32_t map, uint32_t key, uint32_t value, unsigned hand, unsigned how) {
    static const char *const ways[8] = {"put", "put", "put", "put", "get", "get", "remove", "clear"};
    if (!map || !key || kind_of(map)->container != WEAK_MAP || !is_here(map) || !is_here(key))
        return false;
    say("weak map n%u: %s key n%u (n%u)", shadow(map)->serial, ways[how % 8], shadow(key)->serial,
        value ? shadow(value)->serial : 0);
    touch(key);
    w.figures.entries++;
    hold(map);
    switch (how % 8) {
    case 4:
    case 5:
        get_entry(map, key, hand);
        break;
    case 6:
        remove_entry(map, key);
        break;
    case 7:
        clear_entries(map);
        break;
    default:
        put_entry(map, key, value);
    }
    let_it_go(map);
    return true;
}

static size_t entries_of(uint32_t map) {
    size_t n = 0;
    for (int i = 0; i < ENTRIES; i++)
        n += w.entry[i].used && w.entry[i].map.id == map;
    return n;
}

void check_entries(bool exact) {
    for (int i = 0; i < ENTRIES; i++) {
        const struct entry *e = &w.entry[i];
        if (!e->used || !is_here(e->map.id) || !is_reachable(e->map.id) || !is_reachable(e->key.id))
            continue;
        if (!rc_weak_map_has(object_of(e->map.id), object_of(e->key.id)) ||
            rc_weak_map_get(object_of(e->map.id), object_of(e->key.id)) != object_of(e->value))
            fail("entry", "n%u has lost the entry of n%u", e->map.serial, e->key.serial);
    }
    for (uint32_t i = 0; exact && i < w.listed; i++) {
        uint32_t id = w.list[i];
        if (shadow(id)->state != ALIVE || kind_of(id)->container != WEAK_MAP || !is_here(id))
            continue;
        if (rc_weak_map_size(object_of(id)) != entries_of(id))
            fail("entry", "n%u has %zu entries, should have %zu", shadow(id)->serial, rc_weak_map_size(object_of(id)),
                 entries_of(id));
    }
}

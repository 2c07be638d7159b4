// SPDX-License-Identifier: MIT
// Classes: what a heap makes of a type when its first object is made. The table is checked (type.c), its declared slots and
// those of its bases are flattened into rows, and it is found out whether an object of it can be part of a cycle at all.
//
// Acyclic inference: a type is acyclic if no way leads from its slots back to itself. A slot that names its target can hold
// that type and every type that extends it; a slot that names none, a tail and a trace can hold anything. Types that extend
// another one may turn up later, so with each new class the question is asked anew for all classes of the heap. That is
// sound: a cycle that the new type makes possible has an object of it, so whatever makes garbage of that cycle is still to
// come, and will find the new answer (R1).
//
// A merge of heaps brings classes of types that have a class already: duplicates. Objects keep the number that they have, since
// a thread with a handle may be reading it; new objects get that of the first class. An object without handles, whose number no
// other thread can be reading, gets that of the first, too (K1); a duplicate whose number no object has is given back (K2).
//
//   K1  A duplicate and its first are of one heap and agree in all that the table says; they differ in their counts.
//   K2  live is the number of objects that have the class's number. (Husks may have it, too, but nobody asks for their class.)
#include "object.h"

_Alignas(64) struct rc__class rc__classes[1 << 15];
_Static_assert(sizeof(void *) != 8 || (sizeof(struct rc__class) == 128 && offsetof(struct rc__class, type) == 64),
               "a class is two cache lines, and one for most purposes");
struct rc_heap *rc__class_heap[1 << 16];
#ifdef RC_CHECK
static uint64_t sums[1 << 15]; // of the tables that the classes were made from
#endif

static pthread_mutex_t numbers = PTHREAD_MUTEX_INITIALIZER; // guards the three below
static uint16_t free_class;                                 // entries given back, threaded through `next`
static uint16_t next_class = 1;                             // entry 0 is what freed memory looks like

static uint16_t number_new(void) {
    rc__lock(&numbers);
    uint16_t n = free_class;
    if (n)
        free_class = rc__classes[n].next;
    else if (next_class < 1 << 15)
        n = next_class++;
    rc__unlock(&numbers);
    return n;
}

static void number_free(uint16_t n) {
    assert(n && !RC__LOAD(rc__class_heap[2 * n]));
    rc__lock(&numbers);
    rc__classes[n].next = free_class;
    free_class = n;
    rc__unlock(&numbers);
}

static bool is_strong(const struct rc_slot *s) {
    return s->kind == RC_SLOT_LINK || s->kind == RC_SLOT_OWNER;
}

// Writes the slots of one sort to [rows] (NULL: only counts them).
static uint32_t flatten(const struct rc_type *type, bool strong, struct rc__run *rows) {
    assert(type);
    uint32_t n = 0;
    for (const struct rc_type *t = type; t; t = t->base)
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++) {
            if (strong ? !is_strong(s) : s->kind != RC_SLOT_WEAK)
                continue;
            if (rows && n && rows[n - 1].offset + rows[n - 1].count * sizeof(void *) == s->offset && s->offset) {
                rows[n - 1].count += (uint32_t)s->count; // adjacent: one row
                continue;
            }
            if (rows)
                rows[n] = (struct rc__run){(uint32_t)s->offset, (uint32_t)s->count};
            n++;
        }
    return n;
}

static void describe(struct rc__class *c) {
    assert(c->type && c->heap);
    assert(c->runs && c->weak);
    c->known_as = rc__known_as(c->type);
    c->owner = c->hint = RC__NO_SLOT;
    for (const struct rc_type *t = c->type; t; t = t->base) {
        c->has_trace |= t->trace != NULL;
        c->has_finalize |= t->finalize != NULL;
        c->has_destroy |= t->destroy != NULL;
        c->destroy_some = t->destroy_some ? t->destroy_some : c->destroy_some;
        c->has_free_slots |= t->free_slots != NULL;
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++) {
            c->has_tail |= s->kind == RC_SLOT_TAIL;
            if (s->kind == RC_SLOT_OWNER)
                c->owner = (int32_t)s->offset;
        }
    }
    c->small = !c->has_trace && !c->has_tail && c->type->size <= UINT16_MAX;
    for (uint32_t i = 0; i < c->run_count; i++)
        for (uint32_t k = 0; k < c->runs[i].count && c->slot_count <= RC__SMALL; k++)
            c->slot[c->slot_count++] = (uint16_t)(c->runs[i].offset + k * sizeof(void *));
    c->small &= c->slot_count <= RC__SMALL;
    c->closed = c->small && !c->has_free_slots && !c->weak_count && !rc__has_destructor(c);
    c->both = c->type == &rc__entry_type;
    assert(c->slot_count <= RC__SMALL + 1 && (!c->small || c->slot_count <= RC__SMALL));
    assert(!c->closed || c->small);
    c->plain = (c->closed && !c->has_finalize && !c->both) || c->type == &rc__string_type;
    size_t cell = (sizeof(struct rc__header) + c->type->size + 15) / 16 * 16;
    c->cell = c->heap->blocks.paged && cell <= RC__CELL_MAX ? (uint32_t)cell : 0;
}

static bool opens_anything(const struct rc__class *c) {
    assert(c->type);
    if (c->has_trace || c->has_tail || c->keyed)
        return true;
    for (const struct rc_type *t = c->type; t; t = t->base)
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++)
            if (is_strong(s) && !s->target)
                return true;
    return false;
}

// Loops over the numbers of all classes of [heap] but for duplicates; of the duplicates; of both.
#define EACH_CLASS(heap, n)                                                                                            \
    for (size_t bucket_ = 0; bucket_ < RC__CLASS_BUCKETS; bucket_++)                                                   \
        for (uint16_t n = (heap)->bucket[bucket_]; n; n = rc__classes[n].next)
#define EACH_DUPLICATE(heap, n) for (uint16_t n = (heap)->duplicates; n; n = rc__classes[n].next)
#define EACH_NUMBER(heap, n)                                                                                           \
    for (size_t list_ = 0; list_ <= RC__CLASS_BUCKETS; list_++)                                                        \
        for (uint16_t n = list_ < RC__CLASS_BUCKETS ? (heap)->bucket[list_] : (heap)->duplicates; n;                   \
             n = rc__classes[n].next)

// Depth-first from [c], over the types that its slots can hold; marks what it passes in [seen], a bit a class. Depth is
// that of the type graph.
static bool reaches(struct rc_heap *heap, const struct rc__class *c, const struct rc_type *goal, uint8_t *seen) {
    assert(goal && seen);
    if (opens_anything(c))
        return true;
    for (const struct rc_type *t = c->type; t; t = t->base)
        for (const struct rc_slot *s = t->slots; s && s->kind != RC_SLOT_END; s++) {
            if (!is_strong(s))
                continue;
            if (rc__extends(goal, s->target))
                return true;
            EACH_CLASS(heap, n) {
                const struct rc__class *k = &rc__classes[n];
                if (seen[n / 8] & 1 << n % 8 || (k->type->acyclic && !k->keyed) || !rc__extends(k->type, s->target))
                    continue;
                seen[n / 8] |= (uint8_t)(1 << n % 8);
                if (reaches(heap, &rc__classes[n], goal, seen))
                    return true;
            }
        }
    return false;
}

// K1
static void share_acyclic(struct rc_heap *heap) {
    EACH_DUPLICATE(heap, n)
        rc__classes[n].acyclic = rc__classes[rc__classes[n].first].acyclic;
}

static void infer_acyclic(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    EACH_CLASS(heap, n) {
        struct rc__class *c = &rc__classes[n];
        uint8_t seen[(1 << 15) / 8] = {0};
        c->acyclic = (c->type->acyclic && !c->keyed) || !reaches(heap, c, c->type, seen);
    }
    share_acyclic(heap);
}

static void make_keyed(struct rc__class *c) {
    assert(!c->both);
    c->keyed = true;
    c->small = c->closed = c->plain = false;
}

// K1: class [first], and its duplicates.
static void make_all_keyed(struct rc_heap *heap, uint16_t first) {
    assert(!rc__classes[first].first);
    make_keyed(&rc__classes[first]);
    EACH_DUPLICATE(heap, n)
        if (rc__classes[n].first == first)
            make_keyed(&rc__classes[n]);
}

// An object that is a key has a slot that its table does not know of, and which can hold anything. So all is inferred anew, as
// for a new type, and is sound for the same reason.
void rc__class_keyed(struct rc_heap *heap, const struct rc__header *h) {
    assert(!rc__is_dead(h) && rc__is_mine(heap));
    assert(rc__is_in(heap, h));
    const struct rc__class *c = rc__class(h);
    if (c->keyed)
        return;
    make_all_keyed(heap, c->first ? c->first : (uint16_t)(c - rc__classes));
    infer_acyclic(heap);
}

static size_t bucket_of(const struct rc_type *type) {
    return ((uintptr_t)type >> 4 ^ (uintptr_t)type >> 10) % RC__CLASS_BUCKETS;
}

static void class_free(struct rc_heap *heap, uint16_t n) {
    assert(n && (!rc__classes[n].live || heap->ending)); // K2
    assert(rc__classes[n].heap == heap);
    struct rc__class *c = &rc__classes[n];
    size_t rows = flatten(c->type, true, NULL) + flatten(c->type, false, NULL);
    rc__memory_free(heap, c->runs, (rows ? rows : 1) * sizeof *c->runs);
    RC__STORE(rc__class_heap[2 * n], NULL);
    c->type = c->known_as = NULL; // in a report on a husk that had this class, it has no name
    number_free(n);
}

// K2: gives back the duplicates whose number no object has.
void rc__classes_trim(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    for (uint16_t *at = &heap->duplicates, n; (n = *at);) {
        struct rc__class *c = &rc__classes[n];
        if (c->live) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        heap->duplicate_count--;
        class_free(heap, n);
    }
}

// Whether an object of [heap] is of [type], or of a type that extends it.
static bool is_in_use(const struct rc_heap *heap, const struct rc_type *type) {
    assert(rc__is_mine(heap) && type);
    EACH_NUMBER(heap, n)
        if (rc__classes[n].live && rc__extends(rc__classes[n].type, type))
            return true;
    return false;
}

bool rc_type_forget(const struct rc_type *type) {
    struct rc_heap *heap = rc__enter_default("rc_type_forget");
    if (!heap)
        return false;
    if (!type) {
        rc__fault(RC_FAULT_NULL, "rc_type_forget", NULL, "the type is NULL");
        return rc__fails(EINVAL);
    }
    rc__classes_trim(heap);
    if (is_in_use(heap, type))
        return rc__fails(EBUSY);
    for (size_t b = 0; b < RC__CLASS_BUCKETS; b++)
        for (uint16_t *at = &heap->bucket[b], n; (n = *at);) {
            struct rc__class *c = &rc__classes[n];
            if (!rc__extends(c->type, type)) {
                at = &c->next;
                continue;
            }
            *at = c->next;
            struct rc__recent *recent = &heap->recent[RC__RECENT(c->type)];
            if (recent->type == c->type)
                *recent = (struct rc__recent){0};
            cc_pauses_forget(heap, c->type);
            class_free(heap, n);
        }
    return true;
}

static uint16_t class_new(struct rc_heap *heap, const struct rc_type *type) {
    assert(rc__is_mine(heap) && type);
    const char *defect = rc__type_defect(type);
    if (defect) {
        rc__fault_type(type, defect);
        errno = EINVAL;
        return 0;
    }
    uint16_t n = number_new();
    if (!n) {
        rc__heaps_visit(rc__classes_trim);
        n = number_new();
    }
    if (!n) {
        errno = ENOMEM;
        return 0;
    }
    struct rc__class *c = &rc__classes[n];
    *c = (struct rc__class){.type = type, .heap = heap};
#ifdef RC_CHECK
    sums[n] = rc__type_sum(type);
#endif
    c->run_count = flatten(type, true, NULL);
    c->weak_count = flatten(type, false, NULL);
    size_t rows = c->run_count + c->weak_count;
    c->runs = rc__memory(heap, (rows ? rows : 1) * sizeof *c->runs);
    if (!c->runs) {
        number_free(n);
        errno = ENOMEM;
        return 0;
    }
    c->weak = c->runs + c->run_count;
    c->run_count = flatten(type, true, c->runs);
    c->weak_count = flatten(type, false, c->weak);
    describe(c);
    c->next = heap->bucket[bucket_of(type)];
    assert(c->weak >= c->runs + c->run_count);
    assert(!c->first && !c->live);
    heap->bucket[bucket_of(type)] = n;
    infer_acyclic(heap);
    rc__atomic_store_short(&rc__class_door[n], (uint16_t)(heap->door - rc__doors));
    RC__STORE(rc__class_heap[2 * n], heap);
    return n;
}

static uint16_t find(const struct rc_heap *heap, const struct rc_type *type) {
    assert(type != NULL);
    uint16_t n = heap->bucket[bucket_of(type)];
    while (n && rc__classes[n].type != type)
        n = rc__classes[n].next;
    return n;
}

// See rc__class_of: [type] was not asked for lately.
uint16_t rc__class_find(struct rc_heap *heap, const struct rc_type *type) {
    assert(rc__is_mine(heap) && type);
    uint16_t n = find(heap, type);
    if (!n && !(n = class_new(heap, type)))
        return 0;
    struct rc__class *c = &rc__classes[n];
    heap->recent[RC__RECENT(type)] = (struct rc__recent){.type = type,
                                                         .c = c,
                                                         .room = &heap->blocks.room[c->cell / 16],
                                                         .both = rc__make_both(1, (uint16_t)(2 * n)),
                                                         .cell = c->cell};
    return (uint16_t)(2 * n);
}

#ifdef RC_CHECK
bool rc__class_is_of(uint16_t cls, const struct rc_type *type) {
    if (sums[cls / 2] == rc__type_sum(type))
        return true;
    rc__fault_type(type, "it is not what it was when this heap came to know it (rc_type_forget comes before a table goes)");
    return rc__fails(EINVAL);
}
#endif

static void list_free(struct rc_heap *heap, uint16_t n) {
    for (uint16_t next; n; n = next) {
        next = rc__classes[n].next;
        class_free(heap, n);
    }
}

void rc__classes_free(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    for (size_t b = 0; b < RC__CLASS_BUCKETS; b++)
        list_free(heap, heap->bucket[b]);
    list_free(heap, heap->duplicates);
}

// Class entry [n] becomes a duplicate of [first]. If one class of a type is keyed, all are. Returns whether some have become
// so.
static bool duplicate(struct rc_heap *heap, uint16_t n, uint16_t first) {
    assert(rc__classes[n].both == rc__classes[first].both); // K1
    assert(n != first && first && rc__classes[n].type == rc__classes[first].type); // K1
    assert(!rc__classes[first].first);
    rc__classes[n].first = first;
    rc__classes[n].next = heap->duplicates;
    heap->duplicates = n;
    heap->duplicate_count++;
    if (rc__classes[n].keyed == rc__classes[first].keyed)
        return false;
    make_all_keyed(heap, first);
    return true;
}

// Under both doors' locks: other threads find the objects of [heap] at [door].
void rc__classes_door(struct rc_heap *heap, const struct rc__door *door) {
    assert(door->heap && door->heap != heap);
    uint16_t number = (uint16_t)(door - rc__doors);
    EACH_NUMBER(heap, n)
        rc__atomic_store_short(&rc__class_door[n], number);
}

// Moves the classes of [from] to [into]'s lists, and infers anew what is acyclic. They still name [from] as their heap.
void rc__classes_merge(struct rc_heap *into, struct rc_heap *from) {
    assert(rc__is_mine(into) && rc__is_mine(from));
    assert(into != from);
    bool new_types = false;
    for (size_t b = 0; b < RC__CLASS_BUCKETS; b++)
        for (uint16_t n = from->bucket[b], next; n; n = next) {
            struct rc__class *c = &rc__classes[n];
            next = c->next;
            uint16_t first = find(into, c->type);
            if (first) {
                new_types |= duplicate(into, n, first);
            } else {
                c->next = into->bucket[b];
                into->bucket[b] = n;
                new_types = true;
            }
        }
    for (uint16_t n = from->duplicates, next; n; n = next) {
        next = rc__classes[n].next;
        new_types |= duplicate(into, n, find(into, rc__classes[n].type));
    }
    memset(from->bucket, 0, sizeof from->bucket);
    memset(from->recent, 0, sizeof from->recent);
    from->duplicates = 0;
    from->duplicate_count = 0;
    if (new_types)
        infer_acyclic(into);
    else
        share_acyclic(into);
}

static void class_switch(uint16_t n, struct rc_heap *into, const struct rc_heap *from) {
    assert(rc__classes[n].heap == from || rc__classes[n].heap == into);
    if (rc__classes[n].heap != from)
        return;
    rc__classes[n].heap = into;
    RC__STORE(rc__class_heap[2 * n], into);
}

// The classes that came from [from] name [into]: from here on their objects are [into]'s.
void rc__classes_switch(struct rc_heap *into, const struct rc_heap *from) {
    assert(into != from);
    EACH_NUMBER(into, n)
        class_switch(n, into, from);
}

// Whether no other thread can be reading the class of [h]: none has a handle, and an upgrade of a weak reference needs the
// lock.
static bool is_private(const struct rc__header *h) {
    assert(rc__is_object(h));
    uint32_t shared = rc__atomic_load(&h->shared);
    return !rc__handles(h) && !rc__sum(shared) && !(shared & RC__STUCK);
}

// K1: [h], of a duplicate class, takes the number of the first if nobody holds it.
void rc__class_rejoin(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && !rc__classes[rc__class(h)->first].first);
    assert(rc__class(h)->first && rc__is_in(heap, h));
    assert(rc__class(h)->live > 0);
    assert(rc__classes[rc__class(h)->first].type == rc__class(h)->type);
    struct rc__class *c = rc__class(h), *first = &rc__classes[c->first];
    bool weak = rc__atomic_load(&h->shared) & RC__WEAK;
    if (weak)
        rc__lock(&heap->door->lock);
    if (is_private(h)) {
        size_t size = rc__block_size(h);
        rc__class_remove(c, 1, size);
        rc__class_add(first, size);
        rc__set_both(h, rc__both(h) & UINT16_MAX, (uint16_t)(2 * c->first));
    }
    if (weak)
        rc__unlock(&heap->door->lock);
}

struct census {
    uint16_t first; // class of the type
    size_t live, bytes;
};

static void census_add(struct census *census, uint16_t n, const struct rc_type *type) {
    assert(type != NULL);
    if (rc__classes[n].known_as != type)
        return;
    census->first = census->first ? census->first : n;
    census->live += rc__classes[n].live;
    census->bytes += rc__class_bytes(&rc__classes[n]);
}

// Of all classes that users know as [type]: of a container there may be two, and duplicates of any.
static struct census census_of(const struct rc_heap *heap, const struct rc_type *type) {
    assert(rc__is_mine(heap));
    struct census census = {0};
    EACH_NUMBER(heap, n)
        census_add(&census, n, type);
    return census;
}

void rc_census(void (*each)(const struct rc_type *type, size_t objects, size_t bytes, void *arg), void *arg) {
    struct rc_heap *heap = rc__enter_default("rc_census");
    if (heap && !each)
        rc__fault(RC_FAULT_NULL, "rc_census", NULL, "there is nobody to call");
    if (!heap || !each)
        return;
    EACH_CLASS(heap, n) {
        const struct rc_type *type = rc__classes[n].known_as;
        struct census census = census_of(heap, type);
        if (census.first == n && census.live)
            each(type, census.live, census.bytes, arg);
    }
}

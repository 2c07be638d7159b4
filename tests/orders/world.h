// SPDX-License-Identifier: MIT
// One unit for GenMC: the runtime's sources for what threads do to each other, and stubs for the rest. There are two heaps of
// fixed size, and objects that malloc made, so that GenMC sees who touches freed memory.
#include <stdint.h>
#include <stdlib.h>

// GenMC has no calloc, and wants what is read to have been written in words of the same size. Called for weak blocks.
static void *world_block(void);
#define calloc(n, size) world_block()

#include "rc/type.c"
#include "rc/class.c"
#include "rc/counting.c"
#include "rc/foreign.c"
#include "rc/weak.c"
#define let_go death_let_go
#include "rc/death.c"
#undef let_go
#include "rc/inside.c"
#include "rc/heap.c"
#include "rc/merge.c"

#define CHECK(promise) ((promise) ? (void)0 : __VERIFIER_assert_fail(#promise, __FILE__, __LINE__))

enum { HEAPS = 2, ENTRIES = 4 };

struct object {
    struct rc__header header;
    uint64_t value;
};

static struct rc_heap heap[HEAPS];
static void *chunk[HEAPS][1];
static struct rc__header *entries[HEAPS][ENTRIES];
static struct rc_weak *blocks[HEAPS][ENTRIES];
static int freed;

#define P(o) ((void *)&(o)->value)

// ---- stubs

const struct rc_type rc_string_type, rc_array_type, rc_list_type, rc_map_type, rc_set_type, rc_box_type, rc_weak_map_type;
const struct rc_type rc__string_type, rc__list_type, rc__map_type, rc__set_type, rc__box_type, rc__weak_map_type;
const struct rc_type rc__leaf_array_type, rc__leaf_list_type, rc__leaf_map_type, rc__leaf_set_type, rc__leaf_box_type;
const struct rc_type rc__entry_type;

void rc__fault(enum rc_fault_kind kind, const char *call, const struct rc__header *h, const char *why) {
    CHECK(!"a fault");
}
void rc__fault_dead(const char *call, const struct rc__header *h) {
    CHECK(!"a dead object is used");
}
void cc_suspect(struct rc_heap *heap, struct rc__header *h) {
}
void cc_let_go(struct rc_heap *heap, struct rc__header *h) {
}
void cc_unsuspect(struct rc_heap *heap, struct rc__header *h) {
}
void cc_died(struct rc_heap *heap, struct rc__header *h) {
}
bool cc_is_free(const struct rc_heap *heap) {
    return true;
}
bool rc__memory_fits(struct rc_heap *heap, size_t size) {
    return true;
}
bool rc__rubbish_some(struct rc_heap *heap) {
    return false;
}
size_t rc__block_size(const struct rc__header *h) {
    return sizeof(struct object);
}
size_t rc__big_free(struct rc_heap *heap, struct rc__header *h) {
    CHECK(((struct object *)h)->value == 1); // all that others wrote there is seen
    freed++;
    free(h);
    return sizeof(struct object);
}

static void *world_block(void) {
    struct rc_weak *weak = malloc(sizeof *weak);
    weak->condemned = 0;
    weak->dying = weak->pardoned = false;
    weak->next_pardon = weak->next_notice = NULL;
    weak->notices = NULL;
    return weak;
}

// ---- what there is when threads begin

static void begin(void) {
    for (int i = 0; i < HEAPS; i++) {
        struct rc__door *door = &rc__doors[i + 1];
        heap[i].door = door;
        heap[i].release_limit = SIZE_MAX;
        heap[i].reserved = ENTRIES;
        heap[i].bucket[0] = (uint16_t)(i + 1);
        pthread_mutex_init(&heap[i].inside, NULL);
        pthread_mutex_init(&door->lock, NULL);
        chunk[i][0] = entries[i];
        heap[i].weak.entry = blocks[i];
        heap[i].weak.mask = ENTRIES - 1;
        heap[i].weak_memory = memory_of(&heap[i].weak);
        door->heap = &heap[i];
        door->inbox.chunk = chunk[i];
        door->inbox.chunks = door->inbox.capacity = 1;
        rc__class_heap[2 * (i + 1)] = &heap[i];
        rc__class_door[i + 1] = (uint16_t)(i + 1);
        rc__classes[i + 1].heap = &heap[i];
        rc__classes[i + 1].closed = true;
    }
}

// An object of heap [i] with [handles] counted there, and [shared] elsewhere.
static struct object *make(int i, unsigned handles, int shared) {
    struct object *o = malloc(sizeof *o);
    o->header.word = RC__BIG;
    o->header.shared = (uint32_t)shared * RC__SHARED_ONE;
    o->header.both = rc__make_both(handles, (uint16_t)(2 * (i + 1)));
    o->value = 1;
    heap[i].objects++;
    rc__classes[i + 1].live++;
    return o;
}

// The same of one that was released elsewhere before.
static struct object *make_queued(int i, unsigned handles, int shared) {
    struct object *o = make(i, handles, shared);
    o->header.shared |= RC__QUEUED;
    o->header.both |= RC__INBOX;
    entries[i][heap[i].door->inbox_count++] = &o->header;
    return o;
}

static void ring(int i) {
    *rc__bell_at(heap[i].door) = 1;
}

// ---- what threads do

// As a collection begins (cc/collect.c).
static void answer(struct rc_heap *heap) {
    uint32_t at = 0;
    heap->cc.phase = RC_PHASE_INBOX;
    rc__bell_silence(heap);
    while (rc__drain(heap, &at, ENTRIES))
        continue;
    heap->cc.phase = RC_PHASE_IDLE;
}

static void answer_if_rung(struct rc_heap *heap) {
    if (rc__bell(heap))
        answer(heap);
}

static void use(struct object *o) {
    o->value = 2;
    o->value = 1;
}

static void run(void *(*a)(void *), void *(*b)(void *), void *(*c)(void *)) {
    pthread_t thread[3];
    pthread_create(&thread[0], NULL, a, NULL);
    pthread_create(&thread[1], NULL, b, NULL);
    if (c)
        pthread_create(&thread[2], NULL, c, NULL);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    if (c)
        pthread_join(thread[2], NULL);
}

// When all threads have ended: whoever hears the bell finds what there is to find. On one thread more, as GenMC's number of
// the first is 0, which as heap->owner is nobody.
static void *listen(void *arg) {
    struct rc_heap *heap = arg;
    rc_heap_enter(heap);
    for (int n = 0; n < 3 && rc__bell(heap); n++)
        answer(heap);
    rc_heap_leave(heap);
    return NULL;
}

static void finish(struct rc_heap *heap, int expected) {
    pthread_t thread;
    pthread_create(&thread, NULL, listen, heap);
    pthread_join(thread, NULL);
    CHECK(freed == expected);
}

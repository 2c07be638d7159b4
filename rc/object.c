// SPDX-License-Identifier: MIT
// Birth: where memory for an object is asked for, and so what can fail. With the object comes room for it in the suspect
// buffer and in the inbox (R3), so that no release ever needs memory.
#include "block.h"

#define STRINGIFY(x) #x
#define VERSION(a, b, c) STRINGIFY(a) "." STRINGIFY(b) "." STRINGIFY(c)

const char *rc_version(void) {
    return VERSION(RC_VERSION_MAJOR, RC_VERSION_MINOR, RC_VERSION_PATCH);
}

// R3: room for one chunk of objects more.
static bool reserve(struct rc_heap *heap) {
    assert(rc__is_mine(heap));
    assert(heap->reserved % RC__CHUNK_POINTERS == 0);
    size_t chunks = heap->reserved / RC__CHUNK_POINTERS + 1;
    if (chunks * RC__CHUNK_POINTERS > RC__INDEX_MAX || !rc__pointers_reserve(heap, &heap->suspects, chunks))
        return false;
    rc__lock(&heap->door->lock);
    bool ok = rc__pointers_reserve(heap, &heap->door->inbox, chunks);
    rc__unlock(&heap->door->lock);
    if (ok)
        heap->reserved = chunks * RC__CHUNK_POINTERS;
    return ok;
}

// Gives back about [most] bytes of the room that the present objects cannot need. Returns how many.
size_t rc__reserve_trim(struct rc_heap *heap, size_t most) {
    assert(rc__is_mine(heap));
    size_t chunks = (heap->objects + heap->husks + RC__CHUNK_POINTERS - 1) / RC__CHUNK_POINTERS;
    assert(heap->suspect_count <= chunks * RC__CHUNK_POINTERS);
    heap->reserved = chunks * RC__CHUNK_POINTERS;
    size_t bytes = rc__pointers_trim(heap, &heap->suspects, chunks, most);
    rc__lock(&heap->door->lock);
    bytes += rc__pointers_trim(heap, &heap->door->inbox, chunks, bytes < most ? most - bytes : 0);
    rc__unlock(&heap->door->lock);
    return bytes;
}

static void *out_of_memory(void) {
    errno = ENOMEM;
    return NULL;
}

static inline void zero(void *memory, size_t size) {
    if (size > 256 || size % 16) {
        memset(memory, 0, size);
        return;
    }
    for (char *at = memory, *end = at + size; at < end; at += 16)
        memset(at, 0, 16);
}

// The heap that a new object belongs to; NULL with errno set if there is none.
static struct rc_heap *heap_for(const struct rc_type *type) {
    if (!type) {
        rc__fault(RC_FAULT_NULL, "rc_new", NULL, "the type is NULL");
        errno = EINVAL;
        return NULL;
    }
    struct rc_heap *heap = rc__here != RC__NOWHERE ? rc__here : rc__enter_default("rc_new");
    if (heap && heap->ending) {
        errno = ECANCELED;
        return NULL;
    }
    return heap;
}

static __attribute__((noinline)) void *new_object(const struct rc_type *type, size_t extra) {
    struct rc_heap *heap = heap_for(type);
    uint16_t cls = heap ? rc__class_of(heap, type) : 0;
    if (!cls || !rc__class_is_of(cls, type))
        return NULL;
    if (extra > SIZE_MAX / 2 - type->size)
        return out_of_memory();
    size_t size = type->size + extra;
    if (heap->blocks.paged)
        size = (size + 15) / 16 * 16;
    if (heap->objects + heap->husks >= heap->reserved && !reserve(heap))
        return out_of_memory();
    struct rc__header *h = rc__block_new(heap, sizeof *h + size);
    if (!h)
        return out_of_memory();
    h->shared = 0;
    heap->newest = h;
    heap->newest_size = h->word & RC__BIG ? 0 : sizeof *h + size;
    assert(heap->objects + heap->husks < heap->reserved); // R3
    assert((uintptr_t)h % 16 == 0 && (h->word & ~RC__BIG) == 0);
    rc__set_both(h, 1, cls);
    struct rc__class *c = &rc__classes[cls >> 1];
    rc__class_add(c, sizeof *h + size);
    heap->objects++;
    heap->bytes += sizeof *h + size;
    zero(rc__payload(h), size);
    rc__note_new(h);
    return rc__payload(h);
}

void *rc_new_sized(const struct rc_type *type, size_t extra) {
    return new_object(type, extra);
}

// The usual case, without a frame: the heap's thread, a type that was asked for lately, a free cell at hand.
void *rc_new(const struct rc_type *type) {
    struct rc_heap *heap = rc__here;
    if (heap == RC__NOWHERE || !type)
        return new_object(type, 0);
    const struct rc__recent *recent = &heap->recent[RC__RECENT(type)];
    if (recent->type != type)
        return new_object(type, 0);
    struct rc__page *page = *recent->room;
    if (!page || !page->free || heap->objects + heap->husks >= heap->reserved)
        return new_object(type, 0);
    assert(!heap->ending);
    struct rc__header *h = rc__page_take(page);
    h->shared = 0;
    RC__STORE(h->both, recent->both);
    size_t size = recent->cell;
    heap->newest = h;
    heap->newest_size = size;
    recent->c->live++;
    heap->objects++;
    heap->bytes += size;
    char *at = rc__payload(h), *end = (char *)h + size;
    do
        memset(at, 0, 16);
    while ((at += 16) < end);
    rc__note_new(h);
    return rc__payload(h);
}

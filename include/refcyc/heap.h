// SPDX-License-Identifier: MIT
// Heaps: one heap is one object graph with its own collector. A thread is inside at most one heap at a time, and at most
// one thread is inside a heap. Objects are made, slots read and changed, destructors and collections run inside only.
//
// A program with one thread never sees this: its first object, or its first call that is about a heap, enters the
// default heap, and it stays inside. So it is with each thread that has entered no heap, as long as nobody else is
// inside the default heap; else its call is a fault. A thread leaves all that it is inside before it ends, the default
// heap, too, or whoever wants to enter that waits for ever. Coroutines are inside what their thread is inside, and may
// switch anywhere but in the library's callbacks.
//
// A thread that is outside an object's heap may retain, release and upgrade weak references to what it holds; nothing else.
// If it changes a slot all the same, that is a fault if it is inside no heap. If it is inside another heap, only checked builds
// have a fault for it, which names both threads.
//
// After fork() the child, which has one thread, goes on inside the heaps that it was inside, in the middle of a collection,
// too, and may enter those that nobody was inside. A heap that another thread was inside stays occupied, as the child does not
// have that thread; and so may a lock that a thread held for a moment to retain or release. So a child that is to go on with
// the library is forked while no other thread is at work.
//
// A link from an object of one heap to an object of another counts as a handle there. Cycles that span heaps are found by
// rc_collect_heaps only.
#ifndef REFCYC_HEAP_H
#define REFCYC_HEAP_H

#include "base.h"

RC_BEGIN_DECLS

struct rc_heap;

// Where a heap's memory comes from. alloc returns [size] bytes aligned to [align] (a power of two), or NULL; free gets
// what alloc returned, with the same size. Both are called by whichever thread is inside the heap, or makes or frees it;
// and in the middle of things, so they call nothing of this library. (Where memory is short a call says so, and then the
// caller collects and asks again.) Weak references and notices, which may outlive the heap, and what inspect.h needs while
// it looks come from malloc. (For a limit of a heap's memory there is an option.)
struct rc_allocator {
    void *(*alloc)(size_t size, size_t align, void *arg);
    void (*free)(void *memory, size_t size, void *arg);
    void *arg;
};

// How a heap is to be. All zero is the default of each.
struct rc_heap_options {
    const char *name;                     // for reports; not copied; NULL: "heap"
    const struct rc_allocator *allocator; // copied; each object is then an allocation of its own. NULL: malloc
    // At most so many objects are destroyed by one release; the rest by the slices that follow. 0: all at once, so that
    // destruction is complete when the release returns.
    size_t release_limit;
    // Of the heap's memory, in bytes. 0: none. See rc_heap_set_limit.
    size_t limit;
    // Called when another thread leaves work for this heap: releases to be looked at by the next slice; or, when it leaves
    // the heap, or has merged another into it, suspects where rc_pace_next (or rc_pace_step) had nothing to do, or many more
    // than it had. On that thread, so it does no more than wake the loop that runs the slices (uv_async_send,
    // g_main_context_wakeup, a byte in a pipe); it calls nothing of this library. Once until that work is taken up, or
    // rc_pace_next was asked again. NULL: nobody is called.
    void (*wake)(void *arg);
    void *wake_arg;
};

// A new, empty heap; [options] may be NULL. NULL with errno = ENOMEM if memory is out, or if there are 16,384 heaps.
RC_API struct rc_heap *rc_heap_new(const struct rc_heap_options *options);

// Enters [heap], waiting while another thread is inside. Entries nest, of the same heap or of others; a program in which
// several threads nest heaps enters them in one order. NULL is a fault.
RC_API void rc_heap_enter(struct rc_heap *heap);
// The same without waiting: false, and nothing has happened, if another thread is inside.
RC_API bool rc_heap_try_enter(struct rc_heap *heap);
// Undoes the last entry, which must have been of [heap]; anything else is a fault that changes nothing. So it is in a
// finalizer, a destructor or the like, if that has not entered [heap] itself.
RC_API void rc_heap_leave(struct rc_heap *heap);

// Destroys all objects left in [heap], whatever refers to them: finalizers of those that still await theirs run first, then all
// destructors, then the memory goes, and links into other heaps are released. Weak references give NULL afterwards. Returns the
// number of destroyed objects that a handle still referred to; those handles are void now (0 is what a program without leaked
// handles gets), and so are links from other heaps, which count as handles here: to release the one, or to clear the slot of
// the other, is use of memory that is gone, which may crash without a message. Waits while another thread is inside. The caller
// is either outside, or inside once, and then leaves with this call; nobody else may be waiting to enter. Any other way
// of being inside, or a call from one of the heap's callbacks, is a fault; returns 0, with nothing done. NULL: does nothing,
// returns 0.
RC_API size_t rc_heap_free(struct rc_heap *heap);

// Moves all objects of [from] to [into], where they are at home from now on, at the same addresses; then [from] is gone, as
// if freed. So a worker can build a graph in a heap of its own and hand it over in one call. Handles, links and weak
// references stay as they are, and a link between the two is an ordinary link afterwards, which rc_collect follows. [into]
// keeps its options; the figures of both are added up.
//
// false with errno, and both heaps as they were:
//   ENOMEM   memory is out, or both do not fit under the limit of [into] (a collection under way in [from] was called off, or
//            finished)
//   EINVAL   they are one heap, or NULL (a fault); they have different allocators; this thread is inside [from] more than
//            once; or a finalizer, a destructor or the like makes the call
//
// This thread may be inside either of them: inside [from] at most once, and no longer after the call; inside [into] it
// stays. The call waits while other threads are inside, and while it waits for more than some milliseconds this thread is
// inside neither: so it deadlocks with nobody, but what was borrowed (see object.h) is void. Nobody waits for [from], or uses
// it afterwards. Other threads may retain, release and upgrade objects of both meanwhile.
//
// Cost: proportional to [from]'s pages, suspects, weak references and what waits in its inbox, not to its objects, unless one
// of the heaps has links to the other, or once had: then to the objects of the one that has. Links into a third heap make it
// look, too. (So what a worker builds is best linked to from elsewhere when it is merged, not before.) No callbacks are run but
// those that a collection of [from] with a final verdict, or a release, has left to be run.
//
// After hundreds of merges into one heap, objects of [from] without handles are gone through as well, or there would be no
// numbers left to tell (heap, type) pairs apart, of which a process has 32,767: one for each type of a heap, and one for each
// type of each merged heap of which an object is still there that a handle has referred to all the time. Of these, the ones
// that are not needed any more are given back by the next merge into the heap, by rc_type_forget inside it, and by an rc_new
// that finds no number left, in any heap: if this thread, or nobody, is inside the heap that has them. (Else it fails with
// ENOMEM.)
RC_API bool rc_heap_merge(struct rc_heap *into, struct rc_heap *from);

// The heap this thread is inside, or NULL.
RC_API struct rc_heap *rc_heap_current(void);
// The heap that a program which never asks for one uses. Made by the first call, or by the first object; NULL with
// errno = ENOMEM if memory is out. rc_heap_free(rc_heap_default()) at the end of a program gives all memory back.
RC_API struct rc_heap *rc_heap_default(void);
// Sets who is called when another thread leaves work for [heap], as rc_heap_options.wake does, in place of whoever was
// called before; NULL: nobody. When this returns, the one before is not running and will not be called again. Work that
// was left earlier calls nobody anew: ask rc_collect_pending or rc_pace_next once. Any thread; not from a wake. NULL for
// the heap is a fault.
RC_API void rc_heap_set_wake(struct rc_heap *heap, void (*wake)(void *arg), void *arg);

// Sets the limit of [heap]'s memory, in bytes; 0: none. A call that would take the heap beyond it, rc_new or whatever makes a
// container grow, fails as where memory is out: NULL or false with errno = ENOMEM, and nothing has changed. The caller may
// collect and ask again (examples/limit.c). Nothing that releases, destroys or collects is ever stopped by it. rc_stats says
// how much the heap has.
//
// What counts: objects, the memory of containers, weak references of what is alive, which take about 80 bytes for each object
// that has any, and some bytes for each type. Objects of up to 496 bytes lie in pages of 64 KiB, each for one size, and a page
// counts as long as there is an object in it; the last page of a size, until it is needed for another one or rc_trim takes it.
// So a limit leaves room for a page for each size, at least. (With an allocator of the user's, in checked builds and under
// sanitizers each object counts for itself.) A map or set that moves to larger memory has both for a moment. A weak reference
// that a thread makes which is not inside counts, and is never refused for the limit. What does not count: what the collector
// needs, which is 16 bytes an object and 4 a reference of what it looks at, while it does, and 16 for each object from its
// birth, most of them never touched; weak references of what is dead; other pages without objects, which the next objects get
// (see rc_trim).
//
// A limit may be lower than what the heap has: nothing goes, and nothing is to be had until enough has gone. One that is raised
// counts at once: so the handler of an error can have a little more than what failed. Any thread. NULL is a fault.
RC_API void rc_heap_set_limit(struct rc_heap *heap, size_t limit);

// The heap of an object. Any thread with a handle. NULL for NULL, and for what is dead: in its destructor, too.
RC_API struct rc_heap *rc_heap_of(const void *obj);

RC_END_DECLS

#endif

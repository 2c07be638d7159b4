// SPDX-License-Identifier: MIT
// BUILD: from the roots to the graph.
//
// Discovery gives an object its node, with its links as the external count (R4). Tracing records an edge for each of its
// slots, and takes one off the target's external count. What need not be entered is not:
//
//   - an object of an acyclic type: it is in no cycle, and dies by count when what holds it does;
//   - an object of another heap: to us a handle;
//   - an object that is held: by a handle, or by a mark of another thread on it;
//   - an object with a chain of owners up to one that is held (roots.c).
//
// Without owner slots, a suspect in a large live structure would have all of it traced. To avoid that, an ALIVE object is
// probed when an edge from an object that is not known to be alive leads to it: its slots are read, what they lead to is ALIVE,
// and from there ALIVE spreads over the edges recorded so far. So a path from a suspect up to a handle proves everything along
// it alive, and what hangs off it need not be traced. Such a path is found sooner if it is looked for: a class remembers the
// slot that led to something ALIVE last (its hint: hints.c), and nodes found through hints are traced before others, on the hot
// stack.
//
// Other nodes to be traced are a stack, too (cold), so an object is traced while it is still in the cache. Slots are read
// some dozen at a time, a row. While the next row is read, the headers of what this one leads to are on their way from
// memory, then their nodes, and then its edges are recorded:
//
//     reading  ->  [headers fetched]  looked at  ->  [nodes fetched]  recorded
//
// Where only one object is on its way, and only one of its slots leads on, there is nothing else to be fetched meanwhile: its
// edges are recorded at once, and so are those of the next (a list, with or without links back).
//
// All rows are empty between slices, so an edge is recorded in the slice that read it, as R4 and R5 want.
//
// An object with more slots than a piece is traced in pieces, across slices if need be (R9).
#include "cc/node.h"

enum {
    ROW = 48,      // slots in a row, at most
    ROW_FULL = 32, // when it has as many, no other object is begun
    ROWS = 4       // a power of two: one is read, two are on their way, one is recorded
};

static void push(struct cc *cc, uint32_t *stack, uint32_t n) {
    assert(n < cc->node_count && n != *stack);
    assert(!(cc_node(cc, n)->object & CC_TRACED) && cc_node(cc, n)->edge == CC_NONE);
    cc_node(cc, n)->edge = *stack;
    *stack = n;
}

static uint32_t pop(struct cc *cc, uint32_t *stack) {
    assert(cc_is_number(cc, *stack));
    uint32_t n = *stack;
    if (n != CC_NONE) {
        *stack = cc_node(cc, n)->edge;
        cc_node(cc, n)->edge = CC_NONE;
    }
    return n;
}

// Discovers [h], to which an edge leads. The new node goes on a stack, unless it is ALIVE. Returns its number, or CC_NONE if
// memory is out, with nothing changed.
static uint32_t discover(struct rc_heap *heap, struct rc__header *h, uint64_t flags, bool hot) {
    assert(rc__is_mine(heap) && rc__is_object(h) && !rc__is_dead(h));
    assert(!(h->word & RC__GRAPH)); // G1
    assert(heap->cc.phase == RC_PHASE_ROOTS || heap->cc.phase == RC_PHASE_BUILD);
    struct cc *cc = &heap->cc;
    if (!cc_has_room(heap, 1))
        return CC_NONE;
    if (h->word & RC__SUSPECT) {
        cc_unsuspect(heap, h);
        flags |= CC_ROOT | CC_LATE; // R7
    }
    uint32_t n = cc_node_new(cc, h, flags);
    if (flags & CC_ALIVE)
        cc->any_alive = true;
    else
        push(cc, hot ? &cc->hot : &cc->cold, n);
    return n;
}

// Slots that were read.
struct row {
    uint32_t slots;
    uint32_t source[ROW]; // whose slot it is, and flags
    uint32_t node[ROW];   // of the target, or CC_NONE: not known. Once the row was looked at
    struct rc__header *target[ROW];
};

struct rows {
    struct rc_visitor visitor;
    struct rc_heap *heap;
    struct cc *cc;
    struct row *row;   // the one that is being read
    uint32_t source;   // whose slots are being read by the visitor
    uint32_t turn;     // the row's place, counted without end
    uint32_t hot;      // how many slots come from a hint
    uint32_t recorded; // slots
    struct row all[ROWS];
};

#define HOT (UINT32_C(1) << 31)   // from the slot that the class's hint names
#define PROBE (UINT32_C(1) << 30) // from an object that is probed
#define SOURCE RC__INDEX_MAX

static inline void add(struct row *row, void *target, uint32_t source) {
    assert(target != NULL);
    assert(row->slots < ROW);
    __builtin_prefetch(RC__HEADER(target), 1);
    row->source[row->slots] = source;
    row->target[row->slots++] = RC__HEADER(target);
}

// Reads the slots of a small object.
static inline void read_small(struct row *row, const struct rc__header *h, const struct rc__class *c, uint32_t source) {
    assert(c->slot_count <= RC__SMALL);
    assert(c->small && c == rc__class(h));
    const char *obj = (const char *)(h + 1);
    for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++) {
        void *target = rc__load(obj + *slot);
        if (target)
            add(row, target, source);
    }
}

// The node of [h], or NULL.
static inline struct cc_node *node_of(const struct rows *r, const struct rc__header *h) {
    return rc__heap(h) == r->heap && h->word & RC__GRAPH ? cc_node(r->cc, rc__index(h)) : NULL;
}

// The same, with the slot that the hint names last, so that what it leads to is traced first. If that was traced already, which
// most often is because it led here, nothing has to come before anything else.
static void read_hinted(struct rows *r, const struct rc__header *h, const struct rc__class *c, uint32_t source) {
    assert(c->small && c->hint >= 0);
    const char *obj = (const char *)(h + 1);
    for (uint32_t i = 0; i < c->slot_count; i++) {
        void *target = rc__load(obj + c->slot[i]);
        if (target && c->slot[i] != c->hint)
            add(r->row, target, source);
    }
    void *up = rc__load(obj + c->hint);
    if (!up)
        return;
    const struct cc_node *node = node_of(r, RC__HEADER(up));
    bool hot = !node || !(node->object & CC_TRACED);
    add(r->row, up, source | (hot ? HOT : 0));
    r->hot += hot;
}

// An edge leads into a node whose external count has none left for it. If the object is unmarked it has had no other links
// since its discovery: then there are more slots that lead to it than links were ever made.
static bool is_overtraced(struct cc *cc, struct rc__header *h) {
    assert(rc__is_object(h) && h->word & RC__GRAPH);
    if (cc_is_marked(h))
        return false;
    cc->in_doubt = true;
    rc__fault(RC_FAULT_TRACE, "rc_collect", h,
              "is reported by more slots than it has links (a slot reported twice, written by hand, or moved without "
              "rc_changed?)");
    return true;
}

// There is room for the edge.
static inline void record_edge(struct cc *cc, uint32_t source, struct cc_node *from, uint32_t n, struct cc_node *target) {
    assert(cc->edge_count < cc->edge_room);
    assert(cc_node(cc, source) == from && cc_node(cc, n) == target);
    assert(!((from->object | target->object) & CC_ALIVE)); // G2
    if (target->ext == 0 && is_overtraced(cc, cc_object(target))) {
        target->ext = CC_HELD;
        return;
    }
    uint32_t e = cc->edge_count++, mark = cc->source == source ? 0 : CC_EDGE_FIRST;
    target->ext--;
    cc->outside--;
    from->object += CC_EDGE_ONE;
    *cc_edge(cc, e) = n | mark;
    if (mark) { // G3
        cc->source = source;
        from->edge = e;
    }
}

static void probe(struct rows *r, uint32_t n);

// [from] holds something that is no edge.
static void leave_open(struct cc *cc, struct cc_node *from) {
    from->object |= CC_OPEN;
    cc->any_open = true;
}

// Records a slot that leads to anything but another node whose fate is open, or that comes from an object which is ALIVE.
static void record_special(struct rows *r, struct rc__header *h, uint32_t source, uint32_t flags) {
    assert(!(source & ~SOURCE));
    assert(cc_node(r->cc, source)->object);
    struct rc_heap *heap = r->heap;
    struct cc *cc = r->cc;
    struct cc_node *from = cc_node(cc, source);
    if (rc__heap(h) != heap) {
        if (!rc__heap(h))
            rc__fault(RC_FAULT_SLOT, "rc_collect", h, "is dead but in a slot (written by hand?)");
        leave_open(cc, from);
        return;
    }
    bool from_alive = from->object & CC_ALIVE;
    uint32_t n;
    if (h->word & RC__GRAPH) {
        n = rc__index(h);
    } else {
        if (rc__class(h)->acyclic)
            leave_open(cc, from);
        if (rc__class(h)->acyclic || (from_alive && (!(flags & PROBE) || rc__class(h)->both || cc_is_held(h))))
            return;
        if (from_alive || cc_is_held(h))
            n = discover(heap, h, CC_ALIVE, false);
        else if (cc_has_held_owner(heap, h))
            n = CC_NONE; // alive, and not entered
        else
            n = discover(heap, h, 0, flags & HOT);
        if (n == CC_NONE) {
            leave_open(cc, from);
            return;
        }
    }
    struct cc_node *target = cc_node(cc, n);
    if (target->object & CC_ALIVE) {
        leave_open(cc, from);
        if (!from_alive && rc__class(cc_object(from))->owner == RC__NO_SLOT)
            probe(r, n);
    } else if (from_alive) {
        if (target->object & CC_BOTH)
            return; // that is not enough
        cc_set_alive(cc, n);
        if (cc->hints)
            cc_learn(heap, cc_object(from), h);
    } else {
        record_edge(cc, source, from, n, target);
    }
}

// Node [n] is ALIVE: so is what its object holds. If the row has no room for that, it is recorded at once.
static void probe(struct rows *r, uint32_t n) {
    assert(cc_node(r->cc, n)->object & CC_ALIVE);
    struct cc_node *node = cc_node(r->cc, n);
    struct rc__header *h = cc_object(node);
    const struct rc__class *c = rc__class(h);
    if (node->object & CC_PROBED || rc__is_dead(h) || !c->small)
        return;
    node->object |= CC_PROBED;
    if (r->row->slots + c->slot_count <= ROW) {
        read_small(r->row, h, c, n | PROBE);
        return;
    }
    for (uint32_t i = 0; i < c->slot_count; i++) {
        void *target = rc__load((const char *)(h + 1) + c->slot[i]);
        if (target)
            record_special(r, RC__HEADER(target), n, PROBE);
    }
}

// Looks for the nodes of the targets.
static void look(const struct rows *r, struct row *row) {
    assert(row->slots <= ROW);
    for (uint32_t i = 0; i < row->slots; i++) {
        const struct rc__header *h = row->target[i];
        const struct cc_node *node = node_of(r, h);
        row->node[i] = node ? rc__index(h) : CC_NONE;
        if (node)
            __builtin_prefetch(node, 1);
    }
}

// The target of slot [i] of the row had no node when it was looked at, and gets one, to be traced. false: it is a special one,
// or memory is out.
static inline bool discover_usual(const struct rows *r, struct row *row, uint32_t i) {
    struct cc *cc = r->cc;
    struct rc__header *h = row->target[i];
    uint32_t both = rc__both(h);
    if (RC__LOAD(rc__class_heap[both >> 16]) != r->heap || row->source[i] & ~SOURCE)
        return false;
    if (!(h->word & RC__GRAPH)) {
        const struct rc__class *c = &rc__classes[both >> 17];
        const struct rc__header *owner = cc_owner(h, c);
        const struct cc_node *above = owner ? node_of(r, owner) : NULL;
        if (both & RC__HANDLES || h->word & RC__SUSPECT || rc__atomic_load(&h->shared) & ~RC__WEAK || c->acyclic ||
            (owner && (!above || above->object & CC_ALIVE)) || cc_node(cc, row->source[i])->object & CC_ALIVE ||
            !cc_has_room(r->heap, 1))
            return false;
        push(cc, &cc->cold, cc_node_new(cc, h, 0));
        if (c->slot_count) // it may be a cache line further
            __builtin_prefetch((const char *)(h + 1) + c->slot[c->slot_count - 1]);
    }
    row->node[i] = rc__index(h);
    return true;
}

// Records edges for slots [i] up to [end] of the row, for which there is room in one chunk, but stops at one that is
// special. Returns its number.
static inline uint32_t record_plain(const struct rows *r, struct row *row, uint32_t i, uint32_t end) {
    struct cc *cc = r->cc;
    assert(i <= end && end <= row->slots);
    assert(cc->edge_count + (end - i) <= cc->edge_room); // G3
    uint32_t e = cc->edge_count, *edge = cc_edge(cc, e), source = cc->source;
    struct cc_node *from = source != CC_NONE ? cc_node(cc, source) : NULL;
    for (; i < end && (row->node[i] != CC_NONE || discover_usual(r, row, i)); i++) {
        uint32_t n = row->node[i], mark = 0;
        if (row->source[i] != source) {
            if (row->source[i] & ~SOURCE)
                break;
            from = cc_node(cc, row->source[i]);
            mark = CC_EDGE_FIRST;
        }
        struct cc_node *target = cc_node(cc, n);
        if ((from->object | target->object) & CC_ALIVE || target->ext == 0)
            break;
        if (mark) { // G3
            source = row->source[i];
            from->edge = e;
        }
        target->ext--;
        from->object += CC_EDGE_ONE;
        *edge++ = n | mark;
        e++;
    }
    cc->outside -= e - cc->edge_count;
    cc->edge_count = e;
    cc->source = source;
    return i;
}

// The same for number [i], whatever it is.
static void record_any(struct rows *r, const struct row *row, uint32_t i) {
    assert(i < row->slots);
    assert((row->source[i] & SOURCE) < r->cc->node_count);
    struct cc *cc = r->cc;
    uint32_t n = row->node[i], source = row->source[i] & SOURCE, flags = row->source[i] & ~SOURCE;
    struct cc_node *from = cc_node(cc, source), *target = n != CC_NONE ? cc_node(cc, n) : NULL;
    r->hot -= flags / HOT;
    if (!target || (from->object | target->object) & CC_ALIVE) {
        record_special(r, row->target[i], source, flags);
    } else {
        record_edge(cc, source, from, n, target);
        target->object |= flags & HOT ? CC_WANTED : 0;
    }
}

// Records edges for the row, from which nothing remains.
static void record(struct rows *r, struct row *row) {
    assert(row->slots <= ROW);
    struct cc *cc = r->cc;
    for (uint32_t i = 0; i < row->slots && !cc->out_of_memory;) {
        if (cc->edge_count >= cc->edge_room && !cc_more_edges(r->heap))
            break;
        uint32_t room = CC_EDGES - cc->edge_count % CC_EDGES;
        i = record_plain(r, row, i, row->slots - i < room ? row->slots : i + room);
        if (i < row->slots && cc->edge_count < cc->edge_room)
            record_any(r, row, i++);
    }
    r->recorded += row->slots;
    row->slots = 0;
}

// Moves all rows on by one.
static void advance(struct rows *r) {
    assert(r->row == &r->all[r->turn % ROWS]);
    r->row = &r->all[++r->turn % ROWS];
    look(r, &r->all[(r->turn - 2) % ROWS]);
    record(r, &r->all[(r->turn - 3) % ROWS]);
}

static bool is_empty(const struct rows *r) {
    uint32_t slots = 0;
    for (int i = 0; i < ROWS; i++)
        slots += r->all[i].slots;
    return !slots;
}

static void read_slots(struct rc_visitor *visitor, char *first, size_t n) {
    struct rows *r = (struct rows *)visitor;
    assert(r->source < r->cc->node_count);
    for (; n && !r->cc->out_of_memory; n--, first += sizeof(void *)) {
        void *target = rc__load(first);
        if (!target)
            continue;
        if (r->row->slots == ROW)
            advance(r);
        add(r->row, target, r->source);
    }
}

// Reads the slots of node [n]; of a long object, the next piece.
static void trace(struct rows *r, uint32_t n) {
    assert(n < r->cc->node_count);
    assert(r->cc->piece_node == CC_NONE || n == r->cc->piece_node);
    assert(!(cc_node(r->cc, n)->object & CC_TRACED) || n == r->cc->piece_node);
    struct cc *cc = r->cc;
    struct cc_node *node = cc_node(cc, n);
    struct rc__header *h = cc_object(node);
    const struct rc__class *c = rc__class(h);
    node->object |= CC_TRACED;
    if (rc__is_dead(h)) {
        cc->piece_node = CC_NONE;
        cc->piece_slot = 0;
        return;
    }
    if (c->small) {
        if (c->hint == RC__NO_SLOT)
            read_small(r->row, h, c, n);
        else
            read_hinted(r, h, c, n);
        return;
    }
    r->source = n;
    if (rc__trace(h, &r->visitor, cc->piece_slot, cc->piece_slot + RC__PIECE)) {
        cc->piece_node = n;
        cc->piece_slot += RC__PIECE;
    } else {
        cc->piece_node = CC_NONE;
        cc->piece_slot = 0;
    }
}

// R9: what was read of [h] so far may be read again, at other places. The mark spares it, and what has been read of it; to what
// has not, it is somebody outside of the graph.
void cc_changed(struct rc_heap *heap, struct rc__header *h) {
    assert(rc__is_mine(heap) && rc__is_object(h));
    struct cc *cc = &heap->cc;
    assert(cc->piece_node == CC_NONE || cc->phase == RC_PHASE_BUILD);
    if (!(h->word & RC__GRAPH) || rc__index(h) != cc->piece_node)
        return;
    h->word |= RC__SUSPECT;
    cc->piece_node = CC_NONE;
    cc->piece_slot = 0;
}

// The node to be traced next; CC_NONE if there is none, or if what a hint led to is to come first and is still on its way.
static inline uint32_t next_node(struct rows *r) {
    assert(r->cc->root <= r->cc->roots);
    struct cc *cc = r->cc;
    if (cc->piece_node != CC_NONE)
        return cc->piece_node;
    if (cc->hot != CC_NONE)
        return pop(cc, &cc->hot);
    if (r->hot)
        return CC_NONE;
    if (cc->root < cc->roots) {
        cc_prefetch(cc_node(cc, cc->root));
        return cc->root++;
    }
    return pop(cc, &cc->cold);
}

// Reads the slots of suspects, as long as nothing else comes first and the objects are small and without a hint. Returns how
// many nodes it looked at.
static uint32_t read_roots(struct rows *r, uint32_t limit) {
    assert(r->cc->roots <= r->cc->node_count);
    struct cc *cc = r->cc;
    struct row *row = r->row;
    uint32_t first = cc->root, n = first, end = cc->roots - n < limit ? cc->roots : n + limit;
    if (cc->piece_node != CC_NONE || cc->hot != CC_NONE || r->hot)
        return 0;
    for (; n < end && row->slots < ROW_FULL; n++) {
        struct cc_node *node = cc_node(cc, n);
        cc_prefetch(node);
        if (node->object & CC_ALIVE)
            continue;
        struct rc__header *h = cc_object(node);
        const struct rc__class *c = rc__class(h);
        if (rc__is_dead(h) || !c->small || c->hint != RC__NO_SLOT) // the class of a dead one may be another heap's by now
            break;
        node->object |= CC_TRACED;
        read_small(row, h, c, n);
    }
    cc->root = n;
    return n - first;
}

// Reads a row, of [limit] objects at most.
static uint32_t read(struct rows *r, uint32_t limit) {
    assert(limit > 0);
    uint32_t nodes = read_roots(r, limit);
    while (nodes < limit && r->row->slots < ROW_FULL) {
        uint32_t n = next_node(r);
        if (n == CC_NONE)
            break;
        nodes++;
        if (!(cc_node(r->cc, n)->object & CC_ALIVE && n != r->cc->piece_node))
            trace(r, n);
    }
    return nodes;
}

// Whether nothing is on its way but the row read last, and that has slots of one object only, none of them hot.
static inline bool is_alone(const struct rows *r) {
    uint32_t slots = 0;
    for (uint32_t i = 1; i < ROWS; i++)
        slots += r->all[(r->turn - i) % ROWS].slots;
    const struct row *row = r->row;
    return !slots && row->slots && row->source[0] == row->source[row->slots - 1] && !(row->source[0] & ~SOURCE);
}

// Whether the slot of [h] that its class's hint names, if there is one, leads nowhere but back to [from].
static inline bool has_no_way_up(const struct rc__header *h, const struct rc__class *c, const struct rc__header *from) {
    void *up = c->hint == RC__NO_SLOT ? NULL : rc__load((const char *)(h + 1) + c->hint);
    return !up || RC__HEADER(up) == from;
}

// Records the edges of the row, of which all slots are of one source (G3), that lead to nodes whose fate is open. The other
// slots are left.
static void record_known(struct rows *r, struct row *row) {
    struct cc *cc = r->cc;
    uint32_t left = 0, source = row->source[0];
    struct cc_node *from = cc_node(cc, source);
    for (uint32_t i = 0; i < row->slots; i++) {
        struct rc__header *h = row->target[i];
        struct cc_node *target = node_of(r, h);
        if (!target || (from->object | target->object) & CC_ALIVE ||
            (cc->edge_count >= cc->edge_room && !cc_more_edges(r->heap))) {
            row->target[left++] = h;
        } else {
            record_edge(cc, source, from, rc__index(h), target);
            r->recorded++;
        }
    }
    row->slots = left;
}

// The row that was read last is alone, and waiting would bring nothing else. Its links back are recorded at once; and if there
// is one other link, the chain of small objects that begins with it is followed, for as many objects as are read at a time.
// What cannot be recorded so stays in the row. Returns how many nodes that made.
static uint32_t follow(struct rows *r) {
    struct cc *cc = r->cc;
    struct row *row = r->row;
    uint32_t nodes = 0, source = row->source[0];
    struct cc_node *from = cc_node(cc, source);
    assert(cc->piece_node == CC_NONE && cc->hot == CC_NONE); // G3
    record_known(r, row);
    for (; nodes < ROW_FULL && row->slots == 1; nodes++) {
        struct rc__header *h = row->target[0];
        const struct rc__class *c = rc__class(h);
        const struct rc__header *back = cc_object(from);
        if (rc__heap(h) != r->heap || h->word & (RC__GRAPH | RC__SUSPECT) || !c->plain || c->acyclic ||
            c->owner != RC__NO_SLOT || from->object & CC_ALIVE || !has_no_way_up(h, c, back) || cc_is_held(h) ||
            !cc_has_room(r->heap, 1) || (cc->edge_count + RC__SMALL >= cc->edge_room && !cc_more_edges(r->heap)))
            break;
        uint32_t n = cc_node_new(cc, h, CC_TRACED);
        struct cc_node *node = cc_node(cc, n);
        record_edge(cc, source, from, n, node);
        r->recorded++;
        row->slots = 0;
        for (const uint16_t *slot = c->slot, *end = slot + c->slot_count; slot < end; slot++) {
            void *target = rc__load((const char *)(h + 1) + *slot);
            if (target && RC__HEADER(target) == back) {
                record_edge(cc, n, node, source, from);
                r->recorded++;
            } else if (target) {
                add(row, target, n);
            }
        }
        source = n;
        from = node;
    }
    return nodes;
}

static bool build(struct rows *r, struct cc_budget *budget) {
    struct cc *cc = r->cc;
    for (;;) {
        if ((cc->alive != CC_NONE || cc->flood_edge != CC_NONE) && !cc_flood(r->heap, budget))
            return false;
        uint32_t recorded = r->recorded, limit = budget->deadline ? ROW_FULL : 1, made = 0;
        uint32_t nodes = read(r, limit);
        if (!nodes && is_empty(r))
            return true;
        if (nodes < limit && r->row->slots < ROW_FULL && budget->deadline && is_alone(r)) // there was no other to be read
            made = follow(r);
        if (!made)
            advance(r);
        nodes += made;
        if (cc->out_of_memory || !cc_spend(budget, 4 * (nodes + r->recorded - recorded + cc_climbed(r->heap))))
            return false;
    }
}

bool cc_build(struct rc_heap *heap, struct cc_budget *budget) {
    assert(heap->cc.root <= heap->cc.roots);
    assert(heap->cc.phase == RC_PHASE_BUILD && heap->cc.roots <= heap->cc.node_count);
    struct rows rows = {.visitor.slots = read_slots, .heap = heap, .cc = &heap->cc, .turn = ROWS};
    rows.row = rows.all;
    bool done = build(&rows, budget);
    while (!heap->cc.out_of_memory && !is_empty(&rows))
        advance(&rows);
    heap->stats.edges += rows.recorded;
    assert(is_empty(&rows) || heap->cc.out_of_memory);
    return done;
}

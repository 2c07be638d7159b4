// SPDX-License-Identifier: MIT
// The protocol of threads and collector as a model for Spin: N objects with K slots each, the home thread, which
// changes the graph between any two steps of the collector, foreign threads, which retain, release, pass handles on and
// upgrade weak references, and the collector.
//
// Checked after each step (see settle):
//
//   safe     what a handle leads to is alive;
//   memory   what is in the suspect buffer, in the inbox or in the graph, or what a foreign thread is about to touch, is
//            not freed;
//   leak     when the collector has nothing left to do, what no handle leads to is freed;
//
// and where they can go wrong:
//
//   once     what a commit condemns is still alive when it is destroyed;
//   final    what dies has been finalized; and what is finalized has no handle, nor has anybody upgraded what leads to it;
//   fault    the check that an unmarked object is not reported by more slots than it has links blames nobody wrongly;
//   rounds   once the threads stop, the collector has nothing left to do after ROUNDS collections.
//
// Each rule is a macro, 1 unless the command line says, for instance, -DR4=0:
//
//   R1_RELEASE  losing a reference makes an object without handles a suspect: release, clear, death of a holder
//   R1_GIVE     so does giving its last handle to a slot, though no count falls
//   R1_MOVE     so does moving a link, though no count falls
//   R1_EMPTY    but not, outside of the graph, an object that holds no link                (0: such a one, too)
//   R1_HELD     nor, there, one whose handle goes into a slot of what has a handle itself  (0: such a one, too; 2: nor
//               any other that is given)
//   R1_LED      nor one that is LED: it had no handle before                                (0: such a one, too)
//   LED_BUILD   but in BUILD such a one is a suspect all the same
//   LED_LOSE    what loses a link is not LED any more
//   LED_MOVE    nor is that of which a link moves
//   LED_DROP    nor a suspect that is dropped for its handle
//   LED_FIND    nor what gets a node
//   LED_GIVE    R1_HELD asks for something held that is not LED
//   LED_NEAR    an owner that is held, and stands for an object, is not LED any more
//   LED_CLIMB   nor is what is held, and proves an object alive by a climb
//   R2          a suspect is dropped unseen only for a handle, or for being in the inbox  (0: a link will do, too)
//   R3_QUEUE    a foreign release puts the object into the inbox, then counts             (0: counts first)
//   R3_HUSK     a dead object that is in the inbox keeps its memory
//   R3_GRAPH    a dead object that is in the graph keeps its memory
//   R4          links are recorded, and the mark cleared, at discovery           (0: when the object itself is traced)
//   R5_LINK     a new link to an object in the graph marks it
//   R5_LOSE     so does a reference lost, if it leaves the object without handles
//   R5_MOVE     so does a link moved
//   R5_TAKE     so does a link taken
//   R5_FOREIGN  a foreign release marks: it sees to it that the object is in the inbox
//   R6          white objects are looked at again before they are condemned: for the mark SUSPECT (R6_MARK), handles
//               here (R6_HANDLES), handles elsewhere and the inbox (R6_SHARED), and death by count (R6_DEAD)
//   R7          an object found alive that was marked after tracing began, but before its discovery, is suspect again
//   R8          upgrading a weak reference to a condemned object pardons it
//   R9          a container is marked (R9_MARK), and no more of it is read (R9_STOP), when what it holds changes places after
//               some of it has been read
//   OWN_HELD    R1 makes an exception also of what has an owner that is held, or a suspect  (0: any owner)
//   OWN_LINK    ... and the object lost a handle, not a link
//   OWN_SELF    ... and is not in the graph
//   OWN_GRAPH   ... nor is its owner
//   CLIMB_ALIVE a climb proves an object alive if it comes to something held, or to what the graph knows to be alive
//               (0: any node will do)
//   CLIMB_OTHER a suspect need not be looked at, either, if its climb comes to another one          (0: to itself will do)
//   CLIMB_ANEW  each climb goes all the way: what another has proved alive in this collection proves nothing
//   ISLAND_LINKS    links to members of an island come from members only
//   ISLAND_HANDLES  nobody has a handle of a member
//   ISLAND_SHARED   nor has another thread, or had, so that the member is in the inbox
//   ISLAND_WEAK     no member has a weak reference
//   ISLAND_ROOTS    islands are looked for before anything but roots is in the graph
//   ISLAND_GRAPH    a member leaves the graph before it is freed
//   ISLAND_BUFFER   and the suspect buffer
//   ISLAND_LOSE     what members link to and is no member loses that link
//   ALL_LED         what rc_collect_heaps counts is not LED any more
//   ALL_OTHERS      nor is what it finds alive, if another thread has a handle, or had: that may be all that it lives by
//   ALL_UPGRADED    a white object of which there is a handle at the commit is alive
//   ALL_REACH       and so is what that leads to
//   ALL_AGAIN       after which the others are looked at once more
//   ALL_PARDONED    objects found alive that late are suspects
//   ALL_INBOX       white objects leave the inbox
//   ENTRY_DIES  an entry of a weak map goes with the first of map and key that dies: the other one lets go of it, too
//   ENTRY_SET   a link to it that goes while it is destroyed as part of a garbage set is forgotten
//   ENTRY_LATE  what is white, and dies by count before the commit, is pardoned; no other object can
//   ENTRY_BOTH  it is alive only if all that is known to lead to it is alive                (0: if anything is)
//   ENTRY_PROBE and that something alive leads to it is no reason to give it a node         (0: it gets one, and is alive)
//   ENTRY_PARDON but what is pardoned leads to it for as long as this collection lasts
//   ENTRY_KEPT  and all that is pardoned, also what is only led to, is suspect again: by an entry it may have been kept in vain
//   FINAL_DEATH what dies by count is finalized first
//   FINAL_WAIT  a set with members that await their finalizers is not destroyed
//   FINAL_AGAIN nor is it when these have run, until another collection has judged it
//   FINAL_KEPT  all of it is suspect then
//   FINAL_HELD  what somebody has got a handle of is not finalized
//   FINAL_STOP  nor is anything once a member has been upgraded
//   FINAL_JUDGE rc_collect_heaps finalizes nothing before it has looked for what was upgraded since it was counted
//   OFF_ROOT    a root is suspect again when the collection is called off
//   OFF_WHITE   and so is what was white
//   OFF_BELL    and the bell rings again if not all of the inbox has been looked at
//   BELL_OUT    a foreign release that may be the last one rings, so that a collection begins and looks into the inbox
//   BELL_IN     so does the home thread, when it gives up the last handle of an object that is in the inbox
//
// What is simpler than in the library, and why nothing is lost by that:
//
//   - Links and `shared` are derived from what they count: the slots, and the handles that somebody has (home,
//     foreign). Of the header's counts only `handles` is state, the home thread's part of the sum.
//   - An object's slots are a bag, as the collector reads them in one step (but see PIECES).
//   - Each object has a weak reference from birth to death that all threads know (but see ISLANDS). One that nobody has
//     is one that nobody upgrades.
//   - The collector takes suspects, objects to trace and white objects in any order. It may leave suspects, and inbox
//     entries for which the bell rings, to the next collection.
//
// What an object leads to that was held at its discovery is alive and need not be traced. The library looks for that
// where it promises to save work (cc/build.c); in the model any such object may be probed at any time of BUILD.
//
// OWNERS=1 gives each object an owner slot besides its K others. What the program promises, that the owner leads to the
// object, is asked for as late as can be: of an object that no handle leads to, but those of what is LED. A run that breaks the
// promise ends there.
// From an owner slot nothing is taken or moved; the library knows no difference to other slots.
//
// ISLANDS=1 has a suspect, or a root, and some of what it leads to judged and freed in one step, if nothing else leads to
// them. An object has a weak reference from its birth then, or none.
//
// ENTRY=1 makes object 2 an entry of a weak map (rc/extra.c): object 0, a map, and object 1, a key, have a link to it each, and it
// one to either of them, its value. No handle is ever had of it, and the program gets at it only if it can get at both.
//
// FINAL=1 gives each object a finalizer. What that does is up to the program, so it is no more than a handle of the object that the
// home thread comes by; it may keep that for as long as it likes, and does what it likes with what the object leads to.
//
// OFF=1 has collections called off, at any time before the commit: memory was out, or the program said so.
//
// TOGETHER=1 has rc_collect_heaps collect the heap at times, in between collections of its own. The home thread does nothing in
// the meantime, foreign threads go on. A link from another heap counts as a handle of another thread, so one heap will do.
//
// PIECES=1 makes object 0 a container, whose slots are read one by one, in any order, while the program goes on. What it gains or
// loses meanwhile lies in a slot that has been read, or in one that has not; or all that it holds changes places (turn).
//
// Bounds: HOME and FOREIGN handles an object, HELD both together. WEAK=0 and FOREIGN=0 take these features out.
#ifndef N
#define N 2
#endif
#ifndef K
#define K 2
#endif
#ifndef HOME
#define HOME 1
#endif
#ifndef FOREIGN
#define FOREIGN 1
#endif
#ifndef HELD
#define HELD 2
#endif
#ifndef WEAK
#define WEAK 1
#endif
#ifndef OWNERS
#define OWNERS 0
#endif
#ifndef ISLANDS
#define ISLANDS 0
#endif
#ifndef ENTRY
#define ENTRY 0 // with N=3
#endif
#ifndef FINAL
#define FINAL 0
#endif
#ifndef OFF
#define OFF 0
#endif
#ifndef TOGETHER
#define TOGETHER 0
#endif
#ifndef PIECES
#define PIECES 0
#endif
#ifndef PROBE
#define PROBE 1
#endif
#ifndef QUIET
#define QUIET 1
#endif
#ifndef ROUNDS
#define ROUNDS (3 + 2 * ENTRY + 2 * FINAL) // an entry may be kept for one, and finalizers take one
#endif

#ifndef LEAK
#define LEAK 1
#endif
#ifndef HUSKS
#define HUSKS 1
#endif
#ifndef FAULT
#define FAULT 1
#endif

#ifndef R1_RELEASE
#define R1_RELEASE 1
#endif
#ifndef R1_GIVE
#define R1_GIVE 1
#endif
#ifndef R1_MOVE
#define R1_MOVE 1
#endif
#ifndef R1_EMPTY
#define R1_EMPTY 1
#endif
#ifndef R1_HELD
#define R1_HELD 1
#endif
#ifndef R1_LED
#define R1_LED 1
#endif
#ifndef LED_BUILD
#define LED_BUILD 1
#endif
#ifndef LED_LOSE
#define LED_LOSE 1
#endif
#ifndef LED_MOVE
#define LED_MOVE 1
#endif
#ifndef LED_DROP
#define LED_DROP 1
#endif
#ifndef LED_FIND
#define LED_FIND 1
#endif
#ifndef LED_GIVE
#define LED_GIVE 1
#endif
#ifndef LED_NEAR
#define LED_NEAR 1
#endif
#ifndef LED_CLIMB
#define LED_CLIMB 1
#endif
#ifndef R2
#define R2 1
#endif
#ifndef R3_QUEUE
#define R3_QUEUE 1
#endif
#ifndef R3_HUSK
#define R3_HUSK 1
#endif
#ifndef R3_GRAPH
#define R3_GRAPH 1
#endif
#ifndef R4
#define R4 1
#endif
#ifndef R5_LINK
#define R5_LINK 1
#endif
#ifndef R5_LOSE
#define R5_LOSE 1
#endif
#ifndef R5_MOVE
#define R5_MOVE 1
#endif
#ifndef R5_TAKE
#define R5_TAKE 1
#endif
#ifndef R5_FOREIGN
#define R5_FOREIGN 1
#endif
#ifndef R6
#define R6 1
#endif
#ifndef R6_MARK
#define R6_MARK R6
#endif
#ifndef R6_HANDLES
#define R6_HANDLES R6
#endif
#ifndef R6_SHARED
#define R6_SHARED R6
#endif
#ifndef R6_DEAD
#define R6_DEAD R6
#endif
#ifndef R7
#define R7 1
#endif
#ifndef R8
#define R8 1
#endif
#ifndef R9
#define R9 1
#endif
#ifndef R9_STOP
#define R9_STOP R9
#endif
#ifndef R9_MARK
#define R9_MARK R9
#endif
#ifndef OWN_HELD
#define OWN_HELD 1
#endif
#ifndef OWN_LINK
#define OWN_LINK 1
#endif
#ifndef OWN_SELF
#define OWN_SELF 1
#endif
#ifndef OWN_GRAPH
#define OWN_GRAPH 1
#endif
#ifndef CLIMB_ALIVE
#define CLIMB_ALIVE 1
#endif
#ifndef CLIMB_OTHER
#define CLIMB_OTHER 1
#endif
#ifndef CLIMB_ANEW
#define CLIMB_ANEW 1
#endif
#ifndef ISLAND_LINKS
#define ISLAND_LINKS 1
#endif
#ifndef ISLAND_HANDLES
#define ISLAND_HANDLES 1
#endif
#ifndef ISLAND_SHARED
#define ISLAND_SHARED 1
#endif
#ifndef ISLAND_WEAK
#define ISLAND_WEAK 1
#endif
#ifndef ISLAND_ROOTS
#define ISLAND_ROOTS 1
#endif
#ifndef ISLAND_GRAPH
#define ISLAND_GRAPH 1
#endif
#ifndef ISLAND_LOSE
#define ISLAND_LOSE 1
#endif
#ifndef ISLAND_BUFFER
#define ISLAND_BUFFER 1
#endif
#ifndef ALL_LED
#define ALL_LED 1
#endif
#ifndef ALL_OTHERS
#define ALL_OTHERS 1
#endif
#ifndef ALL_UPGRADED
#define ALL_UPGRADED 1
#endif
#ifndef ALL_REACH
#define ALL_REACH 1
#endif
#ifndef ALL_AGAIN
#define ALL_AGAIN 1
#endif
#ifndef ALL_PARDONED
#define ALL_PARDONED 1
#endif
#ifndef ALL_INBOX
#define ALL_INBOX 1
#endif
#ifndef ENTRY_DIES
#define ENTRY_DIES 1
#endif
#ifndef ENTRY_SET
#define ENTRY_SET 1
#endif
#ifndef ENTRY_LATE
#define ENTRY_LATE 1
#endif
#ifndef ENTRY_BOTH
#define ENTRY_BOTH 1
#endif
#ifndef ENTRY_PROBE
#define ENTRY_PROBE 1
#endif
#ifndef ENTRY_PARDON
#define ENTRY_PARDON 1
#endif
#ifndef ENTRY_KEPT
#define ENTRY_KEPT 1
#endif
#ifndef FINAL_DEATH
#define FINAL_DEATH 1
#endif
#ifndef FINAL_WAIT
#define FINAL_WAIT 1
#endif
#ifndef FINAL_AGAIN
#define FINAL_AGAIN 1
#endif
#ifndef FINAL_KEPT
#define FINAL_KEPT 1
#endif
#ifndef FINAL_HELD
#define FINAL_HELD 1
#endif
#ifndef FINAL_STOP
#define FINAL_STOP 1
#endif
#ifndef FINAL_JUDGE
#define FINAL_JUDGE 1
#endif
#ifndef OFF_ROOT
#define OFF_ROOT 1
#endif
#ifndef OFF_WHITE
#define OFF_WHITE 1
#endif
#ifndef OFF_BELL
#define OFF_BELL 1
#endif
#ifndef BELL_OUT
#define BELL_OUT 1
#endif
#ifndef BELL_IN
#define BELL_IN 1
#endif

// An object's life; its place in the graph; the phases.
#define FREED 0
#define ALIVE 1
#define HUSK 2 // dead, memory kept

#define OUT 0
#define FOUND 1 // to be traced
#define DONE 2  // traced, or known to be alive
#define WHITE 3

#define IDLE 0
#define INBOX 1
#define ROOTS 2
#define BUILD 3
#define VALIDATE 4
#define FREE 5
#define ENDED 6 // the run; see OWNERS
#define HEAPS 7 // rc_collect_heaps
#define FINALIZE 8

#define COUNT 0 // its steps
#define COMMIT 1
#define PARDON 2
#define LEAVE 3

#define KNOWN 7 // ext of a node that is known to be alive; more than all slots together

typedef Object {
    unsigned life : 2;
    unsigned home : 2;    // handles of the home thread
    unsigned foreign : 2; // handles of foreign threads
    unsigned handles : 2; // in the header; home + foreign - handles stands in `shared`
    unsigned suspect : 1;
#if R1_LED
    unsigned led : 1;     // not by its handles alone
#endif
    unsigned queued : 1;  // in the inbox
    unsigned leaving : 1; // put there by a thread that has yet to count its release
    unsigned links : 6;   // how many of its slots refer to objects 0, 1, 2: two bits each
    unsigned graph : 2;
    unsigned ext : 3;     // links at discovery, less the edges recorded (R4=0: until it is traced, those edges)
    unsigned edges : 3;   // recorded: the set of objects it refers to
    unsigned late : 1;    // R7
    unsigned checked : 1; // validated; having a weak reference, condemned
#if FINAL
    unsigned final : 1;   // has been finalized
#endif
#if OFF
    unsigned rooted : 1;  // was a suspect when it got its node
#endif
#if OWNERS
    unsigned owner : 2;   // 1 + the object in its owner slot, which is one of its links
#endif
#if !CLIMB_ANEW
    unsigned proved : 1;  // in this collection
#endif
#if ISLANDS
    unsigned weak : 1;    // has a weak reference
#endif
    unsigned touched : 1  // to be pardoned
};

Object o[N];
#if FINAL
unsigned phase : 4;
#else
unsigned phase : 3;
#endif
unsigned bell : 1;
unsigned pend : 2;   // with R3_QUEUE=0: 1 + the object that has been released and is to be put into the inbox
unsigned mine : 3;   // the set of objects that handles of the home thread lead to
unsigned quiet : 1;  // the threads have stopped
unsigned rounds : 3; // collections that may still begin
unsigned set : 3;    // for the time of a step
unsigned lost : 3;
unsigned letting : 3; // of them, the one that has lost a handle
unsigned unseen : 3; // INBOX: what has yet to be looked at
#if TOGETHER
unsigned upgraded : 3; // the set of objects that are to be pardoned
unsigned together : 2; // HEAPS: COUNT, COMMIT, PARDON or LEAVE
#endif
#if PIECES
unsigned piece : 1;  // object 0 is being traced
unsigned ahead : 6;  // its links that have yet to be read
unsigned beyond : 1; // what it gains or loses next lies among those
#endif
#if OWNERS
unsigned up : 2;     // for the time of a step: 1 + the owner to be looked at,
unsigned steps : 2;  // so many steps up,
unsigned found : 1;  // and whether there was one that counts
unsigned firm : 3;   // the set of objects that handles lead to, but those of what is LED
unsigned broken : 1; // a promise is
#endif

// Sets of objects are numbers; SET(P) is the set of those for which P holds.
#define IN(s, x) (((s) >> (x)) & 1)
#if N == 2
#define EACH(A) A(0) A(1)
#define EACH_2(A) A(0, 0) A(0, 1) A(1, 0) A(1, 1)
#define EACH_3(A) A(0, 0, 0) A(0, 0, 1) A(0, 1, 0) A(0, 1, 1) A(1, 0, 0) A(1, 0, 1) A(1, 1, 0) A(1, 1, 1)
#define DO(A) A(0); A(1)
#define DO_2(A, x) A(x, 0); A(x, 1)
#define SUM(A, x) (A(0, x) + A(1, x))
#define SET(P) ((P(0) > 0) + 2 * (P(1) > 0))
#define ALL 3
#else
#define EACH(A) A(0) A(1) A(2)
#define EACH_2X(A, x) A(x, 0) A(x, 1) A(x, 2)
#define EACH_2(A) EACH_2X(A, 0) EACH_2X(A, 1) EACH_2X(A, 2)
#define EACH_3Y(A, x, y) A(x, y, 0) A(x, y, 1) A(x, y, 2)
#define EACH_3X(A, x) EACH_3Y(A, x, 0) EACH_3Y(A, x, 1) EACH_3Y(A, x, 2)
#define EACH_3(A) EACH_3X(A, 0) EACH_3X(A, 1) EACH_3X(A, 2)
#define DO(A) A(0); A(1); A(2)
#define DO_2(A, x) A(x, 0); A(x, 1); A(x, 2)
#define SUM(A, x) (A(0, x) + A(1, x) + A(2, x))
#define SET(P) ((P(0) > 0) + 2 * (P(1) > 0) + 4 * (P(2) > 0))
#define ALL 7
#endif

#if ENTRY
#define IS_ENTRY(x) ((x) == 2)
#else
#define IS_ENTRY(x) 0
#endif

// Slots and counts.
#define ONE(y) (1 << (2 * (y)))
#define LINKS(x, y) ((o[x].links >> (2 * (y))) & 3)
#define FROM(y, x) LINKS(x, y)
#define LINKED(y) SUM(LINKS, y)
#define USED(x) SUM(FROM, x)
#if OWNERS
#define OWNER(x) o[x].owner
#define set_owner(x, number) o[x].owner = number
#else
#define OWNER(x) 0
#define set_owner(x, number) skip
#endif
#define IN_SLOTS(x, y) (!IS_ENTRY(y) && LINKS(x, y) > (OWNER(x) == (y) + 1)) // not only in the owner slot

// What objects have only in some of the models.
#if PIECES
#define IS_IN_PIECES(x) ((x) == 0)
#define AHEAD(y) ((ahead >> (2 * (y))) & 3)
#define IS_AHEAD(x, y) (IS_IN_PIECES(x) && AHEAD(y) && (beyond || AHEAD(y) == LINKS(x, y)))
#define gain_slot(x, y) ahead = ahead + (IS_IN_PIECES(x) && beyond) * ONE(y)
#define lose_slot(x, y) ahead = ahead - IS_AHEAD(x, y) * ONE(y)
#define begin_pieces() piece = 1; ahead = o[0].links
#define end_pieces() piece = 0; ahead = 0; beyond = 0
#define no_pieces(x) piece = piece && !IS_IN_PIECES(x); ahead = piece * ahead; beyond = piece && beyond
#define IN_PIECES piece
#else
#define IS_IN_PIECES(x) 0
#define gain_slot(x, y) skip
#define lose_slot(x, y) skip
#define begin_pieces() skip
#define end_pieces() skip
#define no_pieces(x) skip
#define IN_PIECES 0
#endif
#if CLIMB_ANEW
#define IS_PROVED(x) 0
#define no_proof(x) skip
#define note_proof(x) skip
#else
#define IS_PROVED(x) o[x].proved
#define no_proof(x) o[x].proved = 0
#define note_proof(x) o[x].proved = found
#endif
#if R1_LED
#define IS_LED(x) o[x].led
#define set_led(x, condition) o[x].led = (condition)
#else
#define IS_LED(x) 0
#define set_led(x, condition) skip
#endif
#define no_led(x, rule) set_led(x, IS_LED(x) && !(rule))
#if OFF
#define IS_OFF_ROOT(x) (OFF_ROOT && o[x].rooted)
#define set_root(x, condition) o[x].rooted = (condition)
#else
#define set_root(x, condition) skip
#endif
#if FINAL
#define IS_FINAL(x) (o[x].final || IS_ENTRY(x))
#define set_final(x, value) o[x].final = value
#else
#define IS_FINAL(x) 1
#define set_final(x, value) skip
#endif
#if ISLANDS
#define no_weak(x) o[x].weak = 0
#else
#define no_weak(x) skip
#endif
#define HELD_BY(x) (o[x].home + o[x].foreign)
#define SHARED(x) (HELD_BY(x) - o[x].handles)
#define IS_SHARED(x) (SHARED(x) != 0 || o[x].queued)

// Adds to a set what it leads to: by the slots, or in the recorded graph.
#define BIT(y, x) ((LINKS(x, y) > 0) << (y))
#define REFERS(x) SUM(BIT, x)
#if ENTRY
#define BY_LINKS(x, s) | (IN(s, x) * !IS_ENTRY(x) * REFERS(x))
#else
#define BY_LINKS(x, s) | (IN(s, x) * REFERS(x))
#endif
#define BY_EDGES(x, s) | (IN(s, x) * o[x].edges)
#if ENTRY
#define keep_entry(s) s = s & ((s & 3) == 3 -> 7 : 3) // what it leads to is map or key, so that nothing else comes by it
#define leave_entry(s) s = s & 3
#define reach_value(s) s = s | (IN(s, 2) * REFERS(2)); close_over(BY_LINKS, s)
#else
#define reach_value(s) skip
#define keep_entry(s) skip
#define leave_entry(s) skip
#endif
#if N == 2
#define close_over(BY, s) s = s BY(0, s) BY(1, s)
#else
#define step_over(BY, s) s = s BY(0, s) BY(1, s) BY(2, s)
#define close_over(BY, s) step_over(BY, s); step_over(BY, s)
#endif

#define HAS_HOME(x) o[x].home
#define HAS_FOREIGN(x) o[x].foreign
#define IS_ALIVE(x) (o[x].life == ALIVE)
#define IS_FREED(x) (o[x].life == FREED)
#define IS_GONE(x) (o[x].life == FREED || (o[x].life == HUSK && !HUSKS))
#define IS_AWAITED(x) (o[x].queued || pend == (x) + 1 || o[x].graph != OUT || o[x].suspect)
#define IS_SUSPECT(x) o[x].suspect
#define HAS_WORK (phase != IDLE || bell || pend || SET(IS_SUSPECT))

#if TOGETHER
#define AT_WORK (!quiet && phase != HEAPS)
#define IS_COMMITTED (phase == FREE || (phase == HEAPS && together == LEAVE))
#else
#define AT_WORK !quiet
#define IS_COMMITTED (phase == FREE)
#endif

#define check(message, condition)                                                                                      \
    if                                                                                                                 \
    :: condition -> skip                                                                                               \
    :: else -> printf(message); assert(false)                                                                          \
    fi

#if OWNERS
#define IS_DOOMED(x) (IS_COMMITTED && o[x].graph == WHITE)

#define IS_FIRM(x) (o[x].foreign || (o[x].home && !IS_LED(x)))

// No handle leads to x, but of what is LED, and its owner does not either.
inline find_broken(x) {
    if
    :: o[x].owner && IS_ALIVE(x) && !IN(firm, x) && !IS_DOOMED(x) ->
        lost = 1 << (o[x].owner - 1);
        close_over(BY_LINKS, lost);
        broken = broken || !IN(lost, x);
        lost = 0
    :: else
    fi
}

// Of a run that has broken a promise nothing more is asked.
inline end_broken() {
    firm = SET(IS_FIRM);
    close_over(BY_LINKS, firm);
    DO(find_broken);
    firm = 0;
    if
    :: broken -> phase = ENDED; quiet = 1; broken = 0
    :: else
    fi
}
#else
#define end_broken() skip
#endif

// The end of each step: what the home thread can get at now, and the checks.
inline settle() {
    mine = SET(HAS_HOME);
    close_over(BY_LINKS, mine);
    leave_entry(mine);
    set = mine | SET(HAS_FOREIGN);
    close_over(BY_LINKS, set);
    keep_entry(set);
    check("violated: safe\n", phase == ENDED || (set & ~SET(IS_ALIVE)) == 0);
    check("violated: memory\n", phase == ENDED || (SET(IS_FREED) & SET(IS_AWAITED)) == 0);
    end_broken();
    check("violated: leak\n", !LEAK || HAS_WORK || (set | SET(IS_GONE)) == ALL);
    set = 0
}

// ---- owners ----

#if OWNERS
// Whether x has an owner that is held, or a suspect. The library asks for a young suspect; here they have no age, and so more
// of them will do.
inline look_near(x) {
    up = o[x].owner;
    if
    :: up && !(OWN_GRAPH && o[up - 1].graph != OUT) ->
        found = o[up - 1].handles || o[up - 1].suspect || !OWN_HELD;
        no_led(up - 1, LED_NEAR && o[up - 1].handles)
    :: else
    fi;
    up = 0
}

// Whether the chain of owners leads up from x, which has no node, to what is known to be alive; or, if x was a suspect until
// now, to another one, which may have a node already.
inline climb(x, was_suspect) {
    up = o[x].owner;
    do
    :: up && !found && steps < N ->
        if
        :: o[up - 1].life != ALIVE -> up = 0
        :: o[up - 1].life == ALIVE && o[up - 1].graph != OUT ->
            found = (o[up - 1].ext == KNOWN || was_suspect || !CLIMB_ALIVE);
            up = 0
        :: else ->
            if
            :: !o[up - 1].queued -> fold(up - 1)
            :: else
            fi;
            found = (o[up - 1].handles || o[up - 1].queued || IS_PROVED(up - 1) ||
                     (was_suspect && (o[up - 1].suspect || (!CLIMB_OTHER && up - 1 == x))));
            no_led(up - 1, LED_CLIMB && (o[up - 1].handles || o[up - 1].queued));
            up = o[up - 1].owner;
            steps++
        fi
    :: else -> break
    od;
    up = 0;
    steps = 0;
    note_proof(x)
}
#define FOUND_OWNER found
#define forget_owner() found = 0
#else
#define look_near(x) skip
#define climb(x, was_suspect) skip
#define FOUND_OWNER 0
#define forget_owner() skip
#endif

// ---- losing references ----

// Memory goes when nobody is about to touch it.
inline forget(x) {
    if
    :: o[x].life == HUSK && !(R3_GRAPH && o[x].graph != OUT) && !(R3_HUSK && o[x].queued) ->
        o[x].life = FREED;
        set_final(x, 0)
    :: else
    fi
}

// Before a handle is given up, and when none seems to be left: what foreign threads did counts.
inline fold(x) {
    if
    :: o[x].handles == 0 -> o[x].handles = HELD_BY(x)
    :: else
    fi
}

// R1 asks for no suspect outside of the graph: the object holds nothing; or what is held has a link to it.
#define HOLDS_NOTHING(x) (R1_EMPTY && o[x].graph == OUT && USED(x) == 0)
#define IS_LED_TO(x, y)                                                                                                \
    (R1_HELD && o[y].graph == OUT && (R1_HELD == 2 || (o[x].graph == OUT && o[x].handles && !(LED_GIVE && IS_LED(x)))))
#define mark(x, condition) o[x].suspect = o[x].suspect || (condition)
#define ring_inside(x) bell = bell || (BELL_IN && o[x].queued && o[x].handles == 0)

// x lost a reference, and has no handle. [is_handle]: that was one, so R1 has its exceptions.
inline mark_lost(x, condition, is_handle) {
    if
    :: (is_handle) && IS_LED(x) && !(LED_BUILD && phase == BUILD) -> skip
    :: else ->
        if
        :: (is_handle) && (o[x].graph == OUT || !OWN_SELF) -> look_near(x)
        :: else
        fi;
        mark(x, (condition) && !FOUND_OWNER && !((is_handle) && HOLDS_NOTHING(x)));
        forget_owner()
    fi;
    set_led(x, o[x].graph == OUT)
}

#if ENTRY
// x dies: if it is map or key, the other one lets go of the entry; if it is the entry, both do.
#define LEADS_TO_ENTRY(x) (ENTRY_DIES && LINKS(x, 2))
#define LOSERS (ENTRY_SET && phase == FREE && o[2].graph == WHITE -> 3 : 7)
inline take_out(x) {
    if
    :: IS_ENTRY(x) || LEADS_TO_ENTRY(x) ->
        o[0].links = o[0].links - (LEADS_TO_ENTRY(0) > 0) * ONE(2);
        o[1].links = o[1].links - (LEADS_TO_ENTRY(1) > 0) * ONE(2)
    :: else
    fi
}
#else
#define take_out(x) skip
#define LOSERS ALL
#endif

// What a dead object referred to is lost, too.
inline lose(x) {
    lost = lost & ~(1 << x);
    no_led(x, LED_LOSE && !IN(letting, x));
    if
    :: o[x].life == ALIVE ->
        fold(x);
        ring_inside(x);
        if
        :: o[x].handles == 0 && LINKED(x) == 0 && FINAL_DEATH && !IS_FINAL(x) ->
            set_final(x, 1);
            o[x].home = 1;
            o[x].handles = 1;
            o[x].suspect = 0;
            set_led(x, 0)
        :: o[x].handles == 0 && LINKED(x) == 0 && !(FINAL_DEATH && !IS_FINAL(x)) ->
            check("violated: final\n", IS_FINAL(x));
            o[x].life = HUSK;
            o[x].suspect = 0;
            o[x].touched = o[x].touched || (ENTRY_LATE && phase == VALIDATE && o[x].graph == WHITE);
            lost = lost | (REFERS(x) & LOSERS);
            take_out(x);
            no_pieces(x);
            o[x].links = 0;
            set_owner(x, 0);
            no_weak(x);
            no_proof(x);
            set_led(x, 0);
            forget(x)
        :: o[x].handles == 0 && LINKED(x) != 0 ->
            mark_lost(x, (o[x].graph != OUT -> R5_LOSE : R1_RELEASE), !OWN_LINK || IN(letting, x))
        :: else
        fi
    :: else
    fi
}

// The objects in `lost` have each lost a reference.
#define LOSE(x) :: IN(lost, x) -> lose(x)
inline settle_losses() {
    do
    EACH(LOSE)
    :: lost == 0 -> break
    od;
    letting = 0
}

// ---- the home thread ----

#define add_link(x, y) gain_slot(x, y); o[x].links = o[x].links + ONE(y)
#define remove_link(x, y) lose_slot(x, y); o[x].links = o[x].links - ONE(y)
#define mark_linked(y) mark(y, R5_LINK && o[y].graph != OUT)
#define mark_taken(y) mark(y, R5_TAKE && o[y].graph != OUT)
#define mark_moved(y) mark(y, (o[y].graph != OUT -> R5_MOVE : R1_MOVE && o[y].handles == 0))
#define pardon_upgraded(x) o[x].touched = o[x].touched || (R8 && o[x].checked)

inline new(x) {
    printf("new %d\n", x);
    o[x].life = ALIVE;
    o[x].home = 1;
    o[x].handles = 1;
    settle()
}

inline retain(x) {
    printf("retain %d\n", x);
    o[x].home++;
    o[x].handles++;
    settle()
}

inline release(x) {
    printf("release %d\n", x);
    fold(x);
    o[x].home--;
    o[x].handles--;
    letting = 1 << x;
    lost = 1 << x;
    settle_losses();
    settle()
}

inline link(x, y) {
    printf("link %d %d\n", x, y);
    add_link(x, y);
    mark_linked(y);
    settle()
}

inline give(x, y) {
    printf("give %d %d\n", x, y);
    fold(y);
    add_link(x, y);
    mark_linked(y);
    o[y].home--;
    o[y].handles--;
    fold(y);
    ring_inside(y);
    if
    :: o[y].handles == 0 && IS_LED_TO(x, y) -> set_led(y, 1)
    :: o[y].handles == 0 && !IS_LED_TO(x, y) -> mark_lost(y, R1_GIVE, 1)
    :: else
    fi;
    settle()
}

inline clear(x, y) {
    printf("clear %d %d\n", x, y);
    remove_link(x, y);
    lost = 1 << y;
    settle_losses();
    settle()
}

inline replace(x, y, z) {
    printf("replace %d %d %d\n", x, y, z);
    add_link(x, z);
    mark_linked(z);
    remove_link(x, y);
    lost = 1 << y;
    settle_losses();
    settle()
}

inline take(x, y) {
    printf("take %d %d\n", x, y);
    remove_link(x, y);
    no_led(y, LED_LOSE);
    mark_taken(y);
    o[y].home++;
    o[y].handles++;
    settle()
}

inline move(x, y, z) {
    printf("move %d %d %d\n", x, y, z);
    remove_link(x, y);
    add_link(z, y);
    no_led(y, LED_MOVE);
    mark_moved(y);
    set_led(y, IS_LED(y) || (o[y].graph == OUT && o[y].handles == 0));
    settle()
}

#if OWNERS
// Sets the owner slot of x to y; or to NULL.
inline own(x, y) {
    printf("own %d %d\n", x, y);
    add_link(x, y);
    mark_linked(y);
    disown(x);
    o[x].owner = y + 1;
    settle_losses();
    settle()
}

inline disown(x) {
    if
    :: o[x].owner ->
        lost = 1 << (o[x].owner - 1);
        remove_link(x, o[x].owner - 1);
        o[x].owner = 0
    :: else
    fi
}

inline orphan(x) {
    printf("orphan %d\n", x);
    disown(x);
    settle_losses();
    settle()
}

// x clears its slot that refers to y, and then the owner slot of y, which refers to x, if y is still there. Between two
// slices a program may do both without a handle of y.
inline cut(x, y) {
    printf("cut %d %d\n", x, y);
    remove_link(x, y);
    lost = 1 << y;
    settle_losses();
    if
    :: o[y].life == ALIVE -> disown(y)
    :: else
    fi;
    settle_losses();
    settle()
}
#define OWNERS_1(x) :: d_step { USABLE(x) && o[x].owner && AT_WORK -> orphan(x) }
#define OWNERS_2(x, y)                                                                                                 \
    :: d_step { USABLE(x) && USABLE(y) && o[x].owner != y + 1 && AT_WORK -> own(x, y) }                                 \
    :: d_step { USABLE(x) && IN_SLOTS(x, y) && o[y].owner == x + 1 && AT_WORK -> cut(x, y) }
#else
#define OWNERS_1(x)
#define OWNERS_2(x, y)
#endif

#if ENTRY
inline put(y) {
    printf("put %d\n", y);
    o[2].life = ALIVE;
    add_link(0, 2);
    add_link(1, 2);
    add_link(2, y);
    mark_linked(y);
    settle()
}

inline remove() {
    printf("remove\n");
    remove_link(0, 2);
    remove_link(1, 2);
    lost = 4;
    settle_losses();
    settle()
}
#define ENTRY_0                                                                                                        \
    :: d_step { USABLE(0) && USABLE(1) && o[2].life == FREED && AT_WORK -> put(0) }                                    \
    :: d_step { USABLE(0) && USABLE(1) && o[2].life == FREED && AT_WORK -> put(1) }                                    \
    :: d_step { USABLE(0) && USABLE(1) && LINKS(0, 2) && AT_WORK -> remove() }
#else
#define ENTRY_0
#endif

#if PIECES
inline beyond_it() {
    printf("beyond\n");
    beyond = !beyond;
    settle()
}

inline turn_round() {
    printf("turn\n");
    mark(0, R9_MARK);
    if
    :: R9_STOP -> end_pieces()
    :: else -> ahead = o[0].links - ahead
    fi;
    settle()
}
#define PIECES_0                                                                                                       \
    :: d_step { piece && USABLE(0) && AT_WORK -> beyond_it() }                                                          \
    :: d_step { piece && USABLE(0) && AT_WORK -> turn_round() }
#else
#define PIECES_0
#endif

inline pass(x) {
    printf("pass %d\n", x);
    o[x].home--;
    o[x].foreign++;
    settle()
}

inline upgrade(x) {
    printf("upgrade %d\n", x);
    o[x].home++;
    o[x].handles++;
    pardon_upgraded(x);
    settle()
}

// Until the commit; then those that wait for their destruction give NULL.
#if ISLANDS
#define HAS_WEAK(x) (o[x].weak && o[x].life != HUSK)
#else
#define HAS_WEAK(x) (WEAK && !IS_ENTRY(x) && o[x].life == ALIVE)
#endif
#define UPGRADES(x) (HAS_WEAK(x) && !(IS_COMMITTED && o[x].graph == WHITE))
#define ROOM(x) (o[x].home < HOME && HELD_BY(x) < HELD && o[x].handles < HELD)
#define USABLE(x) IN(mine, x)
#if ENTRY
#define EMPTY(x) (USED(x) - LINKS(x, 2) < K)
#else
#define EMPTY(x) (USED(x) < K + (OWNER(x) > 0))
#endif

#if ISLANDS && WEAK
#define WEAKLY_1(x) :: d_step { o[x].life == FREED && AT_WORK -> o[x].weak = 1; printf("weak "); new(x) }
#else
#define WEAKLY_1(x)
#endif

#define HOME_1(x)                                                                                                      \
    :: d_step { !IS_ENTRY(x) && o[x].life == FREED && AT_WORK -> new(x) }                                                            \
    :: d_step { USABLE(x) && ROOM(x) && AT_WORK -> retain(x) }                                                          \
    :: d_step { o[x].home && AT_WORK -> release(x) }                                                                    \
    :: d_step { o[x].home && o[x].foreign < FOREIGN && AT_WORK -> pass(x) }                                             \
    :: d_step { UPGRADES(x) && ROOM(x) && AT_WORK -> upgrade(x) }                                                       \
    WEAKLY_1(x)                                                                                                        \
    OWNERS_1(x)
#define HOME_2(x, y)                                                                                                   \
    :: d_step { USABLE(x) && USABLE(y) && EMPTY(x) && AT_WORK -> link(x, y) }                                           \
    :: d_step { USABLE(x) && o[y].home && EMPTY(x) && AT_WORK -> give(x, y) }                                           \
    :: d_step { USABLE(x) && IN_SLOTS(x, y) && AT_WORK -> clear(x, y) }                                                 \
    :: d_step { USABLE(x) && IN_SLOTS(x, y) && ROOM(y) && AT_WORK -> take(x, y) }                                       \
    OWNERS_2(x, y)
#define HOME_3(x, y, z)                                                                                                \
    :: d_step { USABLE(x) && IN_SLOTS(x, y) && USABLE(z) && y != z && AT_WORK -> replace(x, y, z) }                     \
    :: d_step { USABLE(x) && IN_SLOTS(x, y) && USABLE(z) && EMPTY(z) && AT_WORK -> move(x, y, z) }

active proctype home_thread() {
end:
    do
    EACH(HOME_1)
    EACH_2(HOME_2)
    EACH_3(HOME_3)
    ENTRY_0
    PIECES_0
#if QUIET
    :: d_step { phase == IDLE && !pend && !quiet -> printf("quiet\n"); quiet = 1; rounds = ROUNDS }
#endif
    od
}

// ---- foreign threads ----
// Any number of them. The release that puts an object into the inbox is two steps, between which others may come.

inline foreign_retain(x) {
    printf("foreign retain %d\n", x);
    o[x].foreign++;
    settle()
}

inline foreign_queue(x) {
    printf("foreign queue %d\n", x);
    o[x].queued = 1;
    o[x].leaving = R3_QUEUE;
    pend = 0;
    settle()
}

inline foreign_release(x) {
    printf("foreign release %d\n", x);
    o[x].foreign--;
    bell = bell || (BELL_OUT && SHARED(x) <= 0);
    settle()
}

inline foreign_pass(x) {
    printf("foreign pass %d\n", x);
    o[x].foreign--;
    o[x].home++;
    settle()
}

inline foreign_upgrade(x) {
    printf("foreign upgrade %d\n", x);
    o[x].foreign++;
    pardon_upgraded(x);
    settle()
}

#define OTHERS(x) (o[x].foreign > o[x].leaving)
#define F_ROOM(x) (o[x].foreign < FOREIGN && HELD_BY(x) < HELD)
#define F_QUEUES(x) (R5_FOREIGN && !o[x].queued && (R3_QUEUE -> o[x].foreign && !quiet : pend == (x) + 1))
#define F_RELEASES(x) (OTHERS(x) && (o[x].queued || !R5_FOREIGN) && !quiet)
#define F_COUNTS_FIRST(x) (!R3_QUEUE && o[x].foreign && !o[x].queued && !pend && !quiet)

#define FOREIGN_1(x)                                                                                                   \
    :: d_step { OTHERS(x) && F_ROOM(x) && !quiet -> foreign_retain(x) }                                                \
    :: d_step { F_QUEUES(x) -> foreign_queue(x) }                                                                      \
    :: d_step { o[x].leaving -> o[x].leaving = 0; foreign_release(x) }                                                 \
    :: d_step { F_RELEASES(x) -> foreign_release(x) }                                                                  \
    :: d_step { F_COUNTS_FIRST(x) -> pend = x + 1; foreign_release(x) }                                                \
    :: d_step { OTHERS(x) && o[x].home < HOME && !quiet -> foreign_pass(x) }                                           \
    :: d_step { UPGRADES(x) && F_ROOM(x) && !quiet -> foreign_upgrade(x) }

active proctype foreign_threads() {
end:
    do
    EACH(FOREIGN_1)
    od
}

// ---- the collector ----

#define IS_QUEUED(x) o[x].queued

inline begin() {
    printf("begin\n");
    phase = INBOX;
    bell = 0;
    unseen = SET(IS_QUEUED);
    check("violated: rounds\n", !quiet || rounds > 0);
    rounds = (quiet -> rounds - 1 : 0);
    DO(no_proof);
    settle()
}

// What foreign threads did to x, which is in the inbox, counts. It stays there for as long as it has a handle.
inline look(x) {
    printf("look %d\n", x);
    unseen = unseen & ~(1 << x);
    o[x].handles = HELD_BY(x);
    if
    :: o[x].handles == 0 ->
        o[x].queued = 0;
        forget(x);
        lost = 1 << x;
        settle_losses()
    :: else
    fi;
    settle()
}

inline look_for_handles(x) {
    if
    :: !o[x].queued -> fold(x)
    :: else
    fi
}

// The links to x, of which so many are edges already. KNOWN if it has a handle, or may have one (R2).
inline record(x, recorded) {
    o[x].suspect = 0;
    look_for_handles(x);
    o[x].ext = (o[x].handles || o[x].queued -> KNOWN : LINKED(x) - recorded)
}

inline root(x) {
    printf("root %d\n", x);
    phase = ROOTS;
    record(x, 0);
    if
    :: o[x].ext != KNOWN -> climb(x, true)
    :: else
    fi;
    o[x].graph = (o[x].ext == KNOWN || FOUND_OWNER || (!R2 && LINKED(x)) -> OUT : FOUND);
    no_led(x, (o[x].ext == KNOWN -> LED_DROP : LED_FIND && o[x].graph != OUT));
    o[x].ext = (o[x].graph == OUT || !R4 -> 0 : o[x].ext);
    set_root(x, o[x].graph != OUT);
    forget_owner();
    settle()
}

inline discover(x) {
    no_led(x, LED_FIND);
    o[x].late = o[x].suspect;
    set_root(x, o[x].suspect);
    record(x, 0);
    o[x].graph = (o[x].ext == KNOWN -> DONE : FOUND);
    o[x].ext = (!R4 && o[x].graph == FOUND -> 0 : o[x].ext)
}

#if ISLANDS
#define LINKED_FROM(y, x) IN(set, y) * LINKS(y, x)
#define LINKED_WITHIN(x) (LINKED_FROM(0, x) + LINKED_FROM(1, x) LINKED_FROM_2(x))
#if N == 2
#define LINKED_FROM_2(x)
#else
#define LINKED_FROM_2(x) + LINKED_FROM(2, x)
#endif
#define IS_NO_MEMBER(x)                                                                                                \
    (IN(set, x) && (o[x].life != ALIVE || (ISLAND_HANDLES && o[x].handles) || (ISLAND_WEAK && o[x].weak) ||            \
                    (ISLAND_SHARED && IS_SHARED(x)) || (ISLAND_LINKS && LINKED_WITHIN(x) != LINKED(x))))

inline sink(x) {
    if
    :: IN(set, x) ->
        o[x].life = FREED;
        o[x].suspect = o[x].suspect && !ISLAND_BUFFER && o[x].graph == OUT;
        o[x].handles = 0;
        o[x].links = 0;
        set_owner(x, 0);
        no_proof(x);
        set_led(x, 0);
        o[x].graph = (ISLAND_GRAPH -> OUT : o[x].graph);
        set_root(x, 0);
        o[x].ext = 0;
        o[x].edges = 0;
        o[x].late = 0
    :: else
    fi
}

#define LEAVES_1(y, x) | ((IN(set, x) && !IN(set, y) && LINKS(x, y)) << (y))
#if N == 2
#define LEAVES(y) LEAVES_1(y, 0) LEAVES_1(y, 1)
#else
#define LEAVES(y) LEAVES_1(y, 0) LEAVES_1(y, 1) LEAVES_1(y, 2)
#endif
#if N == 2
#define LEAVING (0 LEAVES(0) LEAVES(1))
#else
#define LEAVING (0 LEAVES(0) LEAVES(1) LEAVES(2))
#endif

// A suspect or root x and some other objects are judged and freed at once, if they are garbage. What they link to is no
// member, or one: the library is free to choose. It loses the links from members.
inline island(x, members) {
    set = members;
    if
    :: SET(IS_NO_MEMBER) == 0 ->
        printf("island %d\n", x);
        phase = (phase == BUILD -> BUILD : ROOTS);
        lost = (ISLAND_LOSE -> LEAVING : 0);
        DO(sink);
        set = 0;
        settle_losses()
    :: else -> set = 0
    fi;
    settle()
}
#define IS_EXPLORED(x) ((ROOTS_OPEN && IS_ROOT(x)) || ((phase == ROOTS || (phase == BUILD && !ISLAND_ROOTS)) && IS_FOUND(x)))
#if N == 2
#define ISLANDS_1(x)                                                                                                   \
    :: d_step { IS_EXPLORED(x) -> island(x, 1 << x) }                                                                  \
    :: d_step { IS_EXPLORED(x) -> island(x, ALL) }
#else
#define ISLANDS_1(x)                                                                                                   \
    :: d_step { IS_EXPLORED(x) -> island(x, 1 << x) }                                                                  \
    :: d_step { IS_EXPLORED(x) -> island(x, ALL & ~(1 << ((x + 1) % N))) }                                             \
    :: d_step { IS_EXPLORED(x) -> island(x, ALL & ~(1 << ((x + 2) % N))) }                                             \
    :: d_step { IS_EXPLORED(x) -> island(x, ALL) }
#endif
#else
#define ISLANDS_1(x)
#endif

#define IS_MARKED(x) (o[x].life != ALIVE || o[x].handles || IS_SHARED(x) || o[x].suspect)

// Of y, which has no node: if its owners prove it alive, it gets none.
inline meet(y) {
    look_for_handles(y);
    if
    :: !o[y].handles && !o[y].queued -> climb(y, false)
    :: else
    fi;
    if
    :: !FOUND_OWNER -> discover(y)
    :: else
    fi;
    forget_owner()
}

// Records the edge from x to y.
inline follow(x, y) {
    if
    :: LINKS(x, y) && o[y].graph == OUT -> meet(y)
    :: else
    fi;
    if
    :: LINKS(x, y) && o[y].graph != OUT ->
        if
        :: !R4 && o[y].graph == FOUND -> o[y].ext = o[y].ext + LINKS(x, y)
        :: else ->
            check("violated: fault\n", !FAULT || o[y].ext >= LINKS(x, y) || IS_MARKED(y));
            o[y].ext = (o[y].ext == KNOWN || o[y].ext < LINKS(x, y) -> KNOWN : o[y].ext - LINKS(x, y))
        fi;
        o[x].edges = o[x].edges | (1 << y)
    :: else
    fi
}


inline trace_it(x) {
    printf("trace %d\n", x);
    phase = BUILD;
    o[x].graph = DONE;
    if
    :: o[x].life == ALIVE && !R4 -> record(x, o[x].ext)
    :: else
    fi;
    if
    :: o[x].life == ALIVE && IS_IN_PIECES(x) -> begin_pieces()
    :: o[x].life == ALIVE && !IS_IN_PIECES(x) -> DO_2(follow, x)
    :: else
    fi;
    settle()
}

#if PIECES
// One of the slots of object 0.
inline read(y) {
    printf("read %d\n", y);
    if
    :: o[y].graph == OUT -> meet(y)
    :: else
    fi;
    if
    :: o[y].graph != OUT ->
        check("violated: fault\n", !FAULT || o[y].ext || IS_MARKED(y));
        o[y].ext = (o[y].ext == KNOWN || o[y].ext == 0 -> KNOWN : o[y].ext - 1);
        o[0].edges = o[0].edges | (1 << y)
    :: else
    fi;
    ahead = ahead - ONE(y);
    settle()
}
#define READ_1(y) :: d_step { AHEAD(y) && phase == BUILD -> read(y) }
#define READ_0 :: d_step { piece && !ahead && phase == BUILD -> printf("read\n"); end_pieces(); settle() }
#else
#define READ_1(y)
#define READ_0
#endif

// x is known to be alive: so is y, which it refers to, and y need not be traced.
inline probe_one(x, y) {
    if
    :: (LINKS(x, y) || IN(o[x].edges, y)) && !(ENTRY_PROBE && IS_ENTRY(y)) ->
        if
        :: o[y].graph == OUT -> discover(y)
        :: else
        fi;
        o[y].graph = DONE;
        o[y].ext = KNOWN
    :: else
    fi
}

inline probe(x) {
    printf("probe %d\n", x);
    phase = BUILD;
    DO_2(probe_one, x);
    settle()
}

// x leaves the graph, alive, or dead by count.
inline leave(x) {
    o[x].suspect = o[x].life == ALIVE && !o[x].handles && (o[x].suspect || o[x].touched || (R7 && o[x].late));
    set_led(x, IS_LED(x) || (o[x].life == ALIVE && !o[x].handles && (o[x].suspect || !IS_SHARED(x))));
    set_root(x, 0);
    o[x].graph = OUT;
    o[x].ext = 0;
    o[x].edges = 0;
    o[x].late = 0;
    o[x].checked = 0;
    o[x].touched = 0;
    forget(x)
}

#define SEEN_ALIVE(x) (o[x].graph != OUT && o[x].life == ALIVE && o[x].ext)
#define IS_WHITE(x) (o[x].graph == WHITE)

inline conclude(x) {
    if
    :: o[x].graph == OUT -> skip
    :: o[x].graph != OUT && (IN(set, x) || o[x].life != ALIVE) -> leave(x)
    :: else -> o[x].graph = WHITE; o[x].ext = 0
    fi
}

#if ENTRY
// The entry is alive if all that has an edge to it is; then its value is. Its own count says nothing.
#define BY_OTHERS(x, s) | (IN(s, x) * !IS_ENTRY(x) * (o[x].edges & 3))
#define IS_KEPT(x) (!IN(o[x].edges, 2) || IN(set, x))
#define KEEPS(x) (IN(o[x].edges, 2) && IN(set, x))
inline spread() {
    set = set & (ENTRY_BOTH -> 3 : 7);
    close_over(BY_OTHERS, set);
    if
    :: o[2].graph != OUT && o[2].life == ALIVE &&
       (ENTRY_BOTH -> IS_KEPT(0) && IS_KEPT(1) : o[2].ext || KEEPS(0) || KEEPS(1)) ->
        set = set | 4 | o[2].edges;
        close_over(BY_OTHERS, set)
    :: else
    fi
}
#else
#define spread() close_over(BY_EDGES, set)
#endif

inline scan() {
    printf("scan\n");
    set = SET(SEEN_ALIVE);
    spread();
    DO(conclude);
    phase = (SET(IS_WHITE) -> VALIDATE : IDLE);
    settle()
}

#define FAILS_R6(x)                                                                                                    \
    ((R6_MARK && o[x].suspect) || (R6_HANDLES && o[x].handles) || (R6_SHARED && IS_SHARED(x)) ||                      \
     (R6_DEAD && o[x].life != ALIVE))

inline validate(x) {
    printf("validate %d\n", x);
    o[x].checked = 1;
    o[x].touched = FAILS_R6(x);
    settle()
}

#define IS_TOUCHED(x) o[x].touched
#if ENTRY
#define forgo_entry() set = set & (ENTRY_PARDON -> 7 : 3)
#else
#define forgo_entry() skip
#endif

// Who awaits a finalizer keeps the set from its end, and so it can still be upgraded.
#define IS_AWAITING(x) (FINAL_WAIT && o[x].graph == WHITE && !IS_FINAL(x))

inline pardon_one(x) {
    if
    :: o[x].graph != OUT && IN(set, x) -> o[x].touched = o[x].touched || ENTRY_KEPT; leave(x)
    :: else -> o[x].edges = 0; o[x].late = 0
    fi
}
inline condemn(x) { o[x].checked = 0 }

inline commit() {
    printf("commit\n");
    set = SET(IS_TOUCHED);
    close_over(BY_EDGES, set);
    forgo_entry();
    DO(pardon_one);
    if
    :: SET(IS_AWAITING) -> phase = FINALIZE
    :: else ->
        DO(condemn);
        phase = (SET(IS_WHITE) -> FREE : IDLE)
    fi;
    settle()
}

#define LOSES(y, x) ((LINKS(x, y) && o[y].graph != WHITE) << (y))

// Destroys x and gives up its links; those into the set are not counted.
inline destroy(x) {
    printf("destroy %d\n", x);
    check("violated: once\n", o[x].life == ALIVE);
    check("violated: final\n", IS_FINAL(x));
    lost = SUM(LOSES, x);
    o[x].life = HUSK;
    take_out(x);
    o[x].links = 0;
    o[x].handles = 0;
    set_owner(x, 0);
    no_weak(x);
    no_proof(x);
    leave(x);
    set_final(x, 0);
    o[x].life = FREED;
    settle_losses();
    phase = (SET(IS_WHITE) -> FREE : IDLE);
    settle()
}

#if FINAL
#define IS_CAUGHT(x) (o[x].touched && o[x].graph == WHITE)
#define IS_STOPPED (FINAL_STOP && SET(IS_CAUGHT))
#define IS_HANDLED(x) (FINAL_HELD && (o[x].handles || SHARED(x)))
#define IS_DUE(x) (o[x].life == ALIVE && IS_AWAITING(x) && !IS_HANDLED(x) && ROOM(x))

inline finalize(x) {
    printf("finalize %d\n", x);
    set = SET(IS_CAUGHT);
    close_over(BY_LINKS, set);
    check("violated: final\n", HELD_BY(x) == 0 && !IN(set, x));
    set_final(x, 1);
    o[x].home++;
    o[x].handles++;
    settle()
}

inline retire(x) {
    o[x].touched = o[x].touched || (FINAL_KEPT && o[x].graph == WHITE);
    o[x].graph = (o[x].graph == OUT -> OUT : DONE)
}

inline finalized() {
    printf("finalized\n");
    if
    :: FINAL_AGAIN -> DO(retire)
    :: else -> DO(condemn)
    fi;
    phase = FREE;
    settle()
}
#define FINAL_1(x) :: d_step { phase == FINALIZE && IS_DUE(x) && !IS_STOPPED -> finalize(x) }
#define FINAL_0 :: d_step { phase == FINALIZE && (IS_STOPPED || !SET(IS_DUE)) -> finalized() }
#else
#define FINAL_1(x)
#define FINAL_0
#endif

#define IS_IN_GRAPH(x) (o[x].graph != OUT)
inline drop(x) {
    printf("drop %d\n", x);
    leave(x);
    phase = (SET(IS_IN_GRAPH) -> FREE : IDLE);
    settle()
}
#define DROP_1(x) :: d_step { phase == FREE && o[x].graph == DONE -> drop(x) }

#if OFF
inline turn(x) {
    o[x].touched = IS_OFF_ROOT(x) || (OFF_WHITE && o[x].graph == WHITE);
    o[x].graph = (o[x].graph == OUT -> OUT : DONE)
}

inline call_off() {
    printf("cancel\n");
    bell = bell || (OFF_BELL && unseen);
    unseen = 0;
    end_pieces();
    DO(turn);
    phase = (SET(IS_IN_GRAPH) -> FREE : IDLE);
    settle()
}

#define OFF_0 :: d_step { ((phase >= INBOX && phase <= VALIDATE) || phase == FINALIZE) && !quiet -> call_off() }
#else
#define OFF_0
#endif

#if TOGETHER
inline gather() {
    printf("gather\n");
    phase = HEAPS;
    bell = 0;
    unseen = SET(IS_QUEUED);
    settle()
}

// Before it is counted, x is looked at, if it is in the inbox; what it is known by is the sum of its handles.
inline count(x) {
    printf("count %d\n", x);
    o[x].suspect = 0;
    no_led(x, ALL_LED);
    o[x].graph = FOUND;
    o[x].ext = (HELD_BY(x) -> KNOWN : 0);
    settle()
}

#define IS_UNCOUNTED(x) (o[x].graph == OUT && o[x].life == ALIVE)
#define IS_COUNTED(x) (o[x].ext == KNOWN)
#define IS_UPGRADED(x) (ALL_UPGRADED && o[x].graph == WHITE && HELD_BY(x))

inline color(x) {
    o[x].graph = (o[x].graph == OUT -> OUT : (IN(set, x) -> DONE : WHITE));
    o[x].ext = 0
}

// Before the verdict; what is held by then would be finalized although it is alive, or what it leads to would.
#define IS_HELD_WHITE(x) (o[x].graph == WHITE && HELD_BY(x))
inline turn_to_finalizers() {
    check("violated: final\n", SET(IS_HELD_WHITE) == 0);
    phase = FINALIZE;
    together = COUNT
}

inline sum_up() {
    printf("sum\n");
    set = SET(IS_COUNTED);
    close_over(BY_LINKS, set);
    keep_entry(set);
    DO(color);
    together = (SET(IS_WHITE) -> COMMIT : LEAVE);
    if
    :: !FINAL_JUDGE && SET(IS_AWAITING) -> turn_to_finalizers()
    :: else
    fi;
    settle()
}

inline unqueue(x) { o[x].queued = o[x].queued && !(ALL_INBOX && o[x].graph == WHITE) }

// Under the locks: what was upgraded since it was counted is alive, or all the others are garbage for good.
inline judge() {
    printf("judge\n");
    upgraded = SET(IS_UPGRADED);
    together = (upgraded -> PARDON : LEAVE);
    if
    :: !upgraded && SET(IS_AWAITING) -> turn_to_finalizers()
    :: !upgraded && !SET(IS_AWAITING) -> DO(unqueue)
    :: else
    fi;
    settle()
}

inline spare(x) {
    if
    :: o[x].graph == WHITE && IN(upgraded, x) -> o[x].graph = DONE; o[x].touched = ALL_PARDONED
    :: else
    fi
}

// Without them.
inline pardon() {
    printf("pardon\n");
    if
    :: ALL_REACH ->
        close_over(BY_LINKS, upgraded);
        reach_value(upgraded)
    :: else
    fi;
    DO(spare);
    upgraded = 0;
    together = (ALL_AGAIN && SET(IS_WHITE) -> COMMIT : LEAVE);
    settle()
}

// x is alive and leaves the graph.
inline go(x) {
    printf("go %d\n", x);
    o[x].suspect = !o[x].handles && o[x].touched;
    set_led(x, IS_LED(x) || (!o[x].handles && (o[x].suspect || !(ALL_OTHERS && IS_SHARED(x)))));
    o[x].graph = OUT;
    o[x].touched = 0;
    settle()
}

inline disperse() {
    printf("disperse\n");
    phase = (SET(IS_WHITE) -> FREE : IDLE);
    together = COUNT;
    settle()
}

#define IS_COUNTING (phase == HEAPS && together == COUNT && unseen == 0)
#define IS_ALIVE_STILL(x) (o[x].graph == DONE)
#define TOGETHER_1(x)                                                                                                  \
    :: d_step { phase == HEAPS && IN(unseen, x) -> look(x) }                                                           \
    :: d_step { IS_COUNTING && IS_UNCOUNTED(x) -> count(x) }                                                           \
    :: d_step { phase == HEAPS && together == LEAVE && IS_ALIVE_STILL(x) -> go(x) }
#define TOGETHER_0                                                                                                     \
    :: d_step { phase == IDLE && !quiet && !pend -> gather() }                                                         \
    :: d_step { IS_COUNTING && !SET(IS_UNCOUNTED) -> sum_up() }                                                        \
    :: d_step { phase == HEAPS && together == COMMIT -> judge() }                                                 \
    :: d_step { phase == HEAPS && together == PARDON -> pardon() }                                                     \
    :: d_step { phase == HEAPS && together == LEAVE && !SET(IS_ALIVE_STILL) -> disperse() }
#else
#define TOGETHER_1(x)
#define TOGETHER_0
#endif

#define IS_ROOT(x) (o[x].suspect && o[x].graph == OUT)
#define IS_FOUND(x) (o[x].graph == FOUND)
#define IS_UNCHECKED(x) (o[x].graph == WHITE && !o[x].checked)
#define IS_KNOWN(x) (o[x].graph == DONE && o[x].ext == KNOWN && o[x].life == ALIVE)
#define ROOTS_OPEN (phase == ROOTS || (phase == INBOX && unseen == 0))

#define COLLECTOR_1(x)                                                                                                 \
    :: d_step { phase == INBOX && IN(unseen, x) -> look(x) }                                                           \
    :: d_step { ROOTS_OPEN && IS_ROOT(x) -> root(x) }                                                                  \
    ISLANDS_1(x)                                                                                                       \
    FINAL_1(x)                                                                                                         \
    DROP_1(x)                                                                                                          \
    TOGETHER_1(x)                                                                                                      \
    READ_1(x)                                                                                                          \
    :: d_step { (phase == ROOTS || phase == BUILD) && IS_FOUND(x) && !IN_PIECES -> trace_it(x) }                                     \
    :: d_step { phase == BUILD && PROBE && IS_KNOWN(x) -> probe(x) }                                                   \
    :: d_step { phase == VALIDATE && IS_UNCHECKED(x) -> validate(x) }                                                  \
    :: d_step { phase == FREE && IS_WHITE(x) -> destroy(x) }

active proctype collector() {
end:
    do
    EACH(COLLECTOR_1)
    FINAL_0
    OFF_0
    TOGETHER_0
    :: d_step { phase == IDLE && (SET(IS_SUSPECT) || bell) -> begin() }
    :: d_step { ROOTS_OPEN && !SET(IS_ROOT) && !SET(IS_FOUND) -> printf("end\n"); phase = IDLE; settle() }
    READ_0
    :: d_step { phase == BUILD && !SET(IS_FOUND) && !IN_PIECES -> scan() }
    :: d_step { phase == VALIDATE && !SET(IS_UNCHECKED) -> commit() }
    od
}

// SPDX-License-Identifier: MIT
// What the header of an object says of the inbox (F1, F5 in rc/foreign.c), word by word: the bit beside the class, which other
// threads set, while the thread inside loads the whole word and stores it with other handles. refcyc.pml does not have that
// bit: there a release knows what QUEUED is.
//
// Checked:
//
//   memory   what a thread has a handle of is not freed;
//   leak     when all threads have ended, and the thread inside has nothing left to do, the object is freed;
//   said     then an object that is immortal does not say that it is in the inbox.
//
// Each rule is a macro, 1 unless the command line says, for instance, -DCLEAR=0:
//
//   QUEUE     whoever gives up a handle elsewhere has seen to it that the object is in the inbox
//   CLEAR     what leaves the inbox does not say any more that it is there
//   LAST      what is made immortal does not say it, from after the time that it is STUCK
//   LOOK      whoever has said it sees afterwards, from the addition of the release, whether the object is STUCK
//
// The object has a link: TURNS times the thread inside takes a handle that way and hands it to another thread that has none,
// then it clears the link, or makes the object immortal.
#ifndef QUEUE
#define QUEUE 1
#endif
#ifndef CLEAR
#define CLEAR 1
#endif
#ifndef LAST
#define LAST 1
#endif
#ifndef LOOK
#define LOOK 1
#endif
#ifndef TURNS
#define TURNS 2
#endif
#ifndef MORTAL
#define MORTAL 0 // 1: no object is made immortal
#endif
#define THREADS 2

// The header: (handles, says) is one word, (sum, queued, stuck) another.
byte handles;
bit says;
short sum;
bit queued, stuck;

bit linked = 1, freed, listed, locked, bell;
byte have[THREADS]; // handles of the other threads
bit busy[THREADS];  // from the time that one was handed to them until they have none
bit over;           // no more come

#define check(message, condition)                                                                                      \
    if                                                                                                                 \
    :: condition -> skip                                                                                               \
    :: else -> printf(message); assert(false)                                                                          \
    fi
#define touch check("violated: memory\n", !freed)

inline lock() {
    atomic { !locked -> locked = 1 }
}
inline unlock() {
    locked = 0
}

inline give_up(i) { // the addition of a release, and the bell
    d_step { touch; before = sum; was = stuck; sum = (stuck -> 0 : sum - 1); have[i]-- };
    if
    :: before <= 1 -> bell = 1
    :: else
    fi
}

proctype Elsewhere(byte i) {
    short before;
    bit was;
end:
    do
    :: have[i] == 1 -> d_step { touch; sum = (stuck -> 0 : sum + 1); have[i]++ } // retain; what is STUCK is counted no more
    :: have[i] ->
        d_step { touch; was = says };
        if
        :: was -> give_up(i)
        :: else ->
            d_step { touch; was = stuck };
            if
            :: was -> have[i]--
            :: else ->
                if
                :: QUEUE && !queued ->
                    lock();
                    d_step {
                        touch;
                        if
                        :: !queued -> queued = 1; listed = 1
                        :: else
                        fi
                    };
                    unlock()
                :: else
                fi;
                d_step { touch; says = 1 };
                give_up(i);
                if
                :: LOOK && was -> d_step { touch; says = 0 }
                :: else
                fi
            fi
        fi;
        d_step { was = 0; before = 0; busy[i] = have[i] > 0 }
    :: over && !busy[i] -> break
    od
}

// The thread inside. A load of its word and the store that follows are two steps.
inline load() {
    d_step { h = handles; s = says }
}
inline store(number) {
    d_step { handles = number; says = s }
}

inline fold() {
    do
    :: moved = sum;
       if
       :: moved == 0 || stuck -> break
       :: else
       fi;
       d_step { before = sum; sum = sum - moved };
       load();
       store(h + moved);
       if
       :: before >= moved -> break
       :: else
       fi
    od
}

inline lost() { // the last handle, as far as is known here
    if
    :: !handles && !linked && !stuck -> freed = !listed; dead = 1
    :: else
    fi
}

inline drop() {
    load();
    store(h - 1);
    if
    :: !handles ->
        fold();
        bell = bell || (queued && !handles);
        lost()
    :: else
    fi
}

inline drain() {
    bell = 0;
    lock();
    if
    :: listed ->
        if
        :: !dead -> fold()
        :: else
        fi;
        if
        :: !handles || dead -> // nobody has one; else it stays
            says = says && !CLEAR;
            d_step { queued = 0; listed = 0 };
            left = 1
        :: else
        fi
    :: else
    fi;
    unlock();
    if
    :: left && dead -> freed = 1
    :: left && !dead -> lost()
    :: else
    fi;
    left = 0
}

inline make_immortal() {
    if
    :: LAST -> stuck = 1; load(); s = 0; store(h)
    :: else -> load(); s = 0; store(h); stuck = 1
    fi
}

proctype Inside() {
    byte h, turns, i;
    bit s, dead, left, clears;
    short moved, before;
    do
    :: turns < TURNS && !(busy[0] && busy[1]) && linked && !stuck -> // a handle for itself, and one for somebody
        load();
        store(h + 2);
        i = (busy[0] -> 1 : 0);
        turns++;
        d_step { busy[i] = 1; have[i] = 1 };
        drop();
        h = 0; s = 0; i = 0; moved = 0; before = 0
    :: bell -> drain(); h = 0; s = 0; moved = 0; before = 0
    :: !MORTAL && !stuck && linked && turns == TURNS -> make_immortal(); h = 0; s = 0
    :: turns == TURNS && linked && !stuck ->
        linked = 0;
        if
        :: !handles -> fold(); lost()
        :: else
        fi;
        h = 0; s = 0; moved = 0; before = 0
    :: turns == TURNS && (!linked || stuck) -> break
    od;
    over = 1;
    do
    :: bell -> drain(); h = 0; s = 0; moved = 0; before = 0
    :: !busy[0] && !busy[1] && !bell -> break
    od;
    check("violated: leak\n", freed || stuck);
    check("violated: said\n", !stuck || !says)
}

init {
    atomic {
        run Elsewhere(0);
        run Elsewhere(1);
        run Inside()
    }
}

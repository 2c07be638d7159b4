// SPDX-License-Identifier: MIT
// The bell at a heap's door (rc/foreign.c), while the heap is merged into another and its door is given to a third: whoever
// gives up the last handle of an object must either be seen, or wake the heap that the object is in by then. The window is
// some nanoseconds wide, so tests do not hit it; this looks at every order of steps.
//
// Checked when all threads have ended and nobody is left to be woken:
//
//   ring     what was released last has been looked at.
//
// Each rule is a macro, 1 unless the command line says, for instance, -DLOOP=0:
//
//   LOOP      F4: a bell rung at a door that is not the class's any more is rung at the new one, too
//   TRANSFER  a bell that rang before the merge rings at the new door
//   RESET     a new door has no bell rung by somebody late
//   CALL_OFF  a look through FROM's inbox that the merge ends has answered the bell, which rings again
//
// Doors: 0 is that of the heap that goes (FROM), and later of another one (OTHER); 1 is that of the heap that stays (INTO).
#ifndef LOOP
#define LOOP 1
#endif
#ifndef TRANSFER
#define TRANSFER 1
#endif
#ifndef RESET
#define RESET 1
#endif
#ifndef CALL_OFF
#define CALL_OFF 1
#endif
#ifndef NT
#define NT 1 // threads that release an object of FROM
#endif
#ifndef REUSE
#define REUSE 1 // OTHER gets door 0, and another thread releases an object of it
#endif
#define NOBODY 0
#define FROM 1
#define INTO 2
#define OTHER 3

bit locked[2];
byte bell[2], heap_at[2];
byte class_door = 0; // of the class of FROM's objects
byte late_door = 0;  // of a class of a heap that had door 0 before FROM, and whose number may be INTO's by now
bit woken_into, woken_other;
byte handles[NT], inbox[NT]; // inbox: 0 not in one, 1 and 2 at door 0 and 1, 3 done with
bit other_released, other_done;
byte ended;
bit reused;

#define check(condition)                                                                                               \
    if                                                                                                                 \
    :: condition -> skip                                                                                               \
    :: else -> printf("violated: ring\n"); assert(false)                                                               \
    fi

inline lock(d) {
    atomic { locked[d] == 0 -> locked[d] = 1 }
}
inline unlock(d) {
    locked[d] = 0
}
inline wake(d) {
    if
    :: heap_at[d] == INTO -> woken_into = 1
    :: heap_at[d] == OTHER -> woken_other = 1
    :: else
    fi
}
inline strike(d) { // a look at the bell, then a compare-and-swap
    won = 0;
    if
    :: bell[d] == 0 ->
        atomic {
            if
            :: bell[d] == 0 -> bell[d] = 1; won = 1
            :: else
            fi
        }
    :: else
    fi;
    if
    :: won -> lock(d); wake(d); unlock(d)
    :: else
    fi
}
inline ring(door) {
    now = door;
    do
    :: d = now;
       strike(d);
       now = door;
       if
       :: LOOP && now != d
       :: else -> break
       fi
    od
}

proctype Release(byte i) {
    byte d, now;
    bit won;
    do
    :: d = class_door;
       lock(d);
       if
       :: class_door == d -> inbox[i] = d + 1; unlock(d); break
       :: else -> unlock(d)
       fi
    od;
    handles[i] = 0;
    ring(class_door);
    ended++
}

proctype Late() { // what it released is long dealt with
    byte d, now;
    bit won;
    ring(late_door);
    ended++
}

proctype ReleaseOther() {
    bit won;
    reused;
    other_released = 1;
    strike(0);
    ended++
}

proctype Merge() {
    byte i;
    bit rung;
    if
    :: skip
    :: bell[0] = 0; // FROM has begun to look, but not come far
       bell[0] = (CALL_OFF -> 1 : bell[0])
    fi;
    lock(0);
    lock(1);
    class_door = 1;
    do
    :: i < NT -> inbox[i] = (inbox[i] == 1 -> 2 : inbox[i]); i++
    :: else -> break
    od;
    rung = bell[0];
    if
    :: TRANSFER && rung ->
        atomic {
            if
            :: bell[1] == 0 -> bell[1] = 1; woken_into = 1
            :: else
            fi
        }
    :: else
    fi;
    unlock(1);
    unlock(0);
    lock(0);
    heap_at[0] = NOBODY;
    bell[0] = 0;
    unlock(0);
    if
    :: REUSE ->
        lock(0);
        heap_at[0] = OTHER;
        bell[0] = (RESET -> 0 : bell[0]);
        unlock(0);
        if
        :: late_door = 1
        :: skip
        fi;
        reused = 1
    :: else
    fi;
    ended++
}

proctype Home() { // of INTO and OTHER: does nothing unless it is woken
    byte i;
end:
    do
    :: woken_into ->
        woken_into = 0;
        bell[1] = 0;
        lock(1);
        i = 0;
        do
        :: i < NT -> inbox[i] = (inbox[i] == 2 && handles[i] == 0 -> 3 : inbox[i]); i++
        :: else -> break
        od;
        unlock(1)
    :: woken_other ->
        woken_other = 0;
        bell[0] = 0;
        other_done = other_done || other_released
    :: ended == NT + 2 + REUSE && !woken_into && !woken_other ->
        i = 0;
        do
        :: i < NT -> check(inbox[i] == 3); i++
        :: else -> break
        od;
        check(!REUSE || other_done);
        break
    od
}

init {
    byte i;
    atomic {
        heap_at[0] = FROM;
        heap_at[1] = INTO;
        do
        :: i < NT -> handles[i] = 1; run Release(i); i++
        :: else -> break
        od;
        run Late();
        if
        :: REUSE -> run ReleaseOther()
        :: else
        fi;
        run Merge();
        run Home()
    }
}

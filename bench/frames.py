#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program of frames.c with CPython's collector, in the modes that it shares with it.

frames.py [OBJECTS [SECONDS [rings|scratch|old [auto|idle]]]]
    auto    the collector runs when it likes, as it does by default
    idle    it is switched off; in the idle time of each frame a collection of the young generation is asked for, and
            every ten seconds, in one frame, one of everything
"""

import gc
import random
import sys
import time

TREE, RING, RINGS, TREES, SCRATCH, TOUCHED = 100, 10, 1600, 160, 150, 100
FRAME, BUSY = 0.016, 0.014

random.seed(42)


class Node:
    __slots__ = ("parent", "first", "next", "other")

    def __init__(self):
        self.parent = self.first = self.next = self.other = None


def tree_new(forest, every=10):
    """A tree, of which one node in [every] links to that half of the heap that stays."""
    made = []
    for i in range(TREE):
        node = Node()
        made.append(node)
        if i % every == every // 2 and forest:
            node.other = forest[random.randrange(len(forest) // 2, len(forest))]
        if i:
            node.parent = parent = made[random.randrange(i)]
            node.next, parent.first = parent.first, node
    return made[0]


def ring_lose(other):
    first = last = Node()
    first.other = other
    for _ in range(RING - 1):
        last.next = last = Node()
    last.next = first


def garbage_make(mode, forest, scratch):
    if mode == "rings":
        for k in range(RINGS):
            ring_lose(forest[random.randrange(len(forest))] if k % 10 == 0 else None)
        return
    if mode == "scratch":
        for k in range(SCRATCH):
            scratch[k] = tree_new(forest, TREE)
    for _ in range(TREES - (SCRATCH if mode == "scratch" else 0)):
        forest[random.randrange(len(forest) // 2)] = tree_new(forest)


def quantile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def main():
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    mode = sys.argv[3] if len(sys.argv) > 3 else "rings"
    idle = len(sys.argv) > 4 and sys.argv[4] == "idle"
    forest, scratch = [], [None] * SCRATCH
    gc.disable()
    for _ in range(objects // TREE):
        forest.append(tree_new(forest))
    gc.collect()

    pauses, began = [], [0.0]

    def on_gc(phase, _info):
        now = time.perf_counter()
        if phase == "start":
            began[0] = now
        else:
            pauses.append(now - began[0])

    frames = int(seconds / FRAME)
    garbage, missed, own_missed, longest_share = [], 0, 0, []
    garbage_make(mode, forest, scratch)
    gc.collect()
    baseline = sys.getallocatedblocks()
    full_due = 0
    gc.callbacks.append(on_gc)
    if not idle:
        gc.enable()
    start = time.perf_counter()
    for _ in range(frames):
        collected = len(pauses)
        garbage_make(mode, forest, scratch)
        for _ in range(TOUCHED):
            mine = forest[random.randrange(len(forest))]
            del mine
        while time.perf_counter() < start + BUSY:
            pass
        if idle:
            full_due += 1
            gc.collect(2 if full_due % 625 == 0 else 0)  # all of it every ten seconds
        end = time.perf_counter()
        took = sum(pauses[collected:])
        if end > start + FRAME + 0.0005:
            if end - took > start + FRAME + 0.0005:
                own_missed += 1
            else:
                missed += 1
        longest_share.append(max(pauses[collected:], default=0) / (FRAME - BUSY))
        garbage.append((sys.getallocatedblocks() - baseline) / objects)
        if end < start + FRAME:
            time.sleep(max(0, start + FRAME - time.perf_counter()))
            start += FRAME
        else:
            start = end
    print(f"CPython {sys.version.split()[0]}, {mode}, {'idle' if idle else 'auto'}: {objects} live objects, {frames} frames")
    print(f"{'of each frame':34} {'p50':>9} {'p99':>9} {'p99.9':>9} {'most':>9}")
    for name, values, unit in (("longest pause / its time", longest_share, 1), ("garbage, % of the live objects", garbage, 100)):
        values.sort()
        print(f"{name:34} " + " ".join(f"{quantile(values, q) * unit:9.3f}" for q in (0.5, 0.99, 0.999, 1)))
    print(f"frames missed because of the collector: {missed}; for other reasons: {own_missed}")
    print(f"collections: {len(pauses)}, the longest {max(pauses, default=0) * 1e3:.1f} ms, together {sum(pauses):.2f} s")


main()

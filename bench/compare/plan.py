# SPDX-License-Identifier: MIT
"""The plan: which workloads are run with which arguments, and what is to be reached."""
from compare.peers import PEERS
from compare.show import short

# Number and name of a workload, its arguments in a full run, and in a quick one.
PLAN = [
    (1, 'retain', [['20000000']], [['4000000']]),
    (2, 'alloc.hot', [['10000000']], [['2000000']]),
    (2, 'alloc.bulk', [['10000000']], [['1000000']]),
    (3, 'pairs', [['1000000']], [['200000']]),
    (4, 'ring', [['1000000'], ['10000000']], [['200000']]),
    (5, 'dlist', [['1000000']], [['200000']]),
    (5, 'tree', [['20']], [['18']]),
    (6, 'graph', [['1000000']], [['200000']]),
    (7, 'live', [['20']], [['20']]),
    (7, 'live.owner', [['20']], [['20']]),
    # A quick run has too few rounds for a million nodes: some peers would not collect once.
    (8, 'dom', [['10000', '2000'], ['100000', '2000'], ['1000000', '20000']], [['10000', '2000'], ['100000', '1000']]),
    (9, 'gcbench', [['1']], [['1']]),
    (9, 'gcbench.acyclic', [['1']], [['1']]),
    (10, 'list', [['1000000']], [['1000000']]),
    (11, 'scaling', [['100000', '5000']], [['100000', '1000']]),
    (12, 'array', [['1000000']], [['200000']]),
    (13, 'map', [['20000'], ['1000000']], [['20000'], ['200000']]),
    (13, 'text', [['1000000']], [['200000']]),
    (14, 'queue', [['1000000']], [['200000']]),
]

# Rows of the containers, where the goal is to be as fast as the faster of GLib and C++.
CONTAINER_ROWS = [
    (12, 'array', ['append', 'index', 'get', 'iterate', 'insert', 'delete', 'pop', 'destroy', 'free', 'small']),
    (13, 'map', ['insert', 'hit', 'miss', 'iterate', 'replace', 'delete', 'destroy', 'free', 'small']),
    (13, 'text', ['insert', 'hit', 'miss', 'delete', 'free']),
    (14, 'queue', ['append', 'iterate', 'insert', 'delete', 'shift', 'destroy']),
]
ROW_SIZES = {'array.insert': 1000, 'array.delete': 1000, 'array.small': 8, 'map.small': 8}  # where it is not n


class Figures:
    """Medians, and what is made of them; None where one of them is missing."""
    def __init__(self, results):
        self.median = results.median

    def ours(self, *row):
        return self.median('refcyc', row)

    def ratio(self, peer, *row):
        a, b = self.ours(*row), self.median(peer, row)
        return a / b if a is not None and b else None

    def ratio_to_fastest(self, counting_only, *row):
        others = [self.median(p.key, row) for p in PEERS
                  if 'refcyc' not in (p.key, p.variant_of) and (p.counts or not counting_only)]
        others = [v for v in others if v is not None]
        return self.ours(*row) / min(others) if others and self.ours(*row) is not None else None

    def ratio_of_rows(self, above, below):
        a, b = self.ours(*above), self.ours(*below)
        return a / b if a is not None and b else None


def targets(results, quick):
    """Yields (number, text, figure or None, '<=' or '>=', limit)."""
    f = Figures(results)
    n, bulk, tree = (200000, 1000000, (1 << 18) - 1) if quick else (1000000, 10000000, (1 << 20) - 1)
    live = (1 << 20) - 1
    yield 1, 'own thread / atomic pair', f.ratio('atomic', 'retain.own', 1), '<=', 0.2
    yield 1, 'own thread / shared_ptr', f.ratio('shared', 'retain.own', 1), '<=', 0.25
    yield 1, 'own thread / GObject', f.ratio('gobject', 'retain.own', 1), '<=', 0.25
    yield 1, 'foreign thread / atomic pair', f.ratio('atomic', 'retain.foreign', 1), '<=', 1.1
    twice = f.ratio_of_rows(('retain.own', 1), ('retain.own2', 1))
    yield 1, 'two threads, an object each: times one thread', twice and 2 * twice, '>=', 1.9
    yield 2, 'hot / plain C', f.ratio('plain', 'alloc.hot', 1), '<=', 1.5
    yield 2, 'bytes per object', f.ours('alloc.bytes', bulk), '<=', 48.5
    for number, row in [(2, ('alloc.bulk', bulk)), (3, ('pairs', n)), (8, ('dom', 100000))]:
        gain = f.ratio('malloc', *row)
        yield number, f'pages: {row[0]} on malloc / on pages', gain and 1 / gain, '>=', 1.3
    for number, row, limit in [(3, ('pairs', n), 0.6), (4, ('ring', n), 0.6), (4, ('ring', 10000000), 0.6),
                               (5, ('dlist', n), 0.6), (5, ('dlist.old', n), 0.6),
                               (5, ('tree', tree), 0.6), (5, ('tree.old', tree), 0.6), (6, ('graph', n), 0.4)]:
        yield number, f'{row[0]} {short(row[1])} / Nim ORC', f.ratio('orc', *row), '<=', limit
    yield 7, 'without owners / the fastest peer', f.ratio_to_fastest(False, 'live', live), '<=', 0.7
    yield 7, 'without owners, moved / the fastest peer', f.ratio_to_fastest(False, 'live.moved', live), '<=', 0.7
    yield 7, 'with owners, ms', f.ours('live.owner', live), '<=', 0.1
    yield 8, '100k / plain C without a collector', f.ratio('plain', 'dom', 100000), '<=', 1.6
    yield 8, '1M / its own 100k', f.ratio_of_rows(('dom', 1000000), ('dom', 100000)), '<=', 1.3
    for nodes in (10000, 100000, 1000000):
        yield 8, f'longest round at {short(nodes)}, ms', f.ours('dom.longest', nodes), '<=', 1.0
    yield 9, 'GCBench / plain C', f.ratio('plain', 'gcbench', 1), '<=', 1.2
    yield 10, 'list / plain C', f.ratio('plain', 'list', 1000000), '<=', 1.5
    yield 11, 'two heaps in two threads: times one thread', f.ours('scaling', 100000), '>=', 1.9
    for number, kind, operations in CONTAINER_ROWS:
        for row in (f'{kind}.{operation}' for operation in operations):
            for size in [ROW_SIZES[row]] if row in ROW_SIZES else [20000, n] if kind == 'map' else [n]:
                ratio = f.ratio_to_fastest(True, row, size)
                yield number, f'{row} {short(size)} / the faster of GLib and C++', ratio, '<=', 1

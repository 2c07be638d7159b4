# SPDX-License-Identifier: MIT
"""The table, the verdict on what was to be reached, and the plots."""
import os
import shutil
import subprocess


def short(n):
    for size, letter in ((1000000, 'M'), (1000, 'k')):
        if n >= size and n % size == 0:
            return f'{n // size}{letter}'
    return str(n)


def digits(value):
    return f'{value:.3g}' if value < 1000 else f'{value:.0f}'


def name(row):
    return row[0] + (f' {short(row[1])}' if row[1] > 1 else '')


def table(peers, results):
    lines = [['', ''] + [p.title for p in peers]]
    for row in results.rows:
        line = [name(row), results.units[row]]
        for p in peers:
            median = results.median(p.key, row)
            line.append(results.why_not(p.key, row) if median is None else
                        f'{digits(median)} ±{results.percent(p.key, row):.0f}%')
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))]
        print('  '.join(cells).rstrip())


def verdict(targets):
    print('\nTo reach:')
    for number, text, figure, sign, limit in targets:
        if figure is not None:
            reached = figure <= limit if sign == '<=' else figure >= limit
            print(f'  {"reached" if reached else "SHORT  "}  {number:2}  {text}: {digits(figure)} ({sign} {limit})')


def faster_peers(peers, results):
    print('\nRows in which a peer that counts references is faster:')
    none = True
    for row in results.rows:
        ours = results.median('refcyc', row)
        others = [(results.median(p.key, row), p.title) for p in peers
                  if p.counts and 'refcyc' not in (p.key, p.variant_of)]
        faster = sorted(o for o in others if o[0] is not None and ours is not None and o[0] < ours)
        if faster and results.units[row] != 'times':
            none = False
            print(f'  {name(row)}: {digits(ours)}; ' + ', '.join(f'{title} {digits(value)}' for value, title in faster))
    if none:
        print('  none')


PLOTS = [
    ('retain', 'retain + release, ns a pair',
     ['retain.own', 'retain.own2', 'retain.foreign', 'retain.mixed', 'retain.contended']),
    ('alloc', 'allocate + free, destroy a list: ns an object', ['alloc.hot', 'alloc.bulk', 'list']),
    ('cycles', 'one collection that frees everything, ns an object', ['pairs', 'ring', 'dlist', 'dlist.old', 'tree', 'tree.old', 'graph']),
    ('live', 'a collection that finds nothing, ms', ['live', 'live.owner', 'live.moved', 'live.owner.moved']),
    ('dom', 'document churn, ns a node', ['dom']),
    ('longest', 'document churn, longest round, ms', ['dom.longest']),
    ('gcbench', 'GCBench, s', ['gcbench', 'gcbench.acyclic']),
    ('array', 'array, ns an element',
     [f'array.{op}' for op in 'append index get iterate insert delete pop destroy free'.split()]),
    ('map', 'map, ns an entry', [f'map.{op}' for op in 'insert hit miss iterate replace delete destroy free'.split()] +
     [f'text.{op}' for op in 'insert hit miss delete free'.split()]),
    ('queue', 'list, ns an element', [f'queue.{op}' for op in 'append iterate insert delete shift destroy'.split()]),
]


def plot(folder, peers, results):
    if not shutil.which('gnuplot'):
        print('skipped: plots: gnuplot is not installed')
        return
    for file, title, workloads in PLOTS:
        rows = [row for row in results.rows if row[0] in workloads]
        some = [p for p in peers if any((p.key, row) in results.samples for row in rows)]
        if not rows:
            continue
        data = ['row ' + ' '.join(f'"{p.title}" low high' for p in some)]
        for row in rows:
            cells = [f'"{name(row)}"']
            for p in some:
                values = results.samples.get((p.key, row))
                cells += [results.median(p.key, row), min(values), max(values)] if values else ['NaN'] * 3
            data.append(' '.join(str(c) for c in cells))
        bars = ', '.join(f'$data using {3 * i + 2}:{3 * i + 3}:{3 * i + 4}:xtic(1) title "{p.title}"'
                         for i, p in enumerate(some))
        script = '\n'.join([
            f'set terminal svg size 1000,420 font "sans,11"; set output "{os.path.join(folder, file)}.svg"',
            f'set title "{title}"; set logscale y; set grid y; set key outside right',
            'set style data histograms; set style histogram errorbars gap 2 lw 1; set style fill solid 0.8 noborder',
            '$data << END', *data, 'END', f'plot {bars}', ''])
        done = subprocess.run(['gnuplot'], input=script, text=True, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            print(f'gnuplot: {file}: {done.stderr.strip()}')

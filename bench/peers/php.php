<?php
// SPDX-License-Identifier: MIT
// PHP: counts, and a trial-deletion collector. The workloads are those of work/*.h, which say what each is; the names
// are the same. What the interpreter itself costs is in all of them but the collections of 3 to 7.
ini_set('memory_limit', '-1');

final class Pair { public ?Pair $a = null; public ?Pair $b = null; }
final class Tree { public ?Tree $left = null; public ?Tree $right = null; public ?Tree $parent = null; }
final class Cell { public ?Cell $left = null; public ?Cell $right = null; public int $i = 0; public int $j = 0; }
final class Listener { public ?Node $target = null; }
final class Node {
    public ?Node $parent = null; public ?Node $first = null; public ?Node $last = null;
    public ?Node $prev = null; public ?Node $next = null;
    public ?Listener $listener = null;
}

function say(string $workload, int $param, float $value, string $unit): void {
    printf("%s,%d,%.3f,%s\n", $workload, $param, $value, $unit);
}
function cpu_ns(): float {
    $u = getrusage();
    $seconds = $u['ru_utime.tv_sec'] + $u['ru_stime.tv_sec'];
    return $seconds * 1e9 + ($u['ru_utime.tv_usec'] + $u['ru_stime.tv_usec']) * 1e3;
}
function say_ns(float $began, string $workload, int $param, int $units): void {
    say($workload, $param, (cpu_ns() - $began) / $units, 'ns');
}
$seed = 1;
function below(int $n): int {
    global $seed;
    $seed = ($seed * 1664525 + 1013904223) & 0xffffffff;
    return ($seed >> 8) % $n;
}
function resident_bytes(): float {
    return (float)explode(' ', file_get_contents('/proc/self/statm'))[1] * 4096;
}

function peak_megabytes(): float {
    preg_match('/VmHWM:\s+(\d+)/', file_get_contents('/proc/self/status'), $found);
    return $found[1] / 1024;
}

// ---- 2

function alloc_hot(int $n): void {
    $began = cpu_ns();
    for ($i = 0; $i < $n; $i++) {
        $p = new Pair;
        $p = null;
    }
    say_ns($began, 'alloc.hot', 1, $n);
}

function alloc_bulk(int $n): void {
    $all = new SplFixedArray($n);
    $before = resident_bytes();
    $began = cpu_ns();
    for ($i = 0; $i < $n; $i++)
        $all[$i] = new Pair;
    $after = resident_bytes();
    for ($i = 0; $i < $n; $i++)
        $all[$i] = null;
    say_ns($began, 'alloc.bulk', $n, $n);
    say('alloc.bytes', $n, ($after - $before) / $n, 'bytes');
}

// ---- 3 to 6

function build_pairs(int $n): void {
    for ($i = 0; $i < $n / 2; $i++) {
        $a = new Pair;
        $b = new Pair;
        $a->a = $b;
        $b->a = $a;
    }
}

function chain(int $n, bool $back): array {
    $first = $last = new Pair;
    for ($i = 1; $i < $n; $i++) {
        $p = new Pair;
        if ($back)
            $p->b = $last;
        $last->a = $p;
        $last = $p;
    }
    return [$first, $last];
}

function build_ring(int $n): void {
    [$first, $last] = chain($n, false);
    $last->a = $first;
}

function build_dlist(int $n): void {
    chain($n, true);
}

function grow(int $depth, ?Tree $parent): Tree {
    $t = new Tree;
    $t->parent = $parent;
    if ($depth > 1) {
        $t->left = grow($depth - 1, $t);
        $t->right = grow($depth - 1, $t);
    }
    return $t;
}

function build_tree(int $n): void {
    grow((int)log($n + 1, 2), null);
}

function build_graph(int $n): void {
    $all = [];
    for ($i = 0; $i < $n; $i++)
        $all[] = new Tree;
    for ($i = 0; $i < $n; $i++) {
        $all[$i]->left = $all[below($n)];
        $all[$i]->right = $all[below($n)];
        $all[$i]->parent = $all[below($n)];
    }
}

function cycles(string $workload, int $n): void {
    gc_disable();
    $began = cpu_ns();
    "build_$workload"($n);
    say_ns($began, "$workload.build", $n, $n);
    free_all($workload, $n);
}

function free_all(string $workload, int $n): void {
    $began = cpu_ns();
    $freed = gc_collect_cycles();
    while (gc_status()['roots'] > 0 && ($more = gc_collect_cycles()) > 0)
        $freed += $more;
    say_ns($began, $workload, $n, $n);
    if ($freed < $n / 2)
        exit(2);
}

// A list, and a tree, that a collection has found alive before they were dropped.
function old_dlist(int $n): void {
    $ends = chain($n, true);
    gc_collect_cycles();
    $ends = null;
    free_all('dlist.old', $n);
}

function old_tree(int $depth): void {
    $root = grow($depth, null);
    gc_collect_cycles();
    $root = null;
    free_all('tree.old', (1 << $depth) - 1);
}

// ---- 7

function gather(Tree $t, array &$all): void {
    $all[] = $t;
    if ($t->left) {
        gather($t->left, $all);
        gather($t->right, $all);
    }
}

function live(int $depth): void {
    gc_disable();
    $root = grow($depth, null);
    gc_collect_cycles();
    // The array holds every node, which costs the collector nothing: it is no root itself.
    $all = [];
    gather($root, $all);
    for ($i = 0; $i < 1000; $i++) {
        $t = $all[below(count($all))];
        $t = null;
    }
    $began = cpu_ns();
    $freed = gc_collect_cycles();
    say('live', count($all), (cpu_ns() - $began) / 1e6, 'ms');
    for ($i = 0; $i < 1000;) {
        $t = $all[below(count($all))];
        if (!$t->left)
            continue;
        $left = $t->left;
        $t->left = $t->right;
        $t->right = $left;
        $i++;
    }
    $t = $left = null;
    $began = cpu_ns();
    $freed += gc_collect_cycles();
    say('live.moved', count($all), (cpu_ns() - $began) / 1e6, 'ms');
    if ($freed != 0)
        exit(2);
}

// ---- 8

final class Document { public Node $root; public array $section = []; public int $nodes = 0; }

function new_node(Document $doc): Node {
    $n = new Node;
    $n->listener = new Listener;
    $n->listener->target = $n;
    $doc->nodes++;
    return $n;
}

function append(Node $parent, Node $child): void {
    $child->parent = $parent;
    if ($parent->last) {
        $child->prev = $parent->last;
        $parent->last->next = $child;
    } else {
        $parent->first = $child;
    }
    $parent->last = $child;
}

function detach(Node $child): void {
    $parent = $child->parent;
    $prev = $child->prev;
    $next = $child->next;
    if ($prev) $prev->next = $next; else $parent->first = $next;
    if ($next) $next->prev = $prev; else $parent->last = $prev;
    $child->parent = $child->prev = $child->next = null;
}

function new_section(Document $doc): Node {
    $n = 50 + below(101);
    $made = [new_node($doc)];
    for ($i = 1; $i < $n; $i++) {
        $made[$i] = new_node($doc);
        append($made[below($i)], $made[$i]);
    }
    return $made[0];
}

function grow_document(Document $doc, Node $parent, int $sections): void {
    for ($i = 0; $i < 10 && $i < $sections; $i++) {
        if ($sections <= 10) {
            $s = new_section($doc);
            $doc->section[] = $s;
            append($parent, $s);
        } else {
            $division = new_node($doc);
            append($parent, $division);
            grow_document($doc, $division, intdiv($sections, 10));
        }
    }
}

function churn(Document $doc): int {
    $nodes = $doc->nodes;
    $k = below(count($doc->section));
    $old = $doc->section[$k];
    $doc->section[$k] = null;
    $parent = $old->parent;
    detach($old);
    $old = null;
    $s = new_section($doc);
    $doc->section[$k] = $s;
    append($parent, $s);
    return $doc->nodes - $nodes;
}

function dom(int $nodes, int $rounds): void {
    $doc = new Document;
    $began = cpu_ns();
    $doc->root = new_node($doc);
    grow_document($doc, $doc->root, intdiv($nodes, 100));
    say_ns($began, 'dom.build', $nodes, $doc->nodes);
    $longest = $churned = 0;
    $began = cpu_ns();
    $then = hrtime(true);
    for ($i = 0; $i < $rounds; $i++) {
        $churned += churn($doc);
        $now = hrtime(true);
        $longest = max($longest, $now - $then);
        $then = $now;
    }
    say_ns($began, 'dom', $nodes, $churned);
    say('dom.longest', $nodes, $longest / 1e6, 'ms');
    say('dom.peak', $nodes, peak_megabytes(), 'MB');
}

// ---- 9

function cells_in(int $depth): int {
    return (1 << ($depth + 1)) - 1;
}

function top_down(int $depth, Cell $cell): void {
    if ($depth > 0) {
        $cell->left = new Cell;
        $cell->right = new Cell;
        top_down($depth - 1, $cell->left);
        top_down($depth - 1, $cell->right);
    }
}

function bottom_up(int $depth): Cell {
    $c = new Cell;
    if ($depth > 0) {
        $c->left = bottom_up($depth - 1);
        $c->right = bottom_up($depth - 1);
    }
    return $c;
}

function gcbench(int $n): void {
    $began = cpu_ns();
    bottom_up(18);
    $long_lived = new Cell;
    top_down(16, $long_lived);
    $numbers = [];
    for ($i = 0; $i < 500000; $i++)
        $numbers[] = 1.0 / ($i + 1);
    for ($depth = 4; $depth <= 16; $depth += 2) {
        $times = intdiv(2 * cells_in(18), cells_in($depth));
        for ($i = 0; $i < $times; $i++) {
            $t = new Cell;
            top_down($depth, $t);
        }
        for ($i = 0; $i < $times; $i++)
            bottom_up($depth);
    }
    say('gcbench', 1, (cpu_ns() - $began) / 1e9, 's');
}

// ---- 10

function list_of(int $n): void {
    $head = chain($n, false)[0];
    $began = cpu_ns();
    $head = null;
    say_ns($began, 'list', $n, $n);
}

[, $workload, $n] = $argv;
match ($workload) {
    'alloc.hot' => alloc_hot($n),
    'alloc.bulk' => alloc_bulk($n),
    'pairs', 'ring', 'graph' => cycles($workload, $n),
    'dlist' => [cycles($workload, $n), old_dlist($n)],
    'tree' => [cycles($workload, (1 << $n) - 1), old_tree($n)],
    'live' => live($n),
    'dom' => dom($n, $argv[3]),
    'gcbench' => gcbench($n),
    'list' => list_of($n),
};

# SPDX-License-Identifier: MIT
# Nim with ORC: plain counts and trial deletion, the nearest relative. The workloads are those of work/*.h, which say
# what each is; the names are the same. For workloads 3 to 7 automatic collection is off, in workload 8 it is on.
# Build: nim c --mm:orc -d:danger orc.nim
import std/[os, strutils, monotimes, times]

type
  Pair = ref object
    a, b: Pair
  Tree = ref object
    left, right, parent: Tree
  Cell = ref object
    left, right: Cell
    i, j: int32
  Node = ref object
    parent, first, last, prev, next: Node
    listener: Listener
  Listener = ref object
    target: Node

proc say(workload: string, param: int, value: float, unit: string) =
  echo workload, ",", param, ",", formatFloat(value, ffDecimal, 3), ",", unit

proc cpuNs(): float = cpuTime() * 1e9

proc wallNs(): float = float(getMonoTime().ticks)

proc sayNs(began: float, workload: string, param, units: int) =
  say(workload, param, (cpuNs() - began) / float(units), "ns")

proc below(state: var uint32, n: int): int =
  state = state * 1664525'u32 + 1013904223'u32
  int((state shr 8) mod uint32(n))

proc residentBytes(): float =
  float(parseInt(readFile("/proc/self/statm").splitWhitespace()[1])) * 4096

proc peakMegabytes(): float =
  for line in lines("/proc/self/status"):
    if line.startsWith("VmHWM:"):
      return parseFloat(line.splitWhitespace()[1]) / 1024

# A compiler barrier: what [p] points to may have been read or changed.
proc keep(p: pointer) =
  {.emit: ["__asm__ volatile(\"\" : : \"r\"(", p, ") : \"memory\");"].}

# ---- 1

var slot: Pair

proc retain(n: int) =
  let obj = Pair()
  let began = cpuNs()
  for i in 0 ..< n:
    slot = obj
    keep(cast[pointer](obj))
    slot = nil
  sayNs(began, "retain.own", 1, n)

# ---- 2

proc allocHot(n: int) =
  let began = cpuNs()
  for i in 0 ..< n:
    let p = Pair()
    keep(cast[pointer](p))
  sayNs(began, "alloc.hot", 1, n)

proc allocBulk(n: int) =
  var all = newSeq[Pair](n)
  for i in 0 ..< n:
    all[i] = nil
  let before = residentBytes()
  var began = cpuNs()
  for i in 0 ..< n:
    all[i] = Pair()
  let built = cpuNs() - began
  let after = residentBytes()
  began = cpuNs()
  for i in 0 ..< n:
    all[i] = nil
  say("alloc.bulk", n, (built + cpuNs() - began) / float(n), "ns")
  say("alloc.bytes", n, (after - before) / float(n), "bytes")

# ---- 3 to 6

proc freeAll(workload: string, n: int) =
  let began = cpuNs()
  GC_fullCollect()
  sayNs(began, workload, n, n)
  doAssert getOccupiedMem() < 10_000_000

proc buildPairs(n: int) =
  for i in 0 ..< n div 2:
    let a = Pair()
    let b = Pair()
    a.a = b
    b.a = a

proc chain(n: int, back: bool): (Pair, Pair) =
  let first = Pair()
  var last = first
  for i in 1 ..< n:
    let p = Pair()
    if back:
      p.b = last
    last.a = p
    last = p
  (first, last)

proc buildRing(n: int) =
  let (first, last) = chain(n, false)
  last.a = first

proc buildDlist(n: int) =
  discard chain(n, true)

proc grow(depth: int, parent: Tree): Tree =
  result = Tree(parent: parent)
  if depth > 1:
    result.left = grow(depth - 1, result)
    result.right = grow(depth - 1, result)

proc buildTree(n: int) =
  var depth = 0
  while (1 shl depth) - 1 < n:
    inc depth
  discard grow(depth, nil)

proc buildGraph(n: int) =
  var seed = 1'u32
  var all = newSeq[Tree](n)
  for i in 0 ..< n:
    all[i] = Tree()
  for i in 0 ..< n:
    all[i].left = all[seed.below(n)]
    all[i].right = all[seed.below(n)]
    all[i].parent = all[seed.below(n)]

proc cycles(workload: string, n: int, build: proc(n: int) {.nimcall.}) =
  GC_disableOrc()
  let began = cpuNs()
  build(n)
  sayNs(began, workload & ".build", n, n)
  freeAll(workload, n)

# A list, and a tree, that a collection has found alive before they were dropped.
proc oldDlist(n: int) =
  var ends = chain(n, true)
  GC_fullCollect()
  ends = (nil, nil)
  freeAll("dlist.old", n)

proc oldTree(depth: int) =
  var root = grow(depth, nil)
  GC_fullCollect()
  root = nil
  freeAll("tree.old", (1 shl depth) - 1)

# ---- 7

proc gather(t: Tree, all: var seq[pointer]) =
  if t != nil:
    all.add cast[pointer](t)
    gather(t.left, all)
    gather(t.right, all)

var touched: Tree

proc live(depth: int) =
  GC_disableOrc()
  let root = grow(depth, nil)
  var all: seq[pointer]
  gather(root, all)
  GC_fullCollect()
  var seed = 1'u32
  for i in 0 ..< 1000:
    touched = cast[Tree](all[seed.below(all.len)])
    keep(cast[pointer](touched))
    touched = nil
  let began = cpuNs()
  GC_fullCollect()
  say("live", all.len, (cpuNs() - began) / 1e6, "ms")
  var moved = 0
  while moved < 1000:
    let t = cast[Tree](all[seed.below(all.len)])
    if t.left == nil:
      continue
    let
      left = t.left
      right = t.right
    t.left = right
    t.right = left
    inc moved
  let began2 = cpuNs()
  GC_fullCollect()
  say("live.moved", all.len, (cpuNs() - began2) / 1e6, "ms")
  doAssert root.left.parent == root

# ---- 8

type Document = object
  root: Node
  section: seq[pointer] # borrowed: the document holds them
  nodes: int
  seed: uint32

proc newNode(doc: var Document): Node =
  result = Node()
  result.listener = Listener(target: result)
  inc doc.nodes

proc append(parent, child: Node) =
  child.parent = parent
  if parent.last != nil:
    child.prev = parent.last
    parent.last.next = child
  else:
    parent.first = child
  parent.last = child

proc detach(child: Node) =
  let parent = child.parent
  let prev = child.prev
  let next = child.next
  if prev != nil: prev.next = next
  else: parent.first = next
  if next != nil: next.prev = prev
  else: parent.last = prev
  child.parent = nil
  child.prev = nil
  child.next = nil

proc newSection(doc: var Document): Node =
  var made {.noinit.}: array[150, pointer]
  let n = 50 + doc.seed.below(101)
  result = newNode(doc)
  made[0] = cast[pointer](result)
  for i in 1 ..< n:
    let node = newNode(doc)
    made[i] = cast[pointer](node)
    append(cast[Node](made[doc.seed.below(i)]), node)

proc grow(doc: var Document, parent: Node, sections: int) =
  for i in 0 ..< min(10, sections):
    if sections <= 10:
      let s = newSection(doc)
      doc.section.add cast[pointer](s)
      append(parent, s)
    else:
      let division = newNode(doc)
      append(parent, division)
      grow(doc, division, sections div 10)

proc churn(doc: var Document): int =
  let nodes = doc.nodes
  let k = doc.seed.below(doc.section.len)
  var parent: Node
  block:
    let old = cast[Node](doc.section[k])
    parent = old.parent
    detach(old)
  let s = newSection(doc)
  doc.section[k] = cast[pointer](s)
  append(parent, s)
  doc.nodes - nodes

proc dom(nodes, rounds: int) =
  var doc = Document(seed: 1)
  var began = cpuNs()
  doc.root = newNode(doc)
  grow(doc, doc.root, nodes div 100)
  sayNs(began, "dom.build", nodes, doc.nodes)
  var longest = 0.0
  var churned = 0
  began = cpuNs()
  var then = wallNs()
  for i in 0 ..< rounds:
    churned += churn(doc)
    let now = wallNs()
    longest = max(longest, now - then)
    then = now
  sayNs(began, "dom", nodes, churned)
  say("dom.longest", nodes, longest / 1e6, "ms")
  say("dom.peak", nodes, peakMegabytes(), "MB")

# ---- 9

proc cellsIn(depth: int): int = (1 shl (depth + 1)) - 1

proc topDown(depth: int, cell: Cell) =
  if depth > 0:
    cell.left = Cell()
    cell.right = Cell()
    topDown(depth - 1, cell.left)
    topDown(depth - 1, cell.right)

proc bottomUp(depth: int): Cell =
  if depth > 0: Cell(left: bottomUp(depth - 1), right: bottomUp(depth - 1))
  else: Cell()

proc once(depth: int, up: bool) =
  if up:
    let t = bottomUp(depth)
    keep(cast[pointer](t))
  else:
    let t = Cell()
    topDown(depth, t)

proc gcbench() =
  let began = cpuNs()
  once(18, true)
  let longLived = Cell()
  topDown(16, longLived)
  var numbers = newSeq[float](500_000)
  for i in 0 ..< numbers.len:
    numbers[i] = 1.0 / float(i + 1)
  for depth in countup(4, 16, 2):
    let times = 2 * cellsIn(18) div cellsIn(depth)
    for i in 0 ..< times: once(depth, false)
    for i in 0 ..< times: once(depth, true)
  doAssert longLived.left != nil and numbers[1000] == 1.0 / 1001
  say("gcbench", 1, (cpuNs() - began) / 1e9, "s")

# ---- 10

proc list(n: int) =
  var (head, last) = chain(n, false)
  last = nil
  let began = cpuNs()
  head = nil
  sayNs(began, "list", n, n)

let workload = paramStr(1)
let n = parseInt(paramStr(2))
case workload
of "retain": retain(n)
of "alloc.hot": allocHot(n)
of "alloc.bulk": allocBulk(n)
of "pairs": cycles(workload, n, buildPairs)
of "ring": cycles(workload, n, buildRing)
of "dlist":
  cycles(workload, n, buildDlist)
  oldDlist(n)
of "tree":
  cycles(workload, (1 shl n) - 1, buildTree)
  oldTree(n)
of "graph": cycles(workload, n, buildGraph)
of "live": live(n)
of "dom": dom(n, parseInt(paramStr(3)))
of "gcbench": gcbench()
of "list": list(n)
else: quit("no workload " & workload, 64)

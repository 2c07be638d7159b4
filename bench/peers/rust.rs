// SPDX-License-Identifier: MIT
// Rust's Rc and Arc: no collector, so only what has no cycles. Workload 1 uses Arc, but for retain.own, which has both
// (retain.own is Rc, retain.own.arc Arc); 2, 9 and 10 use Rc. The workloads are those of work/*.h, which say what each
// is. Build: rustc --edition 2021 -O rust.rs
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Barrier};

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(id: i32, time: *mut Timespec) -> i32;
}

// Processor time of this thread.
fn cpu_ns() -> f64 {
    let mut t = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(3, &mut t) };
    t.seconds as f64 * 1e9 + t.nanoseconds as f64
}

fn say(workload: &str, param: usize, value: f64, unit: &str) {
    println!("{workload},{param},{value:.3},{unit}");
}

fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0
}

#[derive(Default)]
struct Pair {
    a: std::cell::Cell<Option<Rc<Pair>>>,
    _b: std::cell::Cell<Option<Rc<Pair>>>,
}

fn pairs_of_calls<T: Clone>(obj: &T, n: usize) -> f64 {
    let began = cpu_ns();
    for _ in 0..n {
        drop(black_box(black_box(obj).clone()));
    }
    (cpu_ns() - began) / n as f64
}

fn together(obj: Option<Arc<[usize; 2]>>, n: usize, threads: usize, here: bool) -> f64 {
    let start = Arc::new(Barrier::new(threads + here as usize));
    let work = move |obj: Option<Arc<[usize; 2]>>, start: Arc<Barrier>| {
        let obj = obj.unwrap_or_default();
        start.wait();
        pairs_of_calls(&obj, n)
    };
    let others: Vec<_> = (0..threads)
        .map(|_| {
            let (obj, start) = (obj.clone(), start.clone());
            std::thread::spawn(move || work(obj, start))
        })
        .collect();
    let mine = if here { work(obj, start) } else { 0.0 };
    let sum: f64 = others.into_iter().map(|t| t.join().unwrap()).sum();
    (sum + mine) / (threads + here as usize) as f64
}

fn retain(n: usize) {
    say("retain.own", 1, pairs_of_calls(&Rc::new([0usize; 2]), n), "ns");
    let obj = Arc::new([0usize; 2]);
    say("retain.own.arc", 1, pairs_of_calls(&obj, n), "ns");
    say("retain.own2", 1, together(None, n, 2, false), "ns");
    say("retain.foreign", 1, together(Some(obj.clone()), n, 1, false), "ns");
    say("retain.mixed", 1, together(Some(obj.clone()), n / 4, 1, true), "ns");
    say("retain.contended", 1, together(Some(obj), n / 4, 2, false), "ns");
}

fn alloc_hot(n: usize) {
    let began = cpu_ns();
    for _ in 0..n {
        drop(black_box(Rc::new(Pair::default())));
    }
    say("alloc.hot", 1, (cpu_ns() - began) / n as f64, "ns");
}

fn alloc_bulk(n: usize) {
    let mut all: Vec<Option<Rc<Pair>>> = vec![None; n];
    for p in all.iter_mut() {
        *black_box(p) = None;
    }
    let before = resident_bytes();
    let mut began = cpu_ns();
    for p in all.iter_mut() {
        *p = Some(Rc::new(Pair::default()));
    }
    let built = cpu_ns() - began;
    let after = resident_bytes();
    began = cpu_ns();
    for p in all.iter_mut() {
        *p = None;
    }
    say("alloc.bulk", n, (built + cpu_ns() - began) / n as f64, "ns");
    say("alloc.bytes", n, (after - before) / n as f64, "bytes");
}

fn list(n: usize) {
    let head = Rc::new(Pair::default());
    let mut last = head.clone();
    for _ in 1..n {
        let p = Rc::new(Pair::default());
        last.a.set(Some(p.clone()));
        last = p;
    }
    drop(last);
    let began = cpu_ns();
    drop(head);
    say("list", n, (cpu_ns() - began) / n as f64, "ns");
}

struct Cell {
    left: Option<Rc<Cell>>,
    _right: Option<Rc<Cell>>,
    _i: i32,
    _j: i32,
}

// Trees are built bottom up only: Rc contents are not to be changed once shared.
fn bottom_up(depth: i32) -> Rc<Cell> {
    let child = |d| if d > 0 { Some(bottom_up(d - 1)) } else { None };
    Rc::new(Cell { left: child(depth), _right: child(depth), _i: 0, _j: 0 })
}

fn gcbench() {
    let cells_in = |depth: i32| (1usize << (depth + 1)) - 1;
    let began = cpu_ns();
    drop(black_box(bottom_up(18)));
    let long_lived = bottom_up(16);
    let array: Vec<f64> = (0..500_000).map(|i| 1.0 / (i + 1) as f64).collect();
    for depth in (4..=16).step_by(2) {
        for _ in 0..2 * (2 * cells_in(18) / cells_in(depth)) {
            drop(black_box(bottom_up(depth)));
        }
    }
    assert!(long_lived.left.is_some() && array[1000] == 1.0 / 1001.0);
    say("gcbench", 1, (cpu_ns() - began) / 1e9, "s");
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let n: usize = args[2].parse().unwrap();
    match args[1].as_str() {
        "retain" => retain(n),
        "alloc.hot" => alloc_hot(n),
        "alloc.bulk" => alloc_bulk(n),
        "list" => list(n),
        "gcbench" => gcbench(),
        other => panic!("no workload {other}"),
    }
}

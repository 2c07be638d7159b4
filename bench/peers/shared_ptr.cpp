// SPDX-License-Identifier: MIT
// C++ std::shared_ptr, in a process that has threads (without any, libstdc++ counts without atomics). Made with
// make_shared, which is one allocation per object. No collector, so only what has no cycles.
#include "../harness.h"
#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct pair {
    std::shared_ptr<pair> a, b;
};

struct cell {
    std::shared_ptr<cell> left, right;
    int i = 0, j = 0;
};

static double retain_pairs(const std::shared_ptr<pair> &obj, size_t n) {
    double began = lap_begin();
    for (size_t i = 0; i < n; i++) {
        std::shared_ptr<pair> copy = obj;
        __asm__ volatile("" : : "r"(copy.get()) : "memory");
    }
    return lap_end(began, "retain", n) / static_cast<double>(n);
}

static double retain_together(std::shared_ptr<pair> obj, size_t n, int threads, bool here) {
    std::atomic<int> ready{0};
    double ns[3] = {};
    auto work = [&](int i) {
        std::shared_ptr<pair> mine = obj ? obj : std::make_shared<pair>();
        ready++;
        while (ready < threads + here)
            std::this_thread::yield();
        ns[i] = retain_pairs(mine, n);
    };
    std::vector<std::thread> others;
    for (int i = 0; i < threads; i++)
        others.emplace_back(work, i);
    if (here)
        work(threads);
    for (auto &t : others)
        t.join();
    return (ns[0] + ns[1] + ns[2]) / (threads + here);
}

static void retain(size_t n, size_t) {
    auto obj = std::make_shared<pair>();
    say("retain.own", 1, retain_pairs(obj, n), "ns");
    say("retain.own2", 1, retain_together(nullptr, n, 2, false), "ns");
    say("retain.foreign", 1, retain_together(obj, n, 1, false), "ns");
    say("retain.mixed", 1, retain_together(obj, n / 4, 1, true), "ns");
    say("retain.contended", 1, retain_together(obj, n / 4, 2, false), "ns");
}

static void alloc_hot(size_t n, size_t) {
    double began = lap_begin();
    for (size_t i = 0; i < n; i++) {
        auto p = std::make_shared<pair>();
        __asm__ volatile("" : : "r"(p.get()) : "memory");
    }
    lap_say(began, "alloc.hot", 1, n);
}

static void alloc_bulk(size_t n, size_t) {
    std::vector<std::shared_ptr<pair>> all(n);
    double before = resident_bytes();
    double began = lap_begin();
    for (auto &p : all)
        p = std::make_shared<pair>();
    double built = lap_end(began, "alloc.bulk", n);
    double after = resident_bytes();
    began = lap_begin();
    for (auto &p : all)
        p.reset();
    say("alloc.bulk", n, (built + lap_end(began, "alloc.bulk", n)) / static_cast<double>(n), "ns");
    say("alloc.bytes", n, (after - before) / static_cast<double>(n), "bytes");
}

static void list(size_t n, size_t) {
    auto head = std::make_shared<pair>();
    pair *last = head.get();
    for (size_t i = 1; i < n; i++) {
        last->a = std::make_shared<pair>();
        last = last->a.get();
    }
    double began = lap_begin();
    head.reset();
    lap_say(began, "list", n, n);
}

// GCBench, as in work/gcbench.h.
static size_t cells_in(int depth) {
    return (size_t{1} << (depth + 1)) - 1;
}

static void top_down(int depth, cell *c) {
    if (depth <= 0)
        return;
    c->left = std::make_shared<cell>();
    c->right = std::make_shared<cell>();
    top_down(depth - 1, c->left.get());
    top_down(depth - 1, c->right.get());
}

static std::shared_ptr<cell> bottom_up(int depth) {
    auto left = depth > 0 ? bottom_up(depth - 1) : nullptr;
    auto right = depth > 0 ? bottom_up(depth - 1) : nullptr;
    auto c = std::make_shared<cell>();
    c->left = std::move(left);
    c->right = std::move(right);
    return c;
}

static void gcbench(size_t, size_t) {
    double began = lap_begin();
    bottom_up(18).reset();
    auto long_lived = std::make_shared<cell>();
    top_down(16, long_lived.get());
    std::vector<double> array(500000);
    for (size_t i = 0; i < array.size(); i++)
        array[i] = 1.0 / static_cast<double>(i + 1);
    for (int depth = 4; depth <= 16; depth += 2) {
        size_t times = 2 * cells_in(18) / cells_in(depth);
        for (size_t i = 0; i < times; i++) {
            auto t = std::make_shared<cell>();
            top_down(depth, t.get());
        }
        for (size_t i = 0; i < times; i++)
            bottom_up(depth).reset();
    }
    DEMAND(long_lived->left && array[1000] == 1.0 / 1001);
    say("gcbench", 1, lap_end(began, "gcbench", 1) / 1e9, "s");
}

// The containers: vector, unordered_map and list.
using ref = std::shared_ptr<pair>;

static ref *refs_new(size_t n) {
    ref *refs = new ref[n];
    for (size_t i = 0; i < n; i++)
        refs[i] = std::make_shared<pair>();
    return refs;
}

static void refs_free(ref *refs, size_t) {
    delete[] refs;
}

#define ARRAY std::vector<ref> *
#define ARRAY_NEW() new std::vector<ref>
#define ARRAY_FREE(a) delete a
#define ARRAY_APPEND(a, r) (a)->push_back(r)
#define ARRAY_INSERT(a, i, r) (a)->insert((a)->begin() + (i), r)
#define ARRAY_DELETE(a, i) (a)->erase((a)->begin() + (i))
#define ARRAY_POP(a) (a)->pop_back()
#define ROW ref *
#define ARRAY_ROW(a) (a)->data()
#define ROW_AT(row, i) (row)[i].get()
#define ARRAY_GET(a, i) (a)->at(i).get()
#define ARRAY_EACH(a, p, body)                                                                                         \
    for (const ref &each : *(a)) {                                                                                     \
        pair *p = each.get();                                                                                          \
        body;                                                                                                          \
    }

using map_type = std::unordered_map<uint64_t, ref>;
static pair *map_get(const map_type &m, uint64_t key) {
    auto found = m.find(key);
    return found == m.end() ? nullptr : found->second.get();
}
#define MAP map_type *
#define MAP_NEW() new map_type
#define MAP_FREE(m) delete m
#define MAP_PUT(m, k, r) (*(m))[k] = r
#define MAP_DELETE(m, k) (m)->erase(k)
#define MAP_GET(m, k) map_get(*(m), k)
#define MAP_EACH(m, k, p, body)                                                                                        \
    for (const auto &each : *(m)) {                                                                                    \
        uint64_t k = each.first;                                                                                       \
        pair *p = each.second.get();                                                                                   \
        body;                                                                                                          \
    }

using texts_type = std::unordered_map<std::string, ref>;
static pair *text_get(const texts_type &m, const char *key) {
    auto found = m.find(key);
    return found == m.end() ? nullptr : found->second.get();
}
#define TEXTS texts_type *
#define TEXTS_NEW() new texts_type
#define TEXTS_FREE(m) delete m
#define TEXTS_PUT(m, k, r) (*(m))[k] = r
#define TEXTS_DELETE(m, k) (m)->erase(k)
#define TEXTS_GET(m, k) text_get(*(m), k)

#define NEW_ROW(T, n) new T[n]
#define FREE_ROW(p) delete[] p
#define QUEUE std::list<ref> *
#define POS std::list<ref>::iterator
#define QUEUE_NEW() new std::list<ref>
#define QUEUE_FREE(q) delete q
#define QUEUE_APPEND(q, r) (q)->insert((q)->end(), r)
#define QUEUE_INSERT(q, pos, r) (q)->insert(pos, r)
#define QUEUE_DELETE(q, pos) (q)->erase(pos)
#define QUEUE_SHIFT(q) (q)->pop_front()
#define QUEUE_EACH(q, p, body)                                                                                         \
    for (const ref &each : *(q)) {                                                                                     \
        pair *p = each.get();                                                                                          \
        body;                                                                                                          \
    }

#include "../work/refs.h"
#include "../work/array.h"
#include "../work/map.h"
#include "../work/queue.h"

int main(int argc, char **argv) {
    std::thread([] {}).join();
    static const workload all[] = {{"retain", retain}, {"alloc.hot", alloc_hot}, {"alloc.bulk", alloc_bulk},
                                   {"list", list},     {"gcbench", gcbench},     {"array", array},
                                   {"map", map},       {"text", text},           {"queue", queue},
                                   {nullptr, nullptr}};
    return run_workload(argc, argv, all);
}

// SPDX-License-Identifier: MIT
// C++: a scene of named nodes, with undo. A node knows its parent and looks at another one, weakly; what was removed lives on
// in the history. The types are tables as in C, and a class of some lines makes a handle a value.
#include <refcyc/refcyc.h>

#include <cstdio>
#include <string>
#include <utility>

// One handle, released with the variable.
template <class T> class handle {
    T *object = nullptr;

  public:
    handle() = default;
    explicit handle(T *owned) : object(owned) {} // as rc_new and the like return it
    handle(const handle &other) : object(rc_retain(other.object)) {}
    handle(handle &&other) noexcept : object(std::exchange(other.object, nullptr)) {}
    handle &operator=(handle other) noexcept {
        std::swap(object, other.object);
        return *this;
    }
    ~handle() { rc_release(object); }
    T *get() const { return object; }
    T *operator->() const { return object; }
    explicit operator bool() const { return object != nullptr; }
};

namespace {

struct node {
    node *parent;
    rc_array *children;
    rc_weak *looks_at;
    std::string *name; // the library makes and zeroes an object, but does not construct it
};

void node_destroy(void *obj) {
    delete static_cast<node *>(obj)->name;
}

const rc_slot node_slots[] = {RC_OWNER(node, parent), RC_LINK(node, children), RC_WEAK(node, looks_at), RC_END};
RC_TYPE(node, node, .slots = node_slots, .destroy = node_destroy);

// A step of the history: a child that was put into its parent, or taken out.
struct step {
    node *parent, *child;
    std::size_t index;
    bool inserted;
};

const rc_slot step_slots[] = {RC_LINK(step, parent), RC_LINK(step, child), RC_END};
RC_ELEMENT(step, step, .slots = step_slots);

struct scene {
    node *root;
    rc_array *history;
};

const rc_slot scene_slots[] = {RC_LINK(scene, root), RC_LINK(scene, history), RC_END};
RC_TYPE(scene, scene, .slots = scene_slots);

handle<node> node_new(const char *name) {
    handle<node> n(static_cast<node *>(rc_new(&node_type)));
    if (!n)
        return n;
    n->name = new std::string(name);
    rc_give(&n->children, rc_array_new(&rc_link_element));
    return n->children ? n : handle<node>();
}

handle<scene> scene_new() {
    handle<scene> s(static_cast<scene *>(rc_new(&scene_type)));
    if (!s)
        return s;
    rc_set(&s->root, node_new("root").get());
    rc_give(&s->history, rc_array_new(&step_element));
    return s->root && s->history ? s : handle<scene>();
}

bool put(node *parent, std::size_t index, node *child) {
    if (!rc_array_insert(parent->children, index, child))
        return false;
    rc_set(&child->parent, parent);
    return true;
}
handle<node> take(node *parent, std::size_t index) {
    handle<node> child(static_cast<node *>(rc_array_take(parent->children, index)));
    rc_set(&child->parent, nullptr);
    return child;
}

bool insert(scene *s, node *parent, std::size_t index, node *child) {
    step done = {parent, child, index, true};
    return rc_array_reserve(s->history, rc_array_size(s->history) + 1) && put(parent, index, child) &&
           rc_array_push_value(s->history, &done);
}
bool remove(scene *s, node *parent, std::size_t index) {
    if (!rc_array_reserve(s->history, rc_array_size(s->history) + 1))
        return false;
    handle<node> child = take(parent, index);
    step done = {parent, child.get(), index, false};
    return rc_array_push_value(s->history, &done);
}

// What was removed comes back, what was inserted goes. false: there is nothing left to undo.
bool undo(scene *s) {
    step last;
    if (!rc_array_pop_value(s->history, &last))
        return false;
    handle<node> parent(last.parent), child(last.child); // taken, so they are ours
    if (last.inserted)
        take(last.parent, last.index);
    else if (!put(last.parent, last.index, last.child))
        return false;
    return true;
}

void show(const scene *s) {
    for (std::size_t i = 0; i < rc_array_size(s->root->children); i++) {
        const node *n = static_cast<const node *>(rc_array_get(s->root->children, i));
        handle<node> seen(static_cast<node *>(rc_weak_get(n->looks_at)));
        std::printf("  %s looks at %s\n", n->name->c_str(), seen ? seen->name->c_str() : "nothing");
    }
}

bool play() {
    handle<scene> s = scene_new();
    handle<node> tree = node_new("tree"), camera = node_new("camera"), lamp = node_new("lamp");
    if (!s || !tree || !camera || !lamp || !rc_weak_set(&camera->looks_at, tree.get()) ||
        !rc_weak_set(&lamp->looks_at, camera.get()))
        return false;
    if (!insert(s.get(), s->root, 0, tree.get()) || !insert(s.get(), s->root, 1, camera.get()) ||
        !insert(s.get(), tree.get(), 0, lamp.get()) || !remove(s.get(), s->root, 0))
        return false;
    tree = lamp = handle<node>(); // the history holds them
    std::printf("without the tree, %zu steps to undo:\n", rc_array_size(s->history));
    show(s.get());
    rc_array_clear(s->history);
    rc_collect(); // the tree has a lamp, and that its parent
    std::printf("without the history:\n");
    show(s.get());
    camera = node_new("camera 2");
    if (!camera || !insert(s.get(), s->root, 0, camera.get()) || !undo(s.get()) || undo(s.get()))
        return false;
    std::printf("after an undo: %zu child\n", rc_array_size(s->root->children));
    return true;
}

} // namespace

int main() {
    bool played = play();
    std::printf("collected: %zu\n", rc_collect());
    return rc_heap_free(rc_heap_default()) != 0 || !played;
}

// SPDX-License-Identifier: MIT
// rc_box: a container of one. A resource is a value, too: a pointer, and the function that is its destructor.
#include "element.h"

#include <refcyc/box.h>

struct resource {
    void *pointer;
    void (*release)(void *pointer);
};

static void resource_destroy(void *element) {
    assert(element != NULL);
    struct resource *r = element;
    if (r->pointer && r->release)
        r->release(r->pointer);
}

static const struct rc_element resource_element = {"resource", sizeof(struct resource), .destroy = resource_destroy};

struct rc_box {
    const struct rc_element *element; // NULL: empty
    uint8_t kind;
    _Alignas(16) char value[];
};

static void box_trace(void *obj, struct rc_visitor *visitor) {
    assert(rc__is_object(RC__HEADER(obj)));
    struct rc_box *box = obj;
    assert(!box->element || box->element->size > 0);
    if (box->element)
        rc__element_visit(box->element, box->kind, visitor, box->value, 1, box->element->size);
}

static void box_destroy(void *obj) {
    assert(rc__is_dead(RC__HEADER(obj)));
    struct rc_box *box = obj;
    if (box->element)
        rc__element_end(box->element, box->kind, box->value);
}

const struct rc_type rc_box_type = {
    .name = "rc_box", .size = sizeof(struct rc_box), .trace = box_trace, .destroy = box_destroy};
// What boxes are really of (object.h): the first type if the value has links, the second, acyclic one if not.
const struct rc_type rc__box_type = {.name = "rc_box", .size = sizeof(struct rc_box), .base = &rc_box_type};
const struct rc_type rc__leaf_box_type = {
    .name = "rc_box", .size = sizeof(struct rc_box), .base = &rc_box_type, .acyclic = true};

// An empty box with room for [element], checked for [call].
static struct rc_box *box_new(const struct rc_element *element, const void *value, bool copy, const char *call) {
    assert(call != NULL);
    uint8_t kind;
    if (!rc__element_check(element, &kind, call) || (copy && !rc__element_copies(element, kind, call)))
        return NULL;
    if (!value) {
        rc__fault(RC_FAULT_NULL, call, NULL, "the value is NULL");
        errno = EINVAL;
        return NULL;
    }
    struct rc_box *box = rc_new_sized(kind & RC__E_LINKS ? &rc__box_type : &rc__leaf_box_type, element->size);
    if (box)
        box->kind = kind;
    return box;
}

struct rc_box *rc_box_new(const struct rc_element *element, const void *value) {
    _Alignas(16) char made[RC_ELEMENT_MAX];
    struct rc_box *box = box_new(element, value, true, "rc_box_new");
    if (!box)
        return NULL;
    if (!rc__element_copy(element, box->kind, made, value))
        return rc__discard(box);
    memcpy(box->value, made, element->size);
    box->element = element;
    return box;
}

struct rc_box *rc_box_give(const struct rc_element *element, void *value) {
    struct rc_box *box = box_new(element, value, false, "rc_box_give");
    if (box) {
        rc__element_give(element, box->kind, box->value, value);
        box->element = element;
    }
    return box;
}

struct rc_box *rc_box_wrap(void *resource, void (*release)(void *)) {
    return rc_box_give(&resource_element, &(struct resource){resource, release});
}

static bool has_resource(const struct rc_box *box) {
    assert(box != NULL);
    return box->element == &resource_element;
}

static bool is_box(const struct rc_box *box, const char *call) {
    if (box && RC__IS_FOR(box, call))
        return true;
    rc__misused(box, call);
    return false;
}

void *rc_box_value(const struct rc_box *box) {
    if (!is_box(box, "rc_box_value") || !box->element || has_resource(box))
        return NULL;
    return (void *)(uintptr_t)box->value;
}

void *rc_box_resource(const struct rc_box *box) {
    if (!is_box(box, "rc_box_resource") || !has_resource(box))
        return NULL;
    return ((const struct resource *)(const void *)box->value)->pointer;
}

void rc_box_close(struct rc_box *box) {
    _Alignas(16) char old[RC_ELEMENT_MAX];
    if (!rc__usable(box, "rc_box_close") || !box->element)
        return;
    const struct rc_element *element = box->element;
    memcpy(old, box->value, element->size);
    box->element = NULL;
    rc__element_drop(element, box->kind, old);
}

bool rc_box_take(struct rc_box *box, void *value) {
    if (!rc__usable(box, "rc_box_take") || !RC__GIVEN(value, "rc_box_take"))
        return false;
    if (!box->element || has_resource(box))
        return rc__fails(ENOENT);
    rc__element_take(box->element, box->kind, value, box->value);
    box->element = NULL;
    return true;
}

void *rc_box_unwrap(struct rc_box *box) {
    struct resource r;
    if (!rc__usable(box, "rc_box_unwrap"))
        return NULL;
    if (!has_resource(box)) {
        errno = ENOENT;
        return NULL;
    }
    memcpy(&r, box->value, sizeof r);
    box->element = NULL;
    return r.pointer;
}

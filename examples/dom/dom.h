// SPDX-License-Identifier: MIT
// A small DOM over Refcyc: what a page is made of, and how a tree of it is put together and taken apart.
//
//      document  <------------ document: each node has a link to the page it belongs to
//        |   ^
//   first|   |parent           parent is an RC_OWNER slot: parent and child hold each other, so no tree
//        v   |                 of more than one node ever dies by counting alone
//      <html> ------> listener -> closure -> nodes of this page, or of another one (event.h)
//        |   ^
//      <head> <-> <body>       prev, next
//
// The types extend each other, as in a browser:
//
//   event_target <- node <- element <- anchor
//                        <- text
//                        <- attribute      its parent is its element, its next the next attribute
//                        <- document
//
// A `struct x *` that a function returns is borrowed from the tree unless the comment says that it is a handle. What
// functions get is theirs to use until they return: the caller holds it, directly or through the page. They can only
// fail for lack of memory, and then have changed nothing.
#ifndef DOM_H
#define DOM_H

#include <refcyc/refcyc.h>

struct listener;
struct observer;

// A piece of text that does not change. It refers to nothing, so it is in no cycle, and counting frees it.
struct string {
    size_t length;
    char text[]; // ends with a NUL that [length] does not count
};
extern const struct rc_type string_type;

struct string *string_new(const char *text, size_t length); // a handle
struct string *atom(const char *text); // the one string with this text, kept until atoms_free; compare with ==
void atoms_free(void);

struct event_target {
    struct listener *listeners;
};
extern const struct rc_type event_target_type;

struct node {
    struct event_target target;
    struct node *parent, *first, *last, *prev, *next;
    struct document *document; // NULL in a document
    bool observed;             // changes below are reported to the observer of the document
};
extern const struct rc_type node_type;

struct element {
    struct node node;
    struct string *tag; // an atom
    struct attribute *attributes;
};
extern const struct rc_type element_type;

// <a>: remembers where in the page it leads, without keeping that place alive.
struct anchor {
    struct element element;
    struct rc_weak *lands;
};
extern const struct rc_type anchor_type;

struct text {
    struct node node;
    struct string *data;
    bool comment;
};
extern const struct rc_type text_type;

struct attribute {
    struct node node;
    struct string *name, *value; // the name is an atom
};
extern const struct rc_type attribute_type;

struct document {
    struct node node;
    struct string *address;
    struct observer *observer;
    struct document *opener; // the page that this one was opened from
};
extern const struct rc_type document_type;

struct document *document_new(const char *address);                                                 // a handle
struct element *element_new(struct document *document, struct string *tag);                         // a handle
struct text *text_new(struct document *document, const char *data, size_t length, bool comment);    // a handle

// The same node as what it is, or NULL if it is something else.
struct element *as_element(struct node *node);
struct anchor *as_anchor(struct node *node);

bool element_set(struct element *element, struct string *name, const char *value, size_t length);
const struct string *element_get(const struct element *element, const struct string *name);

// Puts [child] under [parent], before [before] (NULL: at the end), taking it out of where it was. Does nothing, and
// returns false, where that would make a node its own ancestor.
bool node_insert(struct node *parent, struct node *child, struct node *before);
// Takes [child] with all that is below it out of its tree, and returns it: a handle.
struct node *node_take(struct node *child);
// Takes out all children of [node], and lets go of them.
void node_clear(struct node *node);

// Walks: the node after [node] in [root]'s tree, children first; NULL at the end. No recursion, whatever the depth.
struct node *node_following(const struct node *root, struct node *node);
bool node_contains(const struct node *ancestor, const struct node *node);

#endif

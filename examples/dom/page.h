// SPDX-License-Identifier: MIT
// From HTML text to a DOM, in one of two ways. Gumbo reads pages as HTML5 wants it, but takes time in the square of the
// nesting depth, so what nests deeper than PAGE_GUMBO_DEPTH goes to a plain reader of tags (soup.c), which is linear.
// Neither recurses on the depth.
#ifndef PAGE_H
#define PAGE_H

#include "dom.h"

enum { PAGE_GUMBO_DEPTH = 4000 };

// Why [html] is no page (it is empty, it is binary, there is no tag in it), or NULL if it may be one.
const char *page_objection(const char *html, size_t length);

// The page with this text: a handle; or NULL, with *why saying why not.
struct document *page_parse(const char *address, const char *html, size_t length, const char **why);

// innerHTML: what was in [element] goes, and what [html] says takes its place. False, and nothing has changed, if
// memory is out.
bool page_rewrite(struct element *element, const char *html, size_t length);

// The plain reader: how deep does [html] nest (counting stops at [limit]), and its tree, put under [into].
size_t soup_depth(const char *html, size_t length, size_t limit);
bool soup_read(struct node *into, const char *html, size_t length);
// A page of [depth] elements, one inside the other: text to be freed, or NULL.
char *soup_nested(size_t depth, size_t *length);

#endif

// SPDX-License-Identifier: MIT
// Gumbo's tree is copied node by node, in the order of the text, with a stack of our own. It lies in an arena, which
// goes when the copy is done.
#include "page.h"
#include "arena.h"
#include <gumbo.h>
#include <stdlib.h>
#include <string.h>

// A page of tags only, of three letters each, takes some 120 bytes a byte. What wants much more is built to do harm
// (formatting tags that are never closed are copied into every paragraph).
enum { ARENA_LEAST = 64 << 20, ARENA_PER_BYTE = 256 };

// A place in gumbo's tree whose children are being copied to [into].
struct level {
    const GumboVector *children;
    unsigned next;
    struct node *into;
};
struct copy {
    struct document *document;
    struct level *levels;
    size_t depth, room;
};

static bool copy_enter(struct copy *copy, const GumboVector *children, struct node *into) {
    if (copy->depth == copy->room) {
        size_t room = copy->room ? copy->room * 2 : 64;
        struct level *levels = realloc(copy->levels, room * sizeof *levels);
        if (!levels) return false;
        copy->levels = levels;
        copy->room = room;
    }
    copy->levels[copy->depth++] = (struct level){children, 0, into};
    return true;
}

// gumbo names the tags that it knows; the name of another one is to be cut out of the text.
static struct string *tag_of(const GumboElement *from) {
    const char *known = gumbo_normalized_tagname(from->tag);
    if (*known) return atom(known);
    GumboStringPiece text = from->original_tag;
    gumbo_tag_from_original_text(&text);
    char name[64];
    size_t length = text.length < sizeof name ? text.length : sizeof name - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] + 'a' - 'A') : text.data[i];
    name[length] = 0;
    return atom(name);
}

static bool copy_attributes(const GumboVector *attributes, struct element *to) {
    for (unsigned i = 0; i < attributes->length; i++) {
        const GumboAttribute *a = attributes->data[i];
        if (!element_set(to, atom(a->name), a->value, strlen(a->value))) return false;
    }
    return true;
}

static bool copy_element(struct copy *copy, const GumboElement *from, struct node *into) {
    struct element *e = element_new(copy->document, tag_of(from));
    if (!e) return false;
    bool done = copy_attributes(&from->attributes, e) && copy_enter(copy, &from->children, &e->node);
    if (done) node_insert(into, &e->node, NULL);
    rc_release(e);
    return done;
}

static bool copy_text(struct copy *copy, const GumboNode *from, struct node *into) {
    const char *data = from->v.text.text;
    struct text *t = text_new(copy->document, data, strlen(data), from->type == GUMBO_NODE_COMMENT);
    if (t) node_insert(into, &t->node, NULL);
    rc_release(t);
    return t != NULL;
}

// Copies [children] and all below them under [into]. Levels hold pointers without handles: [into] leads to all of them.
static bool copy_tree(struct document *document, const GumboVector *children, struct node *into) {
    struct copy copy = {.document = document};
    bool done = copy_enter(&copy, children, into);
    while (done && copy.depth) {
        struct level *level = &copy.levels[copy.depth - 1];
        if (level->next == level->children->length) {
            copy.depth--;
            continue;
        }
        const GumboNode *from = level->children->data[level->next++];
        bool is_element = from->type == GUMBO_NODE_ELEMENT || from->type == GUMBO_NODE_TEMPLATE;
        done = is_element ? copy_element(&copy, &from->v.element, level->into) : copy_text(&copy, from, level->into);
    }
    free(copy.levels);
    return done;
}

static GumboOutput *gumbo_read(struct arena *arena, GumboTag context, const char *html, size_t length) {
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = arena_alloc;
    options.deallocator = arena_keep;
    options.userdata = arena;
    options.max_errors = 0;
    options.fragment_context = context;
    if (setjmp(arena->out_of_memory)) return NULL;
    return gumbo_parse_with_options(&options, html, length);
}

static struct arena arena_for(size_t length) {
    return (struct arena){.limit = ARENA_LEAST + length * ARENA_PER_BYTE};
}

static bool page_fill(struct document *page, const char *html, size_t length) {
    if (soup_depth(html, length, PAGE_GUMBO_DEPTH) == PAGE_GUMBO_DEPTH) return soup_read(&page->node, html, length);
    struct arena arena = arena_for(length);
    GumboOutput *read = gumbo_read(&arena, GUMBO_TAG_LAST, html, length);
    bool filled = read && copy_tree(page, &read->document->v.document.children, &page->node);
    arena_free(&arena);
    return filled;
}

struct document *page_parse(const char *address, const char *html, size_t length, const char **why) {
    *why = page_objection(html, length);
    if (*why) return NULL;
    struct document *page = document_new(address);
    if (page && page_fill(page, html, length)) return page;
    rc_release(page); // what it has so far is a cycle: the collector takes it
    *why = "not enough memory for the page";
    return NULL;
}

bool page_rewrite(struct element *element, const char *html, size_t length) {
    struct document *document = element->node.document;
    struct element *fresh = element_new(document, element->tag);
    if (!fresh) return false;
    struct arena arena = arena_for(length);
    GumboOutput *read = gumbo_read(&arena, gumbo_tag_enum(element->tag->text), html, length);
    bool done = read && copy_tree(document, &read->root->v.element.children, &fresh->node);
    arena_free(&arena);
    if (done) {
        node_clear(&element->node);
        while (fresh->node.first) node_insert(&element->node, fresh->node.first, NULL);
    }
    rc_release(fresh);
    return done;
}

// A zero, or more than a few of the control characters that no text has (WHATWG, MIME Sniffing, "binary data byte").
static bool is_binary(const char *content, size_t length) {
    size_t strange = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)content[i];
        if (!c) return true;
        strange += c < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r' && c != 0x1B;
    }
    return strange > length / 32;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const char *page_objection(const char *html, size_t length) {
    if (!length) return "not HTML: it is empty";
    if (is_binary(html, length < 4096 ? length : 4096)) return "not HTML: it is binary";
    for (size_t i = 0; i + 1 < length; i++)
        if (html[i] == '<' && (html[i + 1] == '!' || is_letter(html[i + 1]))) return NULL;
    return "not HTML: there is no tag in it";
}

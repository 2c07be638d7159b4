// SPDX-License-Identifier: MIT
// Tag soup: start tags nest, end tags close the nearest element of their name, and that is all. No entities, no
// attributes, no rules on what may stand where. It reads pages that nest too deep for gumbo (100,000 <div>s take gumbo
// half a minute, and in here no time at all), and finds out which pages those are.
#include "page.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// An end tag looks this far up for its start tag; one that is further out is taken for a mistake. (Without a limit, end
// tags without start tags would make reading quadratic again.)
enum { REACH = 64 };

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_COMMENT, PIECE_OPEN, PIECE_CLOSE };

// A piece of the text: a run of characters, a comment, or a tag with its name.
struct piece {
    enum piece_kind kind;
    const char *at;
    size_t length;
};
struct reader {
    const char *at, *end;
};

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool named(struct piece piece, const char *name) {
    return strlen(name) == piece.length && strncasecmp(piece.at, name, piece.length) == 0;
}

static bool named_one_of(struct piece piece, const char *const *names) {
    while (*names && !named(piece, *names)) names++;
    return *names != NULL;
}

// Elements that have no content, and those whose end tag may be left out because the next one closes them.
static bool is_void(struct piece tag) {
    static const char *const names[] = {"area", "base", "br",    "col",    "embed", "hr",  "img", "input",
                                        "link", "meta", "param", "source", "track", "wbr", NULL};
    return named_one_of(tag, names);
}
static bool closes_itself(struct piece tag) {
    static const char *const names[] = {"p",  "li", "dt", "dd",    "option", "optgroup", "tr",
                                        "td", "th", "rp", "tbody", "thead",  "tfoot",    NULL};
    return named_one_of(tag, names);
}

static const char *find(const char *from, const char *end, const char *word) {
    size_t n = strlen(word);
    for (; (size_t)(end - from) >= n; from++)
        if (strncasecmp(from, word, n) == 0) return from;
    return end;
}

// Past the '>' that ends the tag at [from]; quotes hide it.
static const char *tag_end(const char *from, const char *end) {
    char quote = 0;
    for (; from < end; from++) {
        if (quote) {
            if (*from == quote) quote = 0;
        } else if (*from == '>') {
            return from + 1;
        } else if ((*from == '"' || *from == '\'') && from[-1] == '=') {
            quote = *from;
        }
    }
    return end;
}

// The content of <script> and <style> is no markup.
static void skip_raw(struct reader *reader, struct piece tag) {
    if (named(tag, "script")) reader->at = find(reader->at, reader->end, "</script");
    if (named(tag, "style")) reader->at = find(reader->at, reader->end, "</style");
}

static struct piece piece_tag(struct reader *reader) {
    bool closes = reader->at[1] == '/';
    const char *name = reader->at + 1 + closes, *c = name;
    while (c < reader->end && *c != '>' && *c != '/' && (unsigned char)*c > ' ') c++;
    struct piece piece = {closes ? PIECE_CLOSE : PIECE_OPEN, name, (size_t)(c - name)};
    reader->at = tag_end(c, reader->end);
    if (!closes) skip_raw(reader, piece);
    return piece;
}

static struct piece piece_comment(struct reader *reader) {
    const char *from = reader->at;
    bool comment = reader->end - from >= 4 && memcmp(from, "<!--", 4) == 0;
    const char *to = find(from + (comment ? 4 : 2), reader->end, comment ? "-->" : ">");
    reader->at = to == reader->end ? to : to + (comment ? 3 : 1);
    from += comment ? 4 : 2;
    return (struct piece){PIECE_COMMENT, from, to > from ? (size_t)(to - from) : 0};
}

static struct piece piece_next(struct reader *reader) {
    const char *from = reader->at, *end = reader->end;
    if (from == end) return (struct piece){PIECE_END, NULL, 0};
    if (*from == '<' && end - from >= 2) {
        if (from[1] == '!' || from[1] == '?') return piece_comment(reader);
        if (is_letter(from[1]) || (from[1] == '/' && end - from >= 3 && is_letter(from[2]))) return piece_tag(reader);
    }
    const char *to = memchr(from + 1, '<', (size_t)(end - from - 1));
    reader->at = to ? to : end;
    return (struct piece){PIECE_TEXT, from, (size_t)(reader->at - from)};
}

static bool same_name(struct piece a, struct piece b) {
    return a.length == b.length && strncasecmp(a.at, b.at, a.length) == 0;
}

// An element whose end tag may be missing does not count: <li> after <li> nests for those only who do not know better.
size_t soup_depth(const char *html, size_t length, size_t limit) {
    struct reader reader = {html, html + length};
    struct piece *open = malloc(limit * sizeof *open);
    size_t depth = 0, deepest = 0;
    for (struct piece p = piece_next(&reader); open && p.kind && depth < limit; p = piece_next(&reader)) {
        if (p.kind == PIECE_OPEN && !is_void(p) && !closes_itself(p)) {
            open[depth++] = p;
            if (depth > deepest) deepest = depth;
        } else if (p.kind == PIECE_CLOSE) {
            size_t at = depth;
            while (at && depth - at < REACH && !same_name(open[at - 1], p)) at--;
            if (at && depth - at < REACH) depth = at - 1;
        }
    }
    free(open);
    return deepest;
}

static struct string *atom_of(struct piece tag) {
    char name[64];
    size_t length = tag.length < sizeof name ? tag.length : sizeof name - 1;
    for (size_t i = 0; i < length; i++) name[i] = is_letter(tag.at[i]) ? (char)(tag.at[i] | 0x20) : tag.at[i];
    name[length] = 0;
    return atom(name);
}

// The element that a start tag opens; NULL: memory is out. It is linked already, so no handle of it is needed.
static struct node *element_open(struct document *document, struct node *into, struct piece tag) {
    struct element *e = element_new(document, atom_of(tag));
    if (!e) return NULL;
    node_insert(into, &e->node, NULL);
    rc_release(e);
    return into->last;
}

static bool text_add(struct document *document, struct node *into, struct piece piece) {
    struct text *t = text_new(document, piece.at, piece.length, piece.kind == PIECE_COMMENT);
    if (!t) return false;
    node_insert(into, &t->node, NULL);
    rc_release(t);
    return true;
}

// Where reading goes on after an end tag: outside of the nearest element of that name.
static struct node *element_close(struct node *root, struct node *at, struct piece tag) {
    const struct string *name = atom_of(tag);
    struct node *n = at;
    for (int i = 0; i < REACH && n != root; i++, n = n->parent)
        if (((struct element *)n)->tag == name) return n->parent;
    return at;
}

bool soup_read(struct node *into, const char *html, size_t length) {
    struct document *document = into->document ? into->document : (struct document *)into;
    struct reader reader = {html, html + length};
    struct node *at = into;
    for (struct piece p = piece_next(&reader); p.kind; p = piece_next(&reader)) {
        if (p.kind == PIECE_CLOSE) {
            at = element_close(into, at, p);
        } else if (p.kind == PIECE_OPEN) {
            struct node *opened = element_open(document, at, p);
            if (!opened) return false;
            if (!is_void(p)) at = opened;
        } else if (!text_add(document, at, p)) {
            return false;
        }
    }
    return true;
}

char *soup_nested(size_t depth, size_t *length) {
    static const char open[] = "<div>", close[] = "</div>", middle[] = "the bottom";
    size_t o = sizeof open - 1, c = sizeof close - 1, m = sizeof middle - 1;
    if (depth > (SIZE_MAX - m) / (o + c)) return NULL;
    *length = depth * (o + c) + m;
    char *html = malloc(*length), *to = html;
    if (!html) return NULL;
    for (size_t i = 0; i < depth; i++, to += o) memcpy(to, open, o);
    memcpy(to, middle, m);
    to += m;
    for (size_t i = 0; i < depth; i++, to += c) memcpy(to, close, c);
    return html;
}

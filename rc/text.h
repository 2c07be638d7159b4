// SPDX-License-Identifier: MIT
// Texts, as they are hashed and compared: in line, because a look-up does both, and names are short. Not installed.
#ifndef RC_TEXT_H
#define RC_TEXT_H

#include <refcyc/string.h>
#include <string.h>

#define RC__TEXT_MAX (SIZE_MAX / 4) // bytes; what is longer is no text, but a number that went below 0

static inline uint64_t rc__bytes_8(const char *text) {
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word;
}
static inline uint64_t rc__bytes_4(const char *text) {
    uint32_t word;
    memcpy(&word, text, sizeof word);
    return word;
}
// [length] bytes, fewer than 8, in one word; some may be taken twice.
static inline uint64_t rc__bytes_few(const char *text, size_t length) {
    const unsigned char *byte = (const unsigned char *)text;
    if (length >= 4)
        return rc__bytes_4(text) | rc__bytes_4(text + length - 4) << 32;
    return length ? byte[0] | (uint64_t)byte[length / 2] << 8 | (uint64_t)byte[length - 1] << 16 : 0;
}

// The last 8 bytes, or all if there are fewer, as one word. Some of them may have been in the word before that.
static inline uint64_t rc__bytes_last(const char *text, size_t length) {
    return length >= 8 ? rc__bytes_8(text + length - 8) : rc__bytes_few(text, length);
}

// As FNV-1a, but 8 bytes at a time, and folded. Then multiplied once more, since the lower bits of a product depend only on the
// lower bits of its factors, and texts often differ only in their last bytes. The upper bit is set: so a hash is never 0, and
// is what a table keeps (table.h, RC__LIVE).
static inline uint32_t rc__text_hash(const char *text, size_t length) {
    assert(text || !length);
    uint64_t hash = UINT64_C(0xCBF29CE484222325) ^ length;
    for (size_t i = 0; i + 8 < length; i += 8) {
        hash = (hash ^ rc__bytes_8(text + i)) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    hash = (hash ^ rc__bytes_last(text, length)) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 32;
    return UINT32_C(0x80000000) | (uint32_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 33);
}

// Without a call, for which a look-up would have to save what it has in registers.
static inline bool rc__same_bytes(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i + 8 < n; i += 8)
        if (rc__bytes_8(a + i) != rc__bytes_8(b + i))
            return false;
    return rc__bytes_last(a, n) == rc__bytes_last(b, n);
}

static inline bool rc__text_is(const struct rc_string *s, const char *text, size_t length) {
    assert(s && (text || !length));
    return s->length == length && rc__same_bytes(rc_string_text(s), text, length);
}

#endif

// SPDX-License-Identifier: MIT
// What every other header of Refcyc leans on: visibility, attributes, status codes.
#ifndef REFCYC_BASE_H
#define REFCYC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__GNUC__)
#error "Refcyc needs gcc or clang: it uses __typeof__, __thread and the cleanup attribute"
#endif
#if UINTPTR_MAX != UINT64_MAX
#error "Refcyc needs pointers of 64 bits"
#endif

#define RC_VERSION_MAJOR 0
#define RC_VERSION_MINOR 1
#define RC_VERSION_PATCH 0

// What is C's way is no fault of the program that includes it as C++: a struct and a function of one name, casts, 0 for NULL.
#ifdef __cplusplus
#ifdef __clang__
#define RC__NO_USELESS_CAST
#else
#define RC__NO_USELESS_CAST _Pragma("GCC diagnostic ignored \"-Wuseless-cast\"")
#endif
#define RC_BEGIN_DECLS                                                                                                 \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")                                      \
    _Pragma("GCC diagnostic ignored \"-Wold-style-cast\"")                                                             \
    _Pragma("GCC diagnostic ignored \"-Wzero-as-null-pointer-constant\"") RC__NO_USELESS_CAST extern "C" {
#define RC_END_DECLS                                                                                                   \
    }                                                                                                                  \
    _Pragma("GCC diagnostic pop")
#else
#define RC_BEGIN_DECLS
#define RC_END_DECLS
#endif

// A constant table with its name, a size, and members that are given as `.member = value`. C++17 has no designated
// initialisers: there a function that runs at compile time assigns them one by one.
#ifdef __cplusplus
#define RC__TABLE(kind, table, title, T, ...)                                                                          \
    constexpr kind table = [] {                                                                                        \
        static_assert(__cplusplus >= 201703L, "Refcyc's tables need C++17");                                           \
        kind made = {};                                                                                                \
        made.name = title;                                                                                             \
        made.size = sizeof(T);                                                                                         \
        RC__PICK(__VA_ARGS__, RC__SET8, RC__SET7, RC__SET6, RC__SET5, RC__SET4, RC__SET3, RC__SET2, RC__SET1, )        \
        (__VA_ARGS__) return made;                                                                                     \
    }()
#define RC__PICK(a, b, c, d, e, f, g, h, macro, ...) macro
#define RC__SET1(a) made a;
#define RC__SET2(a, ...) made a; RC__SET1(__VA_ARGS__)
#define RC__SET3(a, ...) made a; RC__SET2(__VA_ARGS__)
#define RC__SET4(a, ...) made a; RC__SET3(__VA_ARGS__)
#define RC__SET5(a, ...) made a; RC__SET4(__VA_ARGS__)
#define RC__SET6(a, ...) made a; RC__SET5(__VA_ARGS__)
#define RC__SET7(a, ...) made a; RC__SET6(__VA_ARGS__)
#define RC__SET8(a, ...) made a; RC__SET7(__VA_ARGS__)
#else
#define RC__TABLE(kind, table, title, T, ...) const kind table = {title, sizeof(T), __VA_ARGS__}
#endif

#define RC_API __attribute__((visibility("default")))

// The attributes that let `gcc -fanalyzer` follow a handle from the call that made it to the call that releases it.
// The idiom it understands: each handle has a variable of its own, the one that the call returned.
//
//     struct node *mine = rc_retain(theirs);     // not: rc_retain(theirs); ... rc_release(theirs);
//     rc_release(mine);
//
// Define RC_NO_ANALYZE where the idiom does not fit and the reports are noise. Define RC_ANALYZE to get the reports
// out of an optimized build too, where retain and release are otherwise inline and hidden from the analyzer.
#if !defined(RC_NO_ANALYZE) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define RC_RETURNS_HANDLE __attribute__((malloc(rc_release, 1)))
#else
#define RC_RETURNS_HANDLE
#endif

RC_BEGIN_DECLS

// The library's version, as the program runs with it: "0.1.0". Static storage.
RC_API const char *rc_version(void);

RC_END_DECLS

#endif

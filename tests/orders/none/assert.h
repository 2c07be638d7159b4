// SPDX-License-Identifier: MIT
// A step that GenMC takes is an operation of the library, none of an assertion.
#define assert(promise) ((void)0)

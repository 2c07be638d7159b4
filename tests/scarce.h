// SPDX-License-Identifier: MIT
// A heap whose memory runs out when a test says so.
//
//     struct rc_heap *heap = scarce_enter();
//     EACH_FAILURE(ok, rc_array_push(a, obj)) {     // allocation 1 of the call fails; then 2; ... then none
//         EXPECT(!ok && errno == ENOMEM);           // the body runs after each call that had an allocation refused
//         ... a is as it was ...
//     }
//     EXPECT(ok);                                   // the last one had its way
//     scarce_leave(heap);                           // nothing is left, and each block went back with its size
#ifndef TESTS_SCARCE_H
#define TESTS_SCARCE_H

#include <refcyc/refcyc.h>

struct rc_heap *scarce_enter(void);
void scarce_leave(struct rc_heap *heap);

// From here on allocation number [n] fails (0: none does), and all after it if [for_good].
void fail_allocation(size_t n, bool for_good);
// How many were refused since.
size_t refused(void);

#define EACH_FAILURE(ok, call)                                                                                         \
    bool ok;                                                                                                           \
    for (size_t nth_ = 1; fail_allocation(nth_, false), errno = 0, ok = (call), refused() > 0; nth_++)

// The same of a call that returns a pointer.
#define EACH_FAILURE_OF(p, call)                                                                                       \
    for (size_t nth_ = 1; fail_allocation(nth_, false), errno = 0, p = (call), refused() > 0; nth_++)

#endif

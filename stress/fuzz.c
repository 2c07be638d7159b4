// SPDX-License-Identifier: MIT
// The fuzz target: any string of bytes is a program of the oracle (program.h), and the oracle is the judge. For
// libFuzzer (make fuzz) and AFL++ (make fuzz-afl). Both begin with stress/corpus.
#include "program.h"
#include "random.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t program[PROGRAM_BYTES];
    if (size < HEADER_BYTES || size > PROGRAM_BYTES)
        return 0;
    memcpy(program, data, size);
    program[0] %= 7;               // small heaps
    program[1] &= (uint8_t)~TIMED; // the same each time
    program_run(program, size, false);
    return 0;
}

// Mostly leaves operations whole: takes one out, doubles one, puts one somewhere else, or changes bytes of one.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    uint64_t random = seed;
    if (size < HEADER_BYTES + OP_BYTES || random_below(&random, 4) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    uint32_t n = (uint32_t)((size - HEADER_BYTES) / OP_BYTES), kind = random_below(&random, 5);
    uint8_t *ops = data + HEADER_BYTES, *a = ops + random_below(&random, n) * OP_BYTES;
    uint8_t *b = ops + random_below(&random, n) * OP_BYTES, op[OP_BYTES];
    uint8_t *last = ops + (n - 1) * (size_t)OP_BYTES;
    memcpy(op, a, OP_BYTES);
    switch (kind) {
    case 0:
        memmove(a, a + OP_BYTES, (size_t)(last - a));
        return size - OP_BYTES;
    case 1:
    case 2: // [b] may be where [a] is
        if (size + OP_BYTES > max_size)
            return LLVMFuzzerMutate(data, size, max_size);
        memmove(b + OP_BYTES, b, (size_t)(last - b) + OP_BYTES);
        memcpy(b, op, OP_BYTES);
        if (kind == 2)
            b[random_below(&random, OP_BYTES)] = (uint8_t)random_next(&random);
        return HEADER_BYTES + (n + 1) * (size_t)OP_BYTES;
    case 3:
        memcpy(a, b, OP_BYTES);
        memcpy(b, op, OP_BYTES);
        return size;
    default:
        a[random_below(&random, OP_BYTES)] = (uint8_t)random_next(&random);
        return size;
    }
}

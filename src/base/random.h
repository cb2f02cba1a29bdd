/* random.h - the one generator of random numbers: SplitMix64.
 *
 * Source: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom
 * number generators", OOPSLA 2014. docs/policies.md states it again, so that
 * another program can reproduce a run. */
#ifndef KB_BASE_RANDOM_H
#define KB_BASE_RANDOM_H

#include <stdint.h>

struct kb_random {
    uint64_t state; /* starts as the seed */
};

static inline uint64_t kb_random_next(struct kb_random *random) {
    uint64_t z = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* The high 64 bits of a 128-bit product, without a 128-bit type. */
static inline uint64_t kb_multiply_high(uint64_t a, uint64_t b) {
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + ((a0 * b0) >> 32);
    uint64_t other = a0 * b1 + (uint32_t)middle;
    return a1 * b1 + (middle >> 32) + (other >> 32);
}

/* Uniform in 0 … n − 1 (its bias is below n / 2^64); n ≥ 1. */
static inline uint64_t kb_random_below(struct kb_random *random, uint64_t n) {
    return kb_multiply_high(kb_random_next(random), n);
}

/* Uniform in [0, 1): the high 53 bits. */
static inline double kb_random_unit(struct kb_random *random) {
    return (double)(kb_random_next(random) >> 11) * 0x1p-53;
}

#endif

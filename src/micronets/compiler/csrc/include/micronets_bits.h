/* Lengths and square roots of integers, which front ends and kernels share. The functions are static: sources include
 * them. */
#ifndef MICRONETS_BITS_H
#define MICRONETS_BITS_H

#include <stdint.h>

#include "micronets_target.h"

/* Returns how many bits a number has; 0 for 0. */
MICRONETS_INLINE int32_t bit_length(uint32_t value)
{
#ifdef MICRONETS_LEADING_ZEROS
    return value ? 32 - MICRONETS_LEADING_ZEROS(value) : 0;
#else
    int32_t bits = 0;
    for (; value; value >>= 1) {
        bits++;
    }
    return bits;
#endif
}

/* Returns the square root of a 32-bit number, rounded down; one of its upper two bits is set.
 *
 * It is found by Newton's method, from a line that is 6 % off at most: after two steps it is 1 too large at most. */
MICRONETS_INLINE uint32_t root_of_upper(uint32_t upper)
{
    uint32_t root = (upper >> 17) + (upper >> 19) + 24248u;
    root = (root + upper / root) >> 1;
    root = (root + upper / root) >> 1;
    return root - (root * root > upper);
}

#endif

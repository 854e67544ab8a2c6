/* Bit lengths and square roots of integers, shared by front ends and kernels. The functions are static; source files
 * include this header. */
#ifndef MICRONETS_BITS_H
#define MICRONETS_BITS_H

#include <stdint.h>

#include "micronets_target.h"

/* Returns the number of bits of a number; 0 for 0. */
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
 * It is found by Newton's method, starting from a linear approximation with an error of at most 6 %: after two steps it
 * is at most 1 too large. */
MICRONETS_INLINE uint32_t root_of_upper(uint32_t upper)
{
    uint32_t root = (upper >> 17) + (upper >> 19) + 24248u;
    root = (root + upper / root) >> 1;
    root = (root + upper / root) >> 1;
    return root - (root * root > upper);
}

#endif

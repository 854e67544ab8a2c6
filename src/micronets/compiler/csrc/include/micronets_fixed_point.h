/* The 32-bit fixed-point arithmetic of softmax and its logarithm: value = raw / 2^(31 - n), where n is the number of
 * integer bits. */
#ifndef MICRONETS_FIXED_POINT_H
#define MICRONETS_FIXED_POINT_H

#include <stdint.h>

#include "micronets_dsp.h"

/* Returns a * b / 2^31, rounded to nearest, halves upwards. */
static inline int32_t micronets_high_product(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* Returns value / 2^shift, rounded to nearest, halves away from zero; value: at least 0. shift: 1 .. 63. */
static inline int32_t micronets_shifted(int32_t value, int32_t shift)
{
#if MICRONETS_DSP
    return micronets_shift_add(value, shift, 0);
#else
    return shift > 31 ? 0 : (int32_t)(((int64_t)value + ((int64_t)1 << (shift - 1))) >> shift);
#endif
}

/* Returns `value` saturated to 32 bits. */
static inline int32_t micronets_saturated(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

/* Returns the number of leading zero bits of `value`; value: above 0. */
static inline int32_t micronets_leading_zeros(uint32_t value)
{
#if MICRONETS_DSP
    return micronets_zero_bits(value);
#else
    int32_t zeros = 0;
    for (; value < 0x80000000u; value *= 2u) {
        zeros++;
    }
    return zeros;
#endif
}

/* Returns 2^31 / (1 + a / 2^31) for a in 0 .. 2^31 - 1: three Newton-Raphson steps for the reciprocal of d = (1 + a /
 * 2^31) / 2, starting at 48/17 - 32/17 * d. The relative error of the start is at most 1/17, so that no step
 * saturates. */
static inline int32_t micronets_one_over_one_plus(int32_t a)
{
#if MICRONETS_DSP
    const int32_t doubled = (int32_t)(((uint32_t)a | 0x80000000u) & ~1u); /* 2 * half - 2^32 */
    int32_t x = 1515870810 + micronets_high_plus(-1010580540, doubled);
    for (int k = 0; k < 3; k++) {
        x += 4 * micronets_smmulr(x, 2 * ((1 << 29) - micronets_high_plus(x, doubled)));
    }
#else
    const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + micronets_high_product(half, -1010580540);
    for (int k = 0; k < 3; k++) {
        const int32_t error = ((int32_t)1 << 29) - micronets_high_product(half, x);
        x += 4 * micronets_high_product(x, error);
    }
#endif
    return x > INT32_MAX / 2 ? INT32_MAX : x * 2;
}

#endif

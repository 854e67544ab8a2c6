/* Fixed-point numbers of 32 bits, as softmax and its logarithm compute with them: value = raw / 2^(31 - n), where n is
 * the number of integer bits. */
#ifndef MICRONETS_FIXED_POINT_H
#define MICRONETS_FIXED_POINT_H

#include <stdint.h>

/* Returns a * b / 2^31, rounded to nearest, halves upwards. */
static inline int32_t micronets_high_product(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* Returns value / 2^shift, rounded to nearest, halves away from zero; value: at least 0. */
static inline int32_t micronets_shifted(int32_t value, int32_t shift)
{
    return shift > 31 ? 0 : (int32_t)(((int64_t)value + (((int64_t)1 << shift) >> 1)) >> shift);
}

/* Returns `value` saturated to 32 bits. */
static inline int32_t micronets_saturated(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

/* Returns 2^31 / (1 + a / 2^31) for a in 0 .. 2^31 - 1: three Newton-Raphson steps towards the reciprocal of d, half of
 * 1 + a / 2^31, which begin with 48/17 - 32/17 * d. */
static inline int32_t micronets_one_over_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + micronets_high_product(half, -1010580540);
    for (int k = 0; k < 3; k++) {
        const int32_t error = ((int32_t)1 << 29) - micronets_high_product(half, x);
        x += micronets_saturated((int64_t)micronets_high_product(x, error) * 4);
    }
    return x > INT32_MAX / 2 ? INT32_MAX : x * 2;
}

#endif

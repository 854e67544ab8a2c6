/* The natural logarithm of a sum of exponentials in fixed point, for the logarithm of softmax. */
#ifndef MICRONETS_LOGARITHM_H
#define MICRONETS_LOGARITHM_H

#include "micronets_fixed_point.h"
#include "micronets_target.h"

/* Returns value * 2^shift, saturated to 32 bits; shift: 0 .. 31. */
static inline int32_t micronets_raised(int32_t value, int32_t shift)
{
    const int32_t raised = (int32_t)((uint32_t)value << shift);
    return raised >> shift == value ? raised : value < 0 ? INT32_MIN : INT32_MAX;
}

/* Returns the natural logarithm, with 5 integer bits, of a number x of at least 1, which has 12 integer bits.
 *
 * x is written as z * 2^k in two ways, with z from one octave or from one half an octave apart, and the way with the
 * smaller z is taken; log(z), for z around 1, is a quotient of polynomials. */
MICRONETS_APART int32_t micronets_logarithm(int32_t x)
{
    const int32_t log_2 = 1488522236, root_half = 1518500250, fourth_root_half = 1805811301;
    const int32_t alpha_n = 117049297, alpha_d = 127690142, alpha_i = 1057819769, alpha_f = 638450708;
    const int32_t quarter = (int32_t)1 << 23; /* with 6 integer bits, as all exponents below */
    const int32_t zeros = micronets_leading_zeros((uint32_t)x),
                  other_zeros = micronets_leading_zeros((uint32_t)micronets_high_product(x, root_half)) - 1;
    const int32_t first = micronets_raised(micronets_high_product(micronets_raised(x, zeros - 1), root_half), 1);
    const int32_t first_power = micronets_saturated((int64_t)micronets_raised(12 - zeros, 25) + quarter);
    const int32_t second = micronets_raised(x, other_zeros);
    const int32_t second_power = micronets_saturated((int64_t)micronets_raised(12 - other_zeros, 25) - quarter);
    const int32_t r = first < second ? first : second;
    const int32_t power = first_power > second_power ? first_power : second_power;
    const int32_t half_sum = (int32_t)(((int64_t)r + fourth_root_half + 1) / 2);
    const int32_t q = (r - fourth_root_half) * 2, square = micronets_high_product(q, q);
    const int32_t numerator =
        micronets_high_product(q, r) + micronets_high_product(micronets_high_product(q, square), alpha_n);
    const int32_t inner = alpha_i + q + micronets_high_product(square, alpha_d);
    const int32_t denominator = micronets_high_product(half_sum, inner) + micronets_high_product(q, alpha_f);
    const int32_t part = numerator < 0 ? -micronets_shifted(-numerator, 6) : micronets_shifted(numerator, 6);
    const int32_t quotient = micronets_high_product(part, micronets_one_over_one_plus(denominator));
    return micronets_raised(micronets_high_product(power, log_2) + quotient, 1);
}

#endif

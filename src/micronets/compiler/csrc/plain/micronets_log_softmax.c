#include "micronets_fixed_point.h"
#include "micronets_requantize.h"

/* Returns how many bits in front of the first one of `value` are zero; value: above 0. */
static int32_t leading_zeros(int32_t value)
{
    int32_t zeros = 0;
    for (uint32_t rest = (uint32_t)value; rest < 0x80000000u; rest *= 2u) {
        zeros++;
    }
    return zeros;
}

/* Returns value * 2^shift, saturated to 32 bits; shift: 0 .. 31. */
static int32_t raised(int32_t value, int32_t shift)
{
    return micronets_saturated((int64_t)value * ((int64_t)1 << shift));
}

/* Returns the natural logarithm, with 5 integer bits, of a number x of at least 1, which has 12 integer bits.
 *
 * x is written as z * 2^k in two ways, with z from one octave or from one half an octave apart, and the way with the
 * smaller z is taken; log(z), for z around 1, is a quotient of polynomials. */
static int32_t logarithm(int32_t x)
{
    const int32_t log_2 = 1488522236, root_half = 1518500250, fourth_root_half = 1805811301;
    const int32_t alpha_n = 117049297, alpha_d = 127690142, alpha_i = 1057819769, alpha_f = 638450708;
    const int32_t quarter = (int32_t)1 << 23; /* with 6 integer bits, as all exponents below */
    const int32_t zeros = leading_zeros(x), other_zeros = leading_zeros(micronets_high_product(x, root_half)) - 1;
    const int32_t first = raised(micronets_high_product(raised(x, zeros - 1), root_half), 1);
    const int32_t first_power = micronets_saturated((int64_t)raised(12 - zeros, 25) + quarter);
    const int32_t second = raised(x, other_zeros);
    const int32_t second_power = micronets_saturated((int64_t)raised(12 - other_zeros, 25) - quarter);
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
    return raised(micronets_high_product(power, log_2) + quotient, 1);
}

MICRONETS_SMALL
void micronets_log_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, const int32_t *differences,
                           int32_t entries, int32_t multiplier, int32_t shift, int32_t rows, int32_t columns)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        int32_t top = -128, total = 0;
        for (int32_t i = 0; i < columns; i++) {
            top = input[i] > top ? input[i] : top;
        }
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            total += d < entries ? micronets_shifted(exponentials[d], 12) : 0;
        }
        const int32_t log_sum = logarithm(total);
        const int32_t least = micronets_multiply(log_sum + INT32_MIN, multiplier, shift);
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            int32_t code = -128;
            if (d < entries && -d > least) {
                code = 127 - micronets_shifted(log_sum - differences[d], 22);
            }
            output[i] = (int8_t)micronets_clamp(code, -128, 127);
        }
    }
}

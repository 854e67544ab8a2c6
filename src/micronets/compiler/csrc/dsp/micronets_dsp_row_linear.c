#include "micronets_dsp.h"
#include "micronets_row_linear_code.h"

#if MICRONETS_DSP && !MICRONETS_MVE

/* Writes four codes, saturated.
 *
 * a, b: [in] four codes each. output: [out] four codes. factor_a, factor_b: the factors of both operands. first: 2^16
 * times (128 plus the result, not rounded, of two codes of 0). */
MICRONETS_INLINE void quad(const int8_t *a, const int8_t *b, int8_t *output, int32_t factor_a, int32_t factor_b,
                           int32_t first)
{
    const uint32_t x = micronets_load4(a), y = micronets_load4(b), upper = 0xff00ff00u;
    /* Each half of a word holds a code times 256, so that smlawb, which drops 16 bits of the product, drops 8 of it. */
    const micronets_pair x_even = x << 8 & upper, x_odd = x & upper, y_even = y << 8 & upper, y_odd = y & upper;
    const int32_t s0 = micronets_smlawb(factor_b, y_even, micronets_smlawb(factor_a, x_even, first));
    const int32_t s1 = micronets_smlawb(factor_b, y_odd, micronets_smlawb(factor_a, x_odd, first));
    const int32_t s2 = micronets_smlawt(factor_b, y_even, micronets_smlawt(factor_a, x_even, first));
    const int32_t s3 = micronets_smlawt(factor_b, y_odd, micronets_smlawt(factor_a, x_odd, first));
    micronets_store4(output, micronets_saturate4(micronets_upper_halves(s0, s2), micronets_upper_halves(s1, s3)));
}

void micronets_row_linear(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                          const micronets_add_params *n)
{
    const int32_t factor_a = n->a.multiplier, factor_b = n->b.multiplier, first = n->sum.multiplier + (128 << 16);
    const int32_t lowest = n->lowest + n->sum.zero_point, highest = n->highest + n->sum.zero_point;
    int8_t *const start = output;
    const int8_t *const eights = a + (count & ~7), *const end = a + count;
    for (; a != eights; a += 8, b += 8, output += 8) {
        quad(a, b, output, factor_a, factor_b, first);
        quad(a + 4, b + 4, output + 4, factor_a, factor_b, first);
    }
    for (; a != end; a++, b++, output++) {
        *output = micronets_linear_code(*a, *b, n);
    }
    if (lowest > -128 || highest < 127) {
        micronets_clamp_quads(start, count & ~7, lowest, highest);
    }
}

#endif

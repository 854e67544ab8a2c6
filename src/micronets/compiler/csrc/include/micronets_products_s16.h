/* Sums of products of int16 codes and int8 weights, for four filters at a time. */
#ifndef MICRONETS_PRODUCTS_S16_H
#define MICRONETS_PRODUCTS_S16_H

#include "micronets_dsp.h"

/* The number of products of 16 and 8 bits whose sum always fits 32 bits; a multiple of four. */
#define MICRONETS_PRODUCTS_AT_ONCE 256

/* Sets sums[k] to the sum of the products of codes with the weights of filter k, for k = 0 .. 3.
 *
 * x: [in] `count` codes. w: [in] 4 * count weights: for every four codes those of the first filter, then those of the
 * others, each in the order first, third, second, fourth, so that pairs of weights match pairs of codes. count: a
 * multiple of four, at least 4. sums: [out] one for each filter. */
MICRONETS_APART void micronets_products_s16(const int16_t *x, const int8_t *w, int32_t count, int64_t *sums)
{
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    while (count > 0) {
        const int32_t part = count < MICRONETS_PRODUCTS_AT_ONCE ? count : MICRONETS_PRODUCTS_AT_ONCE;
        const int16_t *const end = x + part;
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (; x != end; x += 4, w += 16) {
#if MICRONETS_DSP
            const micronets_pair low = micronets_load4((const int8_t *)(const void *)x);
            const micronets_pair high = micronets_load4((const int8_t *)(const void *)(x + 2));
            const uint32_t a = micronets_load4(w), b = micronets_load4(w + 4);
            s0 = micronets_smlad(high, micronets_odd(a), micronets_smlad(low, micronets_even(a), s0));
            s1 = micronets_smlad(high, micronets_odd(b), micronets_smlad(low, micronets_even(b), s1));
            const uint32_t c = micronets_load4(w + 8), d = micronets_load4(w + 12);
            s2 = micronets_smlad(high, micronets_odd(c), micronets_smlad(low, micronets_even(c), s2));
            s3 = micronets_smlad(high, micronets_odd(d), micronets_smlad(low, micronets_even(d), s3));
#else
            s0 += x[0] * w[0] + x[1] * w[2] + x[2] * w[1] + x[3] * w[3];
            s1 += x[0] * w[4] + x[1] * w[6] + x[2] * w[5] + x[3] * w[7];
            s2 += x[0] * w[8] + x[1] * w[10] + x[2] * w[9] + x[3] * w[11];
            s3 += x[0] * w[12] + x[1] * w[14] + x[2] * w[13] + x[3] * w[15];
#endif
        }
        sums[0] += s0;
        sums[1] += s1;
        sums[2] += s2;
        sums[3] += s3;
        count -= part;
    }
}

#endif

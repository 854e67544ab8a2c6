/* Sums of products of int16 codes and int8 weights. */
#ifndef MICRONETS_PRODUCTS_S16_H
#define MICRONETS_PRODUCTS_S16_H

#include "micronets_dsp.h"

/* How many products of 16 and 8 bits fit a sum of 32 bits for certain. */
#define MICRONETS_PRODUCTS_AT_ONCE 256

/* Adds to sums[k] the products of codes with the weights at w + k * pitch, over `count` values, for k = 0 .. filters -
 * 1.
 *
 * x: [in] `count` codes. w: [in] `count` weights of the first filter. pitch: weights from a filter's to the next one's.
 * count: at least 0. filters: 1 .. 4. sums: [in, out] one for each filter. */
MICRONETS_APART void micronets_products_s16(const int16_t *x, const int8_t *w, int32_t pitch, int32_t count,
                                            int32_t filters, int64_t *sums)
{
    while (count > 0) {
        const int32_t part = count < MICRONETS_PRODUCTS_AT_ONCE ? count : MICRONETS_PRODUCTS_AT_ONCE;
        int32_t s[4] = {0, 0, 0, 0}, i = 0;
#if MICRONETS_DSP
        if (filters == 4) {
            const int8_t *const w2 = w + 2 * pitch;
            int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (; i + 4 <= part; i += 4) {
                const uint32_t low = micronets_load4((const int8_t *)(const void *)(x + i));
                const uint32_t high = micronets_load4((const int8_t *)(const void *)(x + i + 2));
                const micronets_pair even = (low & 0xffffu) | high << 16, odd = low >> 16 | (high & 0xffff0000u);
                const uint32_t a = micronets_load4(w + i), b = micronets_load4(w + pitch + i);
                const uint32_t c = micronets_load4(w2 + i), d = micronets_load4(w2 + pitch + i);
                s0 = micronets_smlad(odd, micronets_odd(a), micronets_smlad(even, micronets_even(a), s0));
                s1 = micronets_smlad(odd, micronets_odd(b), micronets_smlad(even, micronets_even(b), s1));
                s2 = micronets_smlad(odd, micronets_odd(c), micronets_smlad(even, micronets_even(c), s2));
                s3 = micronets_smlad(odd, micronets_odd(d), micronets_smlad(even, micronets_even(d), s3));
            }
            s[0] = s0;
            s[1] = s1;
            s[2] = s2;
            s[3] = s3;
        }
#endif
        for (; i < part; i++) {
            for (int32_t k = 0; k < filters; k++) {
                s[k] += x[i] * w[k * pitch + i];
            }
        }
        for (int32_t k = 0; k < filters; k++) {
            sums[k] += s[k];
        }
        x += part;
        w += part;
        count -= part;
    }
}

#endif

/* Sums of products of micronets_conv_any, the convolution for any weights. */
#ifndef MICRONETS_CONV_ANY_PRODUCTS_H
#define MICRONETS_CONV_ANY_PRODUCTS_H

#include "micronets_dsp.h"

/* Adds to sums[k] the products of (x - zero) with (weights at w + k * pitch) - w_zero, over `count` values, for k =
 * 0 .. filters - 1.
 *
 * x: [in] `count` input codes. zero, w_zero: zero points, -128 .. 127. w: [in] `count` weights of the first filter.
 * pitch: bytes between the weights of adjacent filters. count: at least 0. filters: 1 .. 4. sums: [in, out] one for
 * each filter. */
MICRONETS_APART void micronets_conv_any_products(const int8_t *x, int32_t zero, const int8_t *w, int32_t w_zero,
                                                 int32_t pitch, int32_t count, int32_t filters, int32_t *sums)
{
    int32_t i = 0;
#if MICRONETS_DSP
    if (filters == 4) {
        const micronets_pair offset = micronets_pack2(-zero, -zero), w_offset = micronets_pack2(-w_zero, -w_zero);
        const int8_t *w2 = w + 2 * pitch;
        int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
        for (; i + 4 <= count; i += 4) {
            const uint32_t v = micronets_load4(x + i);
            const micronets_pair even = micronets_even_plus(offset, v), odd = micronets_odd_plus(offset, v);
            const uint32_t a = micronets_load4(w + i), b = micronets_load4(w + pitch + i);
            const uint32_t c = micronets_load4(w2 + i), d = micronets_load4(w2 + pitch + i);
            s0 = micronets_smlad(odd, micronets_odd_plus(w_offset, a),
                                 micronets_smlad(even, micronets_even_plus(w_offset, a), s0));
            s1 = micronets_smlad(odd, micronets_odd_plus(w_offset, b),
                                 micronets_smlad(even, micronets_even_plus(w_offset, b), s1));
            s2 = micronets_smlad(odd, micronets_odd_plus(w_offset, c),
                                 micronets_smlad(even, micronets_even_plus(w_offset, c), s2));
            s3 = micronets_smlad(odd, micronets_odd_plus(w_offset, d),
                                 micronets_smlad(even, micronets_even_plus(w_offset, d), s3));
        }
        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
    }
#endif
    for (; i < count; i++) {
        for (int32_t k = 0; k < filters; k++) {
            sums[k] += (x[i] - zero) * (w[k * pitch + i] - w_zero);
        }
    }
}

#endif

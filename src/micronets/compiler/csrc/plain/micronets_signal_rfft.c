#include "micronets_kernels.h"
#include "micronets_pairs.h"
#include "micronets_spectrum.h"

/* Returns the complex number whose parts are two samples; those beyond the last one are 0.
 *
 * even: whether a row has an even number of samples. */
MICRONETS_INLINE complex16 number_at(const int16_t *samples, int32_t size, int32_t even, int32_t index)
{
    if (2 * index + 1 < size) {
        return even ? micronets_pair_at(samples + 2 * index)
                    : micronets_pack2(samples[2 * index], samples[2 * index + 1]);
    }
    return 2 * index < size ? micronets_pack2(samples[2 * index], 0) : 0;
}

/* The first stage, of radix 4 or 2, whose factors are 1. It takes numbers in digit-reversed order to base 4. Returns
 * the radix. */
MICRONETS_INLINE int32_t first_stage(const int16_t *samples, int32_t size, complex16 *z, int32_t points)
{
    const int32_t even = !(size & 1);
    int32_t radix = 4;
    for (int32_t left = points; left > 1; left /= 4) {
        radix = left == 2 ? 2 : 4;
    }
    const int32_t step = points / radix;
    for (int32_t group = 0; group < step; group++, z += radix) {
        int32_t from = 0;
        for (int32_t digits = group, place = 1; place < step; place *= 4, digits /= 4) {
            from = 4 * from + (digits & 3);
        }
        if (radix == 2) {
            const complex16 a = complex_scaled(number_at(samples, size, even, from), COMPLEX_HALF);
            const complex16 b = complex_scaled(number_at(samples, size, even, from + step), COMPLEX_HALF);
            z[0] = complex_plus(a, b);
            z[1] = complex_minus(a, b);
        } else {
            complex_butterfly(z, 1, complex_scaled(number_at(samples, size, even, from), COMPLEX_QUARTER),
                              complex_scaled(number_at(samples, size, even, from + step), COMPLEX_QUARTER),
                              complex_scaled(number_at(samples, size, even, from + 2 * step), COMPLEX_QUARTER),
                              complex_scaled(number_at(samples, size, even, from + 3 * step), COMPLEX_QUARTER));
        }
    }
    return radix;
}

void micronets_signal_rfft(const int16_t *input, uint32_t *output, const uint32_t *twiddles, const uint32_t *split,
                           int32_t rows, int32_t size, int32_t points)
{
    for (; rows > 0; rows--, input += size, output += points + 1) {
        complex_stages(output, points, first_stage(input, size, output, points), twiddles);
        const complex16 first = complex_scaled(output[0], COMPLEX_HALF);
        const complex16 turned = complex_low_and_high(first >> 16, first << 16); /* its parts change places */
        output[0] = complex_plus(first, turned) & 0xFFFFu;
        output[points] = complex_minus(first, turned) & 0xFFFFu;
        for (int32_t k = 1; k <= points / 2; k++) {
            complex16 bin = output[k], mirror = output[points - k];
            complex_split(&bin, &mirror, split[k - 1]);
            output[k] = bin;
            output[points - k] = mirror;
        }
    }
}

#include "micronets_dsp_rows.h"

#if MICRONETS_DSP && !MICRONETS_MVE

/* Computes whole groups of four codes, where the scales suit, and returns how many codes it has computed. */
static int32_t quads(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    if (!micronets_dsp_fits_upper(&n->sum)) {
        return 0;
    }
    const micronets_dsp_upper scale = micronets_dsp_upper_of(&n->sum);
    const micronets_pair offset_a = micronets_dsp_offset(&n->a), offset_b = micronets_dsp_offset(&n->b);
    const int32_t lowest = n->lowest + n->sum.zero_point, highest = n->highest + n->sum.zero_point;
    const int32_t done = count & ~3;
    for (int32_t i = 0; i < done; i += 4) {
        const micronets_dsp_four x = micronets_dsp_load(a + i, offset_a), y = micronets_dsp_load(b + i, offset_b);
        micronets_store4(output + i, micronets_dsp_products(x.even, x.odd, y.even, y.odd, scale));
    }
    if (lowest > -128 || highest < 127) {
        micronets_clamp_quads(output, done, lowest, highest);
    }
    return done;
}

void micronets_row_mul(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    for (int32_t i = quads(a, b, output, count, n); i < count; i++) {
        output[i] = micronets_mul_codes(a[i], b[i], n);
    }
}

#endif

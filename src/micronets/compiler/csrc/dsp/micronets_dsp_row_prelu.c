#include "micronets_dsp_rows.h"

#if MICRONETS_DSP

/* How a value of at least 0 becomes 2^16 * (its output code + 128). */
typedef struct {
    micronets_pair left; /* a power of two in each half, by which they are multiplied first */
    int32_t multiplier;  /* 2^30 .. 2^31 - 1 */
    int32_t factor;      /* 2^16 / 2^shift */
    int32_t first;       /* 2^16 * (zero point + 128), and half a unit to round */
} positive_scale;

/* Returns 2^16 * (output code of a value + 128); shifted: the value times the power of two. */
MICRONETS_INLINE int32_t positive_code(int32_t shifted, positive_scale scale)
{
    return micronets_smmulr(shifted, scale.multiplier) * scale.factor + scale.first;
}

/* Computes whole groups of four codes, where the scales suit, and returns how many codes it has computed. */
static int32_t quads(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    const int32_t shift = n->a.shift;
    if (!micronets_dsp_fits_upper(&n->sum) || n->a.multiplier == 0 || shift > 6 || shift < -16) {
        return 0;
    }
    const micronets_dsp_upper product = micronets_dsp_upper_of(&n->sum);
    const int32_t left = 2 << (shift > 0 ? shift : 0);
    const positive_scale scale = {micronets_pack2(left, left), n->a.multiplier, 1 << (16 + (shift < 0 ? shift : 0)),
                                  product.first};
    const micronets_pair offset_a = micronets_dsp_offset(&n->a), offset_b = micronets_dsp_offset(&n->b);
    const uint32_t zero_a = MICRONETS_REPEAT4(n->a.zero_point);
    const int32_t lowest = n->lowest + n->sum.zero_point, highest = n->highest + n->sum.zero_point;
    const int32_t done = count & ~3;
    for (int32_t i = 0; i < done; i += 4) {
        const micronets_dsp_four x = micronets_dsp_load(a + i, offset_a), y = micronets_dsp_load(b + i, offset_b);
        const int32_t p0 = positive_code(micronets_smulbb(x.even, scale.left), scale);
        const int32_t p1 = positive_code(micronets_smulbb(x.odd, scale.left), scale);
        const int32_t p2 = positive_code(micronets_smultt(x.even, scale.left), scale);
        const int32_t p3 = positive_code(micronets_smultt(x.odd, scale.left), scale);
        const uint32_t positive = micronets_saturate4(micronets_upper_halves(p0, p2), micronets_upper_halves(p1, p3));
        const uint32_t negative = micronets_dsp_products(x.even, x.odd, y.even, y.odd, product);
        micronets_store4(output + i, micronets_choose4(micronets_load4(a + i), zero_a, positive, negative));
    }
    if (lowest > -128 || highest < 127) {
        micronets_clamp_quads(output, done, lowest, highest);
    }
    return done;
}

void micronets_row_prelu(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    for (int32_t i = quads(a, b, output, count, n); i < count; i++) {
        output[i] = micronets_prelu_codes(a[i], b[i], n);
    }
}

#endif

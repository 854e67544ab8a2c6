#include "micronets_dsp_rows.h"

#if MICRONETS_DSP

/* How two codes become the code of their squared difference. The operand of the larger scale is called x: its scale is
 * half that of the common scale, so that it is multiplied by a power of two. The other operand is y. */
typedef struct {
    int32_t multiplier;          /* of y, 2^30 .. 2^31 - 1 */
    int32_t shift;               /* right shift of y, 0 .. 31 */
    micronets_dsp_result result; /* of the square */
    int32_t zero;                /* zero point of the output, plus 128 */
} square_scale;

/* Returns the code of a squared difference plus 128, saturated to 0 .. 255.
 *
 * y: 2^8 times y on the common scale before its shift, and half a unit. minus_x: -x on the common scale. */
MICRONETS_INLINE uint32_t code_of(int32_t y, int32_t minus_x, square_scale n)
{
    const int32_t difference = micronets_round_add(y >> 8, n.shift, minus_x);
    const int32_t high = micronets_high_plus(difference * difference, n.result.multiplier);
    return micronets_saturate_byte((uint32_t)micronets_shift_add(high, n.result.shift, n.zero));
}

/* Returns whether an operand may be x. */
static int32_t is_halved(const micronets_add_operand *operand)
{
    return operand->multiplier == 1 << 30 && operand->shift == 0;
}

/* Computes whole groups of four codes, where the scales suit, and returns how many codes it has computed. */
static int32_t quads(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    const int32_t swapped = !is_halved(&n->a);
    const micronets_add_operand *const of_x = swapped ? &n->b : &n->a, *const of_y = swapped ? &n->a : &n->b;
    if (!is_halved(of_x) || of_y->multiplier == 0 || of_y->shift > 0 || !micronets_dsp_shrinks(&n->sum)) {
        return 0;
    }
    const square_scale scale = {of_y->multiplier, -of_y->shift, micronets_dsp_result_of(&n->sum),
                                n->sum.zero_point + 128};
    const micronets_pair offset_x = micronets_dsp_offset(of_x), offset_y = micronets_dsp_offset(of_y);
    const int32_t step = -(1 << (MICRONETS_SQUARE_BITS - 1)), half = 1 << 7;
    const micronets_pair steps = micronets_pack2(step, step);
    const int8_t *x_codes = swapped ? b : a, *y_codes = swapped ? a : b;
    const int32_t lowest = n->lowest + n->sum.zero_point, highest = n->highest + n->sum.zero_point;
    const int32_t done = count & ~3;
    for (int32_t i = 0; i < done; i += 4, x_codes += 4, y_codes += 4) {
        const micronets_dsp_four x = micronets_dsp_load(x_codes, offset_x), y = micronets_dsp_load(y_codes, offset_y);
        const int32_t m = scale.multiplier;
        const uint32_t v0 = code_of(micronets_smlawb(m, y.even, half), micronets_smulbb(x.even, steps), scale);
        const uint32_t v1 = code_of(micronets_smlawb(m, y.odd, half), micronets_smulbb(x.odd, steps), scale);
        const uint32_t v2 = code_of(micronets_smlawt(m, y.even, half), micronets_smultt(x.even, steps), scale);
        const uint32_t v3 = code_of(micronets_smlawt(m, y.odd, half), micronets_smultt(x.odd, steps), scale);
        micronets_store4(output + i, micronets_codes4(v0, v1, v2, v3));
    }
    if (lowest > -128 || highest < 127) {
        micronets_clamp_quads(output, done, lowest, highest);
    }
    return done;
}

void micronets_row_squared_difference(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                                      const micronets_add_params *n)
{
    for (int32_t i = quads(a, b, output, count, n); i < count; i++) {
        output[i] = micronets_squared_difference_codes(a[i], b[i], n);
    }
}

#endif

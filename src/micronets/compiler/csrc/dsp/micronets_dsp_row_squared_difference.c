#include "micronets_dsp_rows.h"

#if MICRONETS_DSP

/* Computes whole groups of four codes, where the scales suit, and returns how many codes it has computed. */
static int32_t quads(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    if (!micronets_dsp_scales(&n->a, MICRONETS_SQUARE_BITS) || !micronets_dsp_scales(&n->b, MICRONETS_SQUARE_BITS) ||
        !micronets_dsp_shrinks(&n->sum)) {
        return 0;
    }
    const micronets_dsp_operand scale_a = micronets_dsp_operand_of(&n->a, MICRONETS_SQUARE_BITS);
    const micronets_dsp_operand scale_b = micronets_dsp_operand_of(&n->b, MICRONETS_SQUARE_BITS);
    const micronets_dsp_result result = micronets_dsp_result_of(&n->sum);
    const micronets_pair offset_a = micronets_dsp_offset(&n->a), offset_b = micronets_dsp_offset(&n->b);
    const int32_t zero = n->sum.zero_point;
    const uint32_t lowest = MICRONETS_REPEAT4(n->lowest + zero), highest = MICRONETS_REPEAT4(n->highest + zero);
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const micronets_dsp_four x = micronets_dsp_load(a + i, offset_a), y = micronets_dsp_load(b + i, offset_b);
        const int32_t d0 = micronets_dsp_on_grid(micronets_low_half(x.even), scale_a) -
                           micronets_dsp_on_grid(micronets_low_half(y.even), scale_b);
        const int32_t d1 = micronets_dsp_on_grid(micronets_low_half(x.odd), scale_a) -
                           micronets_dsp_on_grid(micronets_low_half(y.odd), scale_b);
        const int32_t d2 = micronets_dsp_on_grid(micronets_high_half(x.even), scale_a) -
                           micronets_dsp_on_grid(micronets_high_half(y.even), scale_b);
        const int32_t d3 = micronets_dsp_on_grid(micronets_high_half(x.odd), scale_a) -
                           micronets_dsp_on_grid(micronets_high_half(y.odd), scale_b);
        const int32_t v0 = micronets_dsp_code(d0 * d0, result, zero);
        const int32_t v1 = micronets_dsp_code(d1 * d1, result, zero);
        const int32_t v2 = micronets_dsp_code(d2 * d2, result, zero);
        const int32_t v3 = micronets_dsp_code(d3 * d3, result, zero);
        micronets_store4(output + i, micronets_clamp4(micronets_pack4(v0, v1, v2, v3), lowest, highest));
    }
    return i;
}

void micronets_row_squared_difference(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                                      const micronets_add_params *n)
{
    for (int32_t i = quads(a, b, output, count, n); i < count; i++) {
        output[i] = micronets_squared_difference_codes(a[i], b[i], n);
    }
}

#endif

#include "micronets_dsp_rows.h"

#if MICRONETS_DSP

/* Computes whole groups of four codes, where the scales suit, and returns how many codes it has computed. */
static int32_t quads(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    if (!micronets_dsp_scales(&n->a, 0) || !micronets_dsp_shrinks(&n->sum)) {
        return 0;
    }
    const micronets_dsp_operand scale = micronets_dsp_operand_of(&n->a, 0);
    const micronets_dsp_result result = micronets_dsp_result_of(&n->sum);
    const micronets_pair offset_a = micronets_dsp_offset(&n->a), offset_b = micronets_dsp_offset(&n->b);
    const int32_t zero = n->sum.zero_point;
    const uint32_t lowest = MICRONETS_REPEAT4(n->lowest + zero), highest = MICRONETS_REPEAT4(n->highest + zero);
    int32_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const micronets_dsp_four x = micronets_dsp_load(a + i, offset_a), y = micronets_dsp_load(b + i, offset_b);
        const micronets_pair values[4] = {x.even, x.odd, x.even >> 16, x.odd >> 16};
        const micronets_pair slopes[4] = {y.even, y.odd, y.even >> 16, y.odd >> 16};
        int32_t codes[4];
        for (int32_t k = 0; k < 4; k++) {
            const int32_t value = micronets_low_half(values[k]);
            codes[k] = value >= 0 ? micronets_saturate(micronets_dsp_on_grid(value, scale) + zero)
                                  : micronets_dsp_code(micronets_smlabb(values[k], slopes[k], 0), result, zero);
        }
        const uint32_t four = micronets_pack4(codes[0], codes[1], codes[2], codes[3]);
        micronets_store4(output + i, micronets_clamp4(four, lowest, highest));
    }
    return i;
}

void micronets_row_prelu(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    for (int32_t i = quads(a, b, output, count, n); i < count; i++) {
        output[i] = micronets_prelu_codes(a[i], b[i], n);
    }
}

#endif

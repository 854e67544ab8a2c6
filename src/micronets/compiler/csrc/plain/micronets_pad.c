#include "micronets_bytes.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP
/* Writes pixels with channels around theirs, whole words of each, and returns the end of the target.
 *
 * target: [out] the pixels. input: [in] their values. pixels: how many there are. n: [in] the channels. */
MICRONETS_APART int8_t *pad_words(int8_t *target, const int8_t *input, int32_t pixels, const micronets_pad_params *n)
{
    const uint32_t four = MICRONETS_REPEAT4(n->value);
    const int32_t before = n->before[2], inside = before + n->in_shape[2], row = inside + n->after[2];
    for (; pixels > 0; pixels--) {
        int32_t i = 0;
        for (; i < before; i += 4) {
            micronets_store4(target + i, four);
        }
        for (; i < inside; i += 4, input += 4) {
            micronets_store4(target + i, micronets_load4(input));
        }
        for (; i < row; i += 4) {
            micronets_store4(target + i, four);
        }
        target += row;
    }
    return target;
}
#endif

MICRONETS_SMALL
void micronets_pad(const int8_t *input, int8_t *output, const micronets_pad_params *params)
{
    const micronets_pad_params *const n = params;
    const int32_t inside = n->in_shape[2], before = n->before[2], after = n->after[2], row = before + inside + after;
    const int32_t above = n->before[1], below = n->after[1], plane = (above + n->in_shape[1] + below) * row;
    output = micronets_fill_words(output, n->value, n->before[0] * plane);
    for (int32_t i = n->in_shape[0]; i > 0; i--) {
        output = micronets_fill_words(output, n->value, above * row);
#if MICRONETS_DSP
        if (((before | inside | after) & 3) == 0) {
            output = pad_words(output, input, n->in_shape[1], n);
            input += n->in_shape[1] * inside;
            output = micronets_fill_words(output, n->value, below * row);
            continue;
        }
#endif
        for (int32_t j = n->in_shape[1]; j > 0; j--) {
            output = micronets_copy_forward(micronets_fill_words(output, n->value, before), input, inside);
            output = micronets_fill_words(output, n->value, after);
            input += inside;
        }
        output = micronets_fill_words(output, n->value, below * row);
    }
    micronets_fill_words(output, n->value, n->after[0] * plane);
}

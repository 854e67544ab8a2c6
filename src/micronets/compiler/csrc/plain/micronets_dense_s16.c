#include "micronets_conv_any_products.h"
#include "micronets_dot_by4.h"
#include "micronets_requantize.h"

/* Returns the code of a sum of packed weights with its bias. */
MICRONETS_INLINE int16_t code_s16(int32_t total, int32_t multiplier, int32_t shift)
{
#if MICRONETS_DSP
    const int32_t high = micronets_high_plus(total, multiplier);
    return (int16_t)micronets_saturate16(micronets_shift_add(high + (high >> 31), -shift, 0));
#else
    const int32_t value = micronets_multiply(total, (int32_t)((uint32_t)multiplier >> 1), shift);
    return (int16_t)micronets_clamp(value, -32768, 32767);
#endif
}

/* Multiplies a vector by weights that are single bytes. */
static void multiply_bytes(const int8_t *input, int16_t *output, const micronets_matrix *m)
{
    const int8_t *weights = (const int8_t *)m->weights;
    for (int32_t f = 0; f < m->outputs; f += 4, weights += 4 * m->inputs) {
        const int32_t count = m->outputs - f < 4 ? m->outputs - f : 4;
        int32_t sums[4] = {0, 0, 0, 0};
        micronets_conv_any_products(input, 0, weights, 0, m->inputs, m->inputs, count, sums);
        for (int32_t k = 0; k < count; k++) {
            const int32_t total = (int32_t)((uint32_t)sums[k] + (uint32_t)m->bias[f + k]);
            output[f + k] = (int16_t)micronets_clamp(micronets_multiply(total, m->multiplier, m->shift), -32768, 32767);
        }
    }
}

void micronets_dense_s16(const int8_t *input, int16_t *output, const micronets_matrix *matrix)
{
    if (!matrix->packed) {
        multiply_bytes(input, output, matrix);
        return;
    }
    const uint32_t *weights = (const uint32_t *)matrix->weights;
    const int32_t inputs = matrix->inputs, multiplier = matrix->multiplier, shift = matrix->shift, *bias = matrix->bias;
    for (int32_t left = matrix->outputs; left > 0; left -= 4) {
        int32_t sums[4];
        weights = micronets_dot_by4(input, weights, inputs, sums);
        if (left >= 4) {
            output[0] = code_s16(sums[0] + bias[0], multiplier, shift);
            output[1] = code_s16(sums[1] + bias[1], multiplier, shift);
            output[2] = code_s16(sums[2] + bias[2], multiplier, shift);
            output[3] = code_s16(sums[3] + bias[3], multiplier, shift);
            output += 4;
            bias += 4;
        }
        for (int32_t k = 0; k < left && left < 4; k++) {
            output[k] = code_s16(sums[k] + bias[k], multiplier, shift);
        }
    }
}

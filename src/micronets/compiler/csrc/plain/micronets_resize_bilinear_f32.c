#include "micronets_kernels.h"

void micronets_resize_bilinear_f32(const float *input, float *output, const int32_t *rows, const float *row_weights,
                                   int32_t row_count, const int32_t *columns, const float *column_weights,
                                   int32_t column_count, int32_t channels)
{
    for (int32_t r = 0; r < row_count; r++) {
        const float *const upper = input + rows[2 * r], *const lower = input + rows[2 * r + 1];
        const float down = row_weights[r];
        for (int32_t c = 0; c < column_count; c++) {
            const int32_t left = columns[2 * c], right = columns[2 * c + 1];
            const float across = column_weights[c];
            for (int32_t k = 0; k < channels; k++) {
                /* Each product is rounded by itself, not with a sum. */
                const volatile float upper_left = upper[left + k] * (1.0f - down) * (1.0f - across);
                const volatile float lower_left = lower[left + k] * down * (1.0f - across);
                const volatile float upper_right = upper[right + k] * (1.0f - down) * across;
                const volatile float lower_right = lower[right + k] * down * across;
                *output++ = upper_left + lower_left + upper_right + lower_right + 0.0f;
            }
        }
    }
}

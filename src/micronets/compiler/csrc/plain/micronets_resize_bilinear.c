#include "micronets_kernels.h"

void micronets_resize_bilinear(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count,
                               const int32_t *columns, int32_t column_count, int32_t channels)
{
    for (int32_t r = 0; r < row_count; r++) {
        const int8_t *const upper = input + rows[3 * r], *const lower = input + rows[3 * r + 1];
        const int32_t below = rows[3 * r + 2], above = 1024 - below;
        for (int32_t c = 0; c < column_count; c++) {
            const int32_t left = columns[3 * c], right = columns[3 * c + 1];
            const int32_t after = columns[3 * c + 2], before = 1024 - after;
            const int32_t weights[4] = {above * before, above * after, below * before, below * after};
            for (int32_t i = 0; i < channels; i++) {
                const int32_t sum = upper[left + i] * weights[0] + upper[right + i] * weights[1] +
                                    lower[left + i] * weights[2] + lower[right + i] * weights[3];
                *output++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
            }
        }
    }
}

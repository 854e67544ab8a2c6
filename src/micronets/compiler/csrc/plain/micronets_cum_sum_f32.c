#include "micronets_kernels.h"

void micronets_cum_sum_f32(const float *input, float *output, int32_t rows, int32_t count, int32_t columns,
                           int32_t exclusive, int32_t reverse)
{
    const int32_t step = reverse ? -columns : columns, first = reverse ? (count - 1) * columns : 0;
    for (int32_t row = 0; row < rows; row++, input += count * columns, output += count * columns) {
        for (int32_t c = 0; c < columns; c++) {
            float total = 0.0f;
            int32_t at = first + c;
            for (int32_t i = 0; i < count; i++, at += step) {
                const float before = total;
                total += input[at];
                output[at] = exclusive ? before : total;
            }
        }
    }
}

#include "micronets_total.h"

void micronets_cum_sum(const int8_t *input, int8_t *output, int32_t rows, int32_t count, int32_t columns,
                       int32_t exclusive, int32_t reverse, const micronets_total *params)
{
    const int32_t zero = params->zero_in, step = reverse ? -columns : columns;
    const int32_t first = reverse ? (count - 1) * columns : 0;
    for (int32_t row = 0; row < rows; row++, input += count * columns, output += count * columns) {
        for (int32_t c = 0; c < columns; c++) {
            int32_t total = -zero, at = first + c;
            for (int32_t i = 0; i < count; i++, at += step) {
                const int32_t before = total;
                total += input[at] - zero;
                output[at] = micronets_total_code(exclusive ? before : total, params);
            }
        }
    }
}

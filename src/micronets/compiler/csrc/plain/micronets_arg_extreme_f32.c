#include "micronets_kernels.h"

void micronets_arg_extreme_f32(const float *input, int32_t *output, int32_t rows, int32_t count, int32_t columns,
                               int32_t smallest)
{
    for (int32_t row = 0; row < rows; row++, input += count * columns) {
        for (int32_t c = 0; c < columns; c++) {
            const float *value = input + c;
            float extreme = *value;
            int32_t found = 0;
            for (int32_t i = 1; i < count; i++) {
                value += columns;
                if (smallest ? *value < extreme : *value > extreme) {
                    extreme = *value;
                    found = i;
                }
            }
            *output++ = found;
        }
    }
}

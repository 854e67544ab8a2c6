#include "micronets_kernels.h"
#include "micronets_over_root.h"
#include "micronets_requantize.h"

void micronets_l2_normalization(const int8_t *input, int8_t *output, int32_t rows, int32_t columns, int32_t zero_point)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        int32_t sum = 0;
        for (int32_t i = 0; i < columns; i++) {
            const int32_t offset = input[i] - zero_point;
            sum += offset * offset;
        }
        const micronets_scaled length = micronets_over_root(sum);
        for (int32_t i = 0; i < columns; i++) {
            const int32_t code = micronets_multiply(input[i] - zero_point, length.multiplier, length.shift + 7);
            output[i] = (int8_t)micronets_clamp(code, -128, 127);
        }
    }
}

#include "micronets_kernels.h"
#include "micronets_root.h"

void micronets_l2_normalization_f32(const float *input, float *output, int32_t rows, int32_t columns)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        float sum = 0.0f;
        for (int32_t i = 0; i < columns; i++) {
            const volatile float square = input[i] * input[i]; /* rounded by itself, not with the sum */
            sum += square;
        }
        const float root = micronets_root(sum), length = root < 1e-6f ? 1e-6f : root;
        for (int32_t i = 0; i < columns; i++) {
            output[i] = input[i] / length;
        }
    }
}

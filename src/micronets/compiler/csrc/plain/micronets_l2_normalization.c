#include "micronets_fixed_point.h"
#include "micronets_kernels.h"
#include "micronets_requantize.h"

/* A number in [0.5, 1) with 31 fractional bits, times 2^shift. */
typedef struct {
    int32_t multiplier, shift;
} scaled;

/* Returns 1 / sqrt(value), by five Newton-Raphson steps; value: at least 0, and 0 counts as 1. */
static scaled one_over_root(int32_t value)
{
    const int32_t three_halves = ((int32_t)1 << 28) + ((int32_t)1 << 27);
    scaled result = {INT32_MAX, 0};
    if (value <= 1) {
        return result;
    }
    int32_t right = 11;
    for (; value >= (int32_t)1 << 29; value /= 4) {
        right++;
    }
    for (; value < (int32_t)1 << 27; value *= 4) {
        right--;
    }
    const int32_t real = value / 2, half = micronets_shifted(real, 1); /* with three integer bits */
    int32_t x = (int32_t)1 << 28;
    for (int k = 0; k < 5; k++) {
        const int32_t cube = micronets_high_product(micronets_high_product(x, x), x);
        const int32_t step = micronets_high_product(half, micronets_saturated((int64_t)cube * 64));
        x = micronets_saturated(((int64_t)micronets_high_product(three_halves, x) - step) * 8);
    }
    result.multiplier = micronets_high_product(x, 1518500250); /* times the half of the root of 2 */
    result.shift = -right;
    if (right < 0) {
        result.multiplier = (int32_t)((uint32_t)result.multiplier << -right);
        result.shift = 0;
    }
    return result;
}

void micronets_l2_normalization(const int8_t *input, int8_t *output, int32_t rows, int32_t columns, int32_t zero_point)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        int32_t sum = 0;
        for (int32_t i = 0; i < columns; i++) {
            const int32_t offset = input[i] - zero_point;
            sum += offset * offset;
        }
        const scaled length = one_over_root(sum);
        for (int32_t i = 0; i < columns; i++) {
            const int32_t code = micronets_multiply(input[i] - zero_point, length.multiplier, length.shift + 7);
            output[i] = (int8_t)micronets_clamp(code, -128, 127);
        }
    }
}

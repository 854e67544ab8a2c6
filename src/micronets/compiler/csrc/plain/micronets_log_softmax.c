#include "micronets_logarithm.h"
#include "micronets_requantize.h"

#if !MICRONETS_DSP

MICRONETS_SMALL
void micronets_log_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, const int32_t *differences,
                           int32_t entries, int32_t multiplier, int32_t shift, int32_t rows, int32_t columns)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        int32_t top = -128, total = 0;
        for (int32_t i = 0; i < columns; i++) {
            top = input[i] > top ? input[i] : top;
        }
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            total += d < entries ? micronets_shifted(exponentials[d], 12) : 0;
        }
        const int32_t log_sum = micronets_logarithm(total);
        const int32_t least = micronets_multiply(log_sum + INT32_MIN, multiplier, shift);
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            int32_t code = -128;
            if (d < entries && -d > least) {
                code = 127 - micronets_shifted(log_sum - differences[d], 22);
            }
            output[i] = (int8_t)micronets_clamp(code, -128, 127);
        }
    }
}

#endif

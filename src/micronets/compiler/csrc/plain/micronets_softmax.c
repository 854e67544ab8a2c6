#include "micronets_fixed_point.h"
#include "micronets_kernels.h"
#include "micronets_target.h"

MICRONETS_SMALL
void micronets_softmax(const int8_t *input, int8_t *output, const int32_t *exponentials, int32_t entries, int32_t rows,
                       int32_t columns)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        int32_t top = -128;
        for (int32_t i = 0; i < columns; i++) {
            top = input[i] > top ? input[i] : top;
        }
        uint32_t total = 0;
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            total += d < entries ? (uint32_t)micronets_shifted(exponentials[d], 12) : 0u;
        }
        int32_t zeros = 0; /* leading zeros of the total, which is at least 2^19 */
        while (total < 0x80000000u) {
            total *= 2u;
            zeros++;
        }
        const int32_t reciprocal = micronets_one_over_one_plus((int32_t)(total - 0x80000000u));
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            const int32_t p =
                d < entries ? micronets_shifted(micronets_high_product(reciprocal, exponentials[d]), 35 - zeros) : 0;
            output[i] = (int8_t)(p > 255 ? 127 : p - 128);
        }
    }
}

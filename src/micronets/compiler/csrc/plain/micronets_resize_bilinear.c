#include "micronets_bilinear.h"
#include "micronets_kernels.h"

#if !MICRONETS_DSP

void micronets_resize_bilinear(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count,
                               const int32_t *columns, int32_t column_count, int32_t channels)
{
    for (int32_t r = 0; r < row_count; r++, rows += 3) {
        const int8_t *const upper = input + rows[0], *const lower = input + rows[1];
        for (int32_t c = 0; c < column_count; c++, output += channels) {
            micronets_bilinear_pixel(upper, lower, output, rows[2], columns + 3 * c, channels);
        }
    }
}

#endif

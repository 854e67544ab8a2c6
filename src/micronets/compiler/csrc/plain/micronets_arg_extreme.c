#include "micronets_kernels.h"
#include "micronets_target.h"

#if !MICRONETS_DSP

void micronets_arg_extreme(const int8_t *input, int32_t *output, int32_t rows, int32_t count, int32_t columns,
                           int32_t flip)
{
    for (int32_t row = 0; row < rows; row++, input += count * columns) {
        for (int32_t c = 0; c < columns; c++) {
            const int8_t *value = input + c;
            int32_t found = 0, largest = *value ^ flip;
            for (int32_t i = 1; i < count; i++) {
                value += columns;
                const int32_t flipped = *value ^ flip;
                if (flipped > largest) {
                    largest = flipped;
                    found = i;
                }
            }
            *output++ = found;
        }
    }
}

#endif

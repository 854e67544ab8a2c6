#include "micronets_kernels.h"

void micronets_signal_window(const int16_t *input, int16_t *output, const int16_t *window, int32_t rows, int32_t size,
                             int32_t shift)
{
    for (; rows > 0; rows--, input += size, output += size) {
        for (int32_t i = 0; i < size; i++) {
            const int32_t value = (input[i] * window[i]) >> shift;
            output[i] = (int16_t)(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
        }
    }
}

#include "micronets_requantize.h"

#if !MICRONETS_DSP

void micronets_mean(const int8_t *input, int8_t *output, int32_t pixels, int32_t channels,
                    const micronets_requant *requant)
{
    for (int32_t c = 0; c < channels; c++) {
        int32_t sum = 0;
        for (int32_t p = 0; p < pixels; p++) {
            sum += input[p * channels + c];
        }
        output[c] = micronets_requantize(sum, requant, 0);
    }
}

#endif

#include "micronets_bands.h"
#include "micronets_kernels.h"

void micronets_signal_log(const uint32_t *input, int16_t *output, const uint16_t *logarithms, int32_t shift,
                          int32_t scale, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const uint32_t value = logarithm_of(logarithms, input[i] << shift, (uint32_t)scale);
        output[i] = (int16_t)(value < 32767u ? value : 32767u);
    }
}

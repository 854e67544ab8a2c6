#include "micronets_bands.h"
#include "micronets_kernels.h"

void micronets_signal_gain(const uint32_t *input, const uint32_t *noise, uint32_t *output, const int16_t *gains,
                           int32_t shift, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const uint32_t gain = (uint32_t)(int32_t)(int16_t)(uint16_t)gain_of(gains, noise[i]);
        output[i] = shrunk_ratio((uint32_t)(((uint64_t)input[i] * gain) >> shift));
    }
}

#include "micronets_bits.h"
#include "micronets_kernels.h"

void micronets_signal_scale(const int16_t *input, int16_t *output, int32_t *bits, int32_t count)
{
    int32_t largest = 0, up = 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = input[i];
        if (value > largest) {
            largest = value;
        } else if (-value > largest) {
            largest = value == -32768 ? -32768 : -value; /* as TFLM, whose magnitudes have 16 bits */
        }
    }
    if (largest > 0) {
        up = 15 - bit_length((uint32_t)largest);
    }
    for (int32_t i = 0; i < count; i++) {
        output[i] = (int16_t)(uint16_t)((uint32_t)(uint16_t)input[i] << up);
    }
    *bits = up;
}

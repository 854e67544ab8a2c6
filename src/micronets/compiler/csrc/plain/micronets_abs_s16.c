#include "micronets_requantize.h"

void micronets_abs_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t code = input[i];
        const int32_t value = micronets_multiply(code < 0 ? -code : code, multiplier, shift);
        output[i] = (int16_t)micronets_clamp(value, -32768, 32767);
    }
}

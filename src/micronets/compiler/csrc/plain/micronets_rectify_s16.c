#include "micronets_requantize.h"

void micronets_rectify_s16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t shift,
                           int32_t slope, int32_t slope_shift, int32_t negative)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t code = input[i];
        int32_t value = micronets_multiply(code, code < 0 ? slope : multiplier, code < 0 ? slope_shift : shift);
        value = code < 0 && negative ? -value : value;
        output[i] = (int16_t)micronets_clamp(value, -32768, 32767);
    }
}

#include "micronets_requantize.h"

void micronets_clamp_s16(const int16_t *input, int16_t *output, int32_t count, int32_t lowest, int32_t highest)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = (int16_t)micronets_clamp(input[i], lowest, highest);
    }
}

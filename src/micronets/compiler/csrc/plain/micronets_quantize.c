#include "micronets_requantize.h"

void micronets_quantize(const float *input, int8_t *output, int32_t count, float scale, int32_t zero_point,
                        int32_t lowest, int32_t highest)
{
    for (int32_t i = 0; i < count; i++) {
        float value = input[i] / scale;
        if (!(value < 1024.0f && value > -1024.0f)) { /* beyond all codes, which keeps the conversion defined */
            value = value >= 1024.0f ? 1024.0f : value <= -1024.0f ? -1024.0f : 0.0f; /* 0 for what is no number */
        }
        /* The nearest integer, halves away from zero, is half of what twice the value is rounded to towards zero. */
        const int32_t twice = (int32_t)(value + value);
        output[i] = (int8_t)micronets_clamp(((twice + 1 + (twice >> 31)) >> 1) + zero_point, lowest, highest);
    }
}

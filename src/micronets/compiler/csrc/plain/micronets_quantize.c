#include "micronets_requantize.h"

void micronets_quantize(const float *input, int8_t *output, int32_t count, float scale, int32_t zero_point,
                        int32_t lowest, int32_t highest)
{
    for (int32_t i = 0; i < count; i++) {
        float value = input[i] / scale;
        value = value > 1024.0f ? 1024.0f : value; /* beyond all codes; keeps the conversion to an integer defined */
        value = value < -1024.0f ? -1024.0f : value;
        if (value != value) { /* not a number */
            value = 0.0f;
        }
        int32_t whole = (int32_t)value;
        const float rest = value - (float)whole;
        whole += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
        output[i] = (int8_t)micronets_clamp(whole + zero_point, lowest, highest);
    }
}

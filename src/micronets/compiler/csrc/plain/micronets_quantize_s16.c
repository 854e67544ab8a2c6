#include "micronets_requantize.h"

void micronets_quantize_s16(const float *input, int16_t *output, int32_t count, float scale, int32_t zero_point,
                            int32_t lowest, int32_t highest)
{
    for (int32_t i = 0; i < count; i++) {
        float value = input[i] / scale;
        value = value > 131072.0f ? 131072.0f : value; /* beyond all codes; keeps the conversion defined */
        value = value < -131072.0f ? -131072.0f : value;
        if (value != value) { /* not a number */
            value = 0.0f;
        }
        int32_t whole = (int32_t)value;
        const float rest = value - (float)whole;
        whole += rest >= 0.5f ? 1 : rest <= -0.5f ? -1 : 0;
        output[i] = (int16_t)micronets_clamp(whole + zero_point, lowest, highest);
    }
}

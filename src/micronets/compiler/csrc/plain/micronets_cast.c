#include "micronets_values.h"

/* Returns a float rounded towards 0 and clamped to 32 bits; 0 for NaN. */
static int32_t whole(float value)
{
    if (value != value) {
        return 0;
    }
    return value >= 2147483648.0f ? INT32_MAX : value <= -2147483648.0f ? INT32_MIN : (int32_t)value;
}

void micronets_cast(const void *input, micronets_type in, void *output, micronets_type out, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (in == MICRONETS_FLOAT32 && out == MICRONETS_FLOAT32) {
            ((float *)output)[i] = ((const float *)input)[i];
        } else if (in == MICRONETS_FLOAT32 && out == MICRONETS_BOOL) {
            ((uint8_t *)output)[i] = ((const float *)input)[i] != 0.0f;
        } else if (in == MICRONETS_FLOAT32) {
            micronets_store(output, out, i, whole(((const float *)input)[i]));
        } else if (in == MICRONETS_UINT32 && out == MICRONETS_FLOAT32) {
            ((float *)output)[i] = (float)((const uint32_t *)input)[i];
        } else if (out == MICRONETS_FLOAT32) {
            ((float *)output)[i] = (float)micronets_load(input, in, i);
        } else {
            micronets_store(output, out, i, micronets_load(input, in, i));
        }
    }
}

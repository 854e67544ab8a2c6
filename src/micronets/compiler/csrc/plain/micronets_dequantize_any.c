#include "micronets_values.h"

void micronets_dequantize_any(const void *input, micronets_type type, float *output, int32_t count, float scale,
                              int32_t zero_point)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = scale * (float)(micronets_load(input, type, i) - zero_point);
    }
}

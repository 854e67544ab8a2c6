#include "micronets_kernels.h"

void micronets_add_n_f32(const int8_t *arena, const int32_t *parts, int32_t part_count, float *output, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        float total = 0.0f;
        for (int32_t p = 0; p < part_count; p++) {
            total += ((const float *)(const void *)(arena + parts[p]))[i];
        }
        output[i] = total;
    }
}

#include "micronets_total.h"

void micronets_add_n(const int8_t *arena, const int32_t *parts, int32_t part_count, int8_t *output, int32_t count,
                     const micronets_total *params)
{
    for (int32_t i = 0; i < count; i++) {
        int32_t total = -params->zero_in;
        for (int32_t p = 0; p < part_count; p++) {
            total += arena[parts[p] + i] - params->zero_in;
        }
        output[i] = micronets_total_code(total, params);
    }
}

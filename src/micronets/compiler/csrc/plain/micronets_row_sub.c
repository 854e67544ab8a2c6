#include "micronets_operands.h"

void micronets_row_sub(const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b, int8_t *output, int32_t count,
                       const micronets_add_params *n)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t x = micronets_add_scale((*a - n->a.zero_point) * (1 << 20), &n->a);
        const int32_t y = micronets_add_scale((*b - n->b.zero_point) * (1 << 20), &n->b);
        const int32_t value = micronets_add_scale(x - y, &n->sum);
        output[i] = (int8_t)(micronets_clamp(value, n->lowest, n->highest) + n->sum.zero_point);
        a += step_a;
        b += step_b;
    }
}

#include "micronets_operands.h"

void micronets_row_mul(const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b, int8_t *output, int32_t count,
                       const micronets_add_params *n)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = micronets_add_scale((*a - n->a.zero_point) * (*b - n->b.zero_point), &n->sum);
        output[i] = (int8_t)(micronets_clamp(value, n->lowest, n->highest) + n->sum.zero_point);
        a += step_a;
        b += step_b;
    }
}

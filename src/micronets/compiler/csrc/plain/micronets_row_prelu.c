#include "micronets_operands.h"

void micronets_row_prelu(const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b, int8_t *output,
                         int32_t count, const micronets_add_params *n)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t x = *a - n->a.zero_point;
        const int32_t value =
            x >= 0 ? micronets_add_scale(x, &n->a) : micronets_add_scale(x * (*b - n->b.zero_point), &n->sum);
        output[i] = (int8_t)(micronets_clamp(value, n->lowest, n->highest) + n->sum.zero_point);
        a += step_a;
        b += step_b;
    }
}

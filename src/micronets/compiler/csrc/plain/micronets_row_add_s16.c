#include "micronets_operands_s16.h"

void micronets_row_add_s16(const int16_t *a, int32_t step_a, const int16_t *b, int32_t step_b, int16_t *output,
                           int32_t count, const micronets_operands_s16 *n)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = micronets_result_s16(micronets_on_grid_s16(*a, &n->a) + micronets_on_grid_s16(*b, &n->b), n);
        a += step_a;
        b += step_b;
    }
}

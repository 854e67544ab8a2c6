#include "micronets_operands_s16.h"

void micronets_row_squared_difference_s16(const int16_t *a, int32_t step_a, const int16_t *b, int32_t step_b,
                                          int16_t *output, int32_t count, const micronets_operands_s16 *n)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t difference = micronets_scaled(*a, &n->a) - micronets_scaled(*b, &n->b);
        output[i] = micronets_result_s16(difference * difference, n);
        a += step_a;
        b += step_b;
    }
}

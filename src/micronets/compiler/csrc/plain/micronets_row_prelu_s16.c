#include "micronets_operands_s16.h"

void micronets_row_prelu_s16(const int16_t *a, int32_t step_a, const int16_t *b, int32_t step_b, int16_t *output,
                             int32_t count, const micronets_operands_s16 *n)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t rising = micronets_clamp(micronets_scaled(*a, &n->a), n->lowest, n->highest);
        output[i] = *a >= 0 ? (int16_t)rising : micronets_result_s16(*a * *b, n);
        a += step_a;
        b += step_b;
    }
}

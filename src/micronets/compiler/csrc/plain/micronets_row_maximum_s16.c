#include "micronets_kernels.h"

void micronets_row_maximum_s16(const int16_t *a, int32_t step_a, const int16_t *b, int32_t step_b, int16_t *output,
                               int32_t count, const micronets_operands_s16 *n)
{
    (void)n;
    for (int32_t i = 0; i < count; i++) {
        output[i] = *a > *b ? *a : *b;
        a += step_a;
        b += step_b;
    }
}

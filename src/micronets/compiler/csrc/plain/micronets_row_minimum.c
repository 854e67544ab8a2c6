#include "micronets_kernels.h"

void micronets_row_minimum(const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b, int8_t *output,
                           int32_t count, const micronets_add_params *n)
{
    (void)n;
    for (int32_t i = 0; i < count; i++) {
        const int8_t x = *a, y = *b;
        output[i] = x < y ? x : y;
        a += step_a;
        b += step_b;
    }
}

#include "micronets_operands.h"

void micronets_row_add(const int8_t *a, int32_t step_a, const int8_t *b, int32_t step_b, int8_t *output, int32_t count,
                       const micronets_add_params *n)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = micronets_add_codes(*a, *b, n);
        a += step_a;
        b += step_b;
    }
}

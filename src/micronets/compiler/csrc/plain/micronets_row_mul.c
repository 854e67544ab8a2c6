#include "micronets_operands.h"

#if !MICRONETS_DSP && !MICRONETS_MVE

void micronets_row_mul(const int8_t *a, const int8_t *b, int8_t *output, int32_t count, const micronets_add_params *n)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = micronets_mul_codes(a[i], b[i], n);
    }
}

#endif

#include "micronets_kernels.h"
#include "micronets_target.h"

#if !MICRONETS_DSP

void micronets_row_maximum(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                           const micronets_add_params *n)
{
    (void)n;
    for (int32_t i = 0; i < count; i++) {
        const int8_t x = a[i], y = b[i];
        output[i] = x > y ? x : y;
    }
}

#endif

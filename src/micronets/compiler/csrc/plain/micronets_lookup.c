#include "micronets_kernels.h"
#include "micronets_target.h"

#if !MICRONETS_DSP && !MICRONETS_MVE

void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = table[input[i] + 128];
    }
}

#endif

#include "micronets_dsp.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

void micronets_row_maximum(const int8_t *a, const int8_t *b, int8_t *output, int32_t count,
                           const micronets_add_params *n)
{
    (void)n;
    for (; count >= 8; count -= 8, a += 8, b += 8, output += 8) {
        const uint32_t a0 = micronets_load4(a), b0 = micronets_load4(b);
        const uint32_t a1 = micronets_load4(a + 4), b1 = micronets_load4(b + 4);
        micronets_store4(output, micronets_max4(a0, b0));
        micronets_store4(output + 4, micronets_max4(a1, b1));
    }
    for (; count > 0; count--) {
        const int8_t x = *a++, y = *b++;
        *output++ = x > y ? x : y;
    }
}

#endif

#include "micronets_kernels.h"

#if !MICRONETS_DSP

/* Without the DSP extension no kernel is faster than the one for any window. */
void micronets_depthwise_3x3_s1_relu(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count)
{
    micronets_depthwise_any(pass, output, rows, count);
}

#endif

#include "micronets_kernels.h"

#if !MICRONETS_DSP

/* Without the DSP extension there is no quicker way than that for any window. */
void micronets_rows_3x3_2(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count)
{
    micronets_rows_any(strip, output, rows, count);
}

#endif

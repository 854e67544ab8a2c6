#include "micronets_dsp_lines_3x3.h"

#if MICRONETS_DSP

void micronets_rows_3x3_relu(const micronets_strip *strip, int8_t *output, int32_t rows, int32_t count)
{
    micronets_lines_3x3(strip, output, rows, count, 1);
}

#endif

#include "micronets_dsp_depthwise_lines_3x3_s1.h"

#if MICRONETS_DSP

void micronets_depthwise_3x3_s1(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count)
{
    micronets_depthwise_lines_3x3_s1(pass, output, rows, count, 0);
}

#endif

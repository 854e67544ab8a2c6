#include "micronets_dsp_depthwise_lines_3x3_s2.h"

#if MICRONETS_DSP

void micronets_depthwise_3x3_s2_relu(const micronets_depthwise_pass *pass, int8_t *output, int32_t rows, int32_t count)
{
    micronets_depthwise_lines_3x3_s2(pass, output, rows, count, 1);
}

#endif

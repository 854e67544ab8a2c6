#include "micronets_depthwise_two_lines_pass.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_depthwise_two_lines_s2_straight(const struct micronets_depthwise_two_lines_pass *pass)
{
    micronets_depthwise_two_lines_pass_of(pass, 2, 1);
}

#endif

#include "micronets_depthwise_two_lines_pass.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_depthwise_two_lines_s1_straight(const struct micronets_depthwise_two_lines_pass *pass)
{
    micronets_depthwise_two_lines_pass_of(pass, 1, 1);
}

#endif

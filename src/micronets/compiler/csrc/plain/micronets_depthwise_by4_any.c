#include "micronets_depthwise_by4_pass.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_depthwise_by4_any(struct micronets_depthwise_by4_pass *n)
{
    micronets_depthwise_by4_lines(n);
}

#endif

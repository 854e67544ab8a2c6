#include "micronets_fours.h"

#if !MICRONETS_DSP_ASSEMBLY

void micronets_fours_3x3_relu(struct micronets_four *n)
{
    micronets_four_lines(n);
}

#endif

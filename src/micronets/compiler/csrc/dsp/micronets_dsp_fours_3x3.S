/* void micronets_fours_3x3(struct micronets_four *four), for outputs of any zero point. */
#define KERNEL micronets_fours_3x3
#define RELU 0
#include "micronets_dsp_fours_3x3.inc"

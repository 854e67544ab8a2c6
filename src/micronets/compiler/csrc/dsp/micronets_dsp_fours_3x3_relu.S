/* void micronets_fours_3x3_relu(struct micronets_four *four), for outputs whose zero point is -128. */
#define KERNEL micronets_fours_3x3_relu
#define RELU 1
#include "micronets_dsp_fours_3x3.inc"

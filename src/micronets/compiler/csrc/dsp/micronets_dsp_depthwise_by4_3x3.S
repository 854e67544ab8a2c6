/* void micronets_depthwise_by4_3x3(struct micronets_depthwise_by4_pass *pass), for outputs of any zero point. */
#define KERNEL micronets_depthwise_by4_3x3
#define RELU 0
#include "micronets_dsp_depthwise_by4_3x3.inc"

/* void micronets_depthwise_by4_3x3_relu(struct micronets_depthwise_by4_pass *pass), for outputs whose zero point
 * is -128. */
#define KERNEL micronets_depthwise_by4_3x3_relu
#define RELU 1
#include "micronets_dsp_depthwise_by4_3x3.inc"

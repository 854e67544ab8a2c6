/* void micronets_depthwise_two_lines_s1_relu(const struct micronets_depthwise_two_lines_pass *pass), for a stride
 * of 1 and outputs whose zero point is -128. */
#define KERNEL micronets_depthwise_two_lines_s1_relu
#define STRIDE 1
#define RELU 1
#include "micronets_dsp_depthwise_two_lines.inc"

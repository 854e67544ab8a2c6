/* void micronets_depthwise_two_lines_s2(const struct micronets_depthwise_two_lines_pass *pass), for a stride of 2. */
#define KERNEL micronets_depthwise_two_lines_s2
#define STRIDE 2
#define STRAIGHT 0
#include "micronets_dsp_depthwise_two_lines.inc"

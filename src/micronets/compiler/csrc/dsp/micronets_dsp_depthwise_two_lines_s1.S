/* void micronets_depthwise_two_lines_s1(const struct micronets_depthwise_two_lines_pass *pass), for a stride of 1. */
#define KERNEL micronets_depthwise_two_lines_s1
#define STRIDE 1
#define STRAIGHT 0
#include "micronets_dsp_depthwise_two_lines.inc"

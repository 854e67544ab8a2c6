/* void micronets_depthwise_two_lines_s2_straight(const struct micronets_depthwise_two_lines_pass *pass), for a stride
 * of 2 and straight tables. */
#define KERNEL micronets_depthwise_two_lines_s2_straight
#define STRIDE 2
#define STRAIGHT 1
#include "micronets_dsp_depthwise_two_lines.inc"

/* void micronets_depthwise_two_lines_s1_straight(const struct micronets_depthwise_two_lines_pass *pass), for a stride
 * of 1 and straight tables. */
#define KERNEL micronets_depthwise_two_lines_s1_straight
#define STRIDE 1
#define STRAIGHT 1
#include "micronets_dsp_depthwise_two_lines.inc"

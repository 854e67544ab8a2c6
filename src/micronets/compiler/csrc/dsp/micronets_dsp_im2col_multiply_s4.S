/* void micronets_im2col_multiply_s4(const micronets_im2col_block *block, int8_t *output, int32_t pitch), for 4-bit
 * weights. */
#define KERNEL micronets_im2col_multiply_s4
#define FOUR_BITS 1
#include "micronets_dsp_im2col_multiply.inc"

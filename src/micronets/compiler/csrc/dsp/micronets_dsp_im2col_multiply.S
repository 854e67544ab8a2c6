/* void micronets_im2col_multiply(const micronets_im2col_block *block, int8_t *output, int32_t pitch), for 8-bit
 * weights. */
#define KERNEL micronets_im2col_multiply
#define FOUR_BITS 0
#include "micronets_dsp_im2col_multiply.inc"

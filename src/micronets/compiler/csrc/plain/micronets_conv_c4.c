#include "micronets_im2col_multiply.h"

#define MICRONETS_FOUR_BITS 0
#define MICRONETS_ODD_FILTERS 0
#include "micronets_conv_c4.inc"

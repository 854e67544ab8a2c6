#include "micronets_conv_c4_im2col.h"
#include "micronets_im2col_multiply.h"
#include "micronets_odd_multiply.h"

#define MICRONETS_FOUR_BITS 0
#define MICRONETS_ODD_FILTERS 1
#include "micronets_conv_1x1.inc"

#include "micronets_im2col_multiply_s4.h"

#define MICRONETS_FOUR_BITS 1
#define MICRONETS_ODD_FILTERS 0
#include "micronets_conv.inc"

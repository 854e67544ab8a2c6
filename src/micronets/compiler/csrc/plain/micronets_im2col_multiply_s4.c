#include "micronets_im2col_multiply_s4.h"

#define MICRONETS_FOUR_BITS 1
#include "micronets_im2col_multiply.inc"

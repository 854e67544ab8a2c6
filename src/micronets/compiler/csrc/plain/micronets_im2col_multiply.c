#include "micronets_im2col_multiply.h"

#define MICRONETS_FOUR_BITS 0
#include "micronets_im2col_multiply.inc"

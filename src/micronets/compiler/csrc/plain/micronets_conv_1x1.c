#define MICRONETS_ODD_FILTERS 0
#include "micronets_conv_1x1.inc"

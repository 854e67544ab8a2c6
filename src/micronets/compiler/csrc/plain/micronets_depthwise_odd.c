#define MICRONETS_ODD_CHANNELS 1
#include "micronets_depthwise.inc"

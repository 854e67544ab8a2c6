#define MICRONETS_ODD_CHANNELS 0
#include "micronets_depthwise.inc"

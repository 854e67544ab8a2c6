#define MICRONETS_SOFTMAX micronets_softmax_s16
#define MICRONETS_CODE int16_t
#define MICRONETS_CODE_BITS 16
#include "micronets_softmax_kernel.h"

#define MICRONETS_SOFTMAX micronets_softmax
#define MICRONETS_CODE int8_t
#define MICRONETS_CODE_BITS 8
#include "micronets_softmax_kernel.h"

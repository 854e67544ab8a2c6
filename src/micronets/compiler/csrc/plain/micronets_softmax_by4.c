#include "micronets_kernels.h"
#include "micronets_target.h"

#if !MICRONETS_DSP

#define MICRONETS_SOFTMAX micronets_softmax_by4
#define MICRONETS_CODE int8_t
#define MICRONETS_CODE_BITS 8
#include "micronets_softmax_kernel.h"

#endif

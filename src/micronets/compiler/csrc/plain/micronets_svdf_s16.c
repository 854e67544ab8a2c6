#define MICRONETS_SVDF micronets_svdf_s16
#define MICRONETS_AGED_SUM micronets_aged_sum_s16
#define MICRONETS_KEPT int16_t
#define MICRONETS_WORD_PRODUCTS(A, B, SUM) micronets_smlad(A, B, SUM)
#include "micronets_svdf_kernel.h"

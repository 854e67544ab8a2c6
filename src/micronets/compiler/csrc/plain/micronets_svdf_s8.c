#define MICRONETS_SVDF micronets_svdf_s8
#define MICRONETS_AGED_SUM micronets_aged_sum_s8
#define MICRONETS_KEPT int8_t
#define MICRONETS_WORD_PRODUCTS(A, B, SUM) \
    micronets_smlad(micronets_odd(A), micronets_odd(B), micronets_smlad(micronets_even(A), micronets_even(B), SUM))
#include "micronets_svdf_kernel.h"

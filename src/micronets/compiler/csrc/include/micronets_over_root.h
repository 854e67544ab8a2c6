/* Reciprocal square roots of integers, in integer arithmetic. */
#ifndef MICRONETS_OVER_ROOT_H
#define MICRONETS_OVER_ROOT_H

#include <stdint.h>

/* A number in [0.5, 1) with 31 fractional bits, times 2^shift. */
typedef struct {
    int32_t multiplier, shift;
} micronets_scaled;

/* Returns 1 / sqrt(value), by five Newton-Raphson steps; value: at least 0, and 0 counts as 1. */
micronets_scaled micronets_over_root(int32_t value);

#endif

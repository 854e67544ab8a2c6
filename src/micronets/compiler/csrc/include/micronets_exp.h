/* The exponential of float32, computed in integers: every core computes the same bits. */
#ifndef MICRONETS_EXP_H
#define MICRONETS_EXP_H

/* Returns e^x, rounded to nearest except for one value in some millions; NaN for NaN. */
float micronets_exp(float x);

#endif

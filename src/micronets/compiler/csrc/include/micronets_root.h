/* The square root of float32, computed in integers: every core computes the same bits. */
#ifndef MICRONETS_ROOT_H
#define MICRONETS_ROOT_H

/* Returns the square root of x, rounded to nearest; NaN if x is negative. */
float micronets_root(float x);

#endif

/* The square root of float32, computed in integers: every core gives the same bits. */
#ifndef MICRONETS_ROOT_H
#define MICRONETS_ROOT_H

/* Returns the square root of x, rounded to nearest; what is not a number where x is negative. */
float micronets_root(float x);

#endif

/* A pixel of a depthwise convolution, for cores that multiply eight pairs of 16-bit values at once.
 *
 * Weights come eight channels at a time: for each tap of the window there are eight bytes, one for each channel. Of
 * each eight channels, the tables of the requantisation have the four even ones first, then the odd ones. */
#ifndef MICRONETS_DEPTHWISE_LANES_H
#define MICRONETS_DEPTHWISE_LANES_H

#include "micronets_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the taps of a window lie: how many rows and columns it has, and the bytes from one to the next. */
typedef struct {
    int32_t rows, columns, row, column;
} micronets_tap_steps;

/* Computes all channels of a pixel.
 *
 * x: [in] the first channel of the first tap. output: [out] `channels` codes; one of them may lie over a tap of the
 * same channel, or of one before it. weights: [in] bytes in the order described at the top of this file. channels: a
 * multiple of eight. requant: [in] packed or plain tables in that order, with a multiplier for each channel. */
void micronets_depthwise_pixel(const micronets_tap_steps *steps, const int8_t *x, int8_t *output, const int8_t *weights,
                               int32_t channels, const micronets_requant *requant);

#ifdef __cplusplus
}
#endif

#endif

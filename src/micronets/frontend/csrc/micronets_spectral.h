/* The spectral front end of sensors: from multi-axis samples to the codes of a network's input, in integer arithmetic.
 *
 * micronets.frontend.spectral computes the same bits in numpy. It uses no heap, no float and no libm. */
#ifndef MICRONETS_SPECTRAL_H
#define MICRONETS_SPECTRAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The moments of a frame that follow the bands in the network's input, in this order. */
#define MICRONETS_MEAN 1
#define MICRONETS_DEVIATION 2
#define MICRONETS_MINIMUM 4
#define MICRONETS_MAXIMUM 8

/* The tables and parameters of one front end, in flash.
 *
 * - axes: values per sample, such as 3 of an accelerometer and 3 of a gyroscope.
 * - frame: samples of a frame, at most 2 * points.
 * - points: complex points of the Fourier transform, half the number of real points; a power of 2, 8 .. 2048.
 * - bands: bands of the spectrum.
 * - moments: the bitwise OR of the macros above for the wanted moments.
 * - window: [frame], 14 fractional bits.
 * - twiddles: [3 * points / 4] words of a cosine (low half) and a sine (high half) of 2 pi i / points, 15 fractional
 *   bits each.
 * - split: [first_bin[bands]] words, cosine and sine of pi k / points in the form of `twiddles`.
 * - first_bin: [bands + 1], ascending: the first bin of each band, and the one after the last band.
 * - band_unit, deviation_unit: the offset that converts a logarithm from the units of the arithmetic to that of a
 *     variance in squared sensor steps; 15 fractional bits.
 * - least: the lower limit of logarithms.
 * - factors, offsets, shifts: [bands and moments][axes]; a code is (value * factor + offset) >> shift, clamped to
 *   -128 .. 127. */
typedef struct {
    int32_t axes;
    int32_t frame;
    int32_t points;
    int32_t bands;
    int32_t moments;
    const int16_t *window;
    const uint32_t *twiddles;
    const uint32_t *split;
    const int16_t *first_bin;
    int32_t band_unit;
    int32_t deviation_unit;
    int32_t least;
    const int16_t *factors;
    const int64_t *offsets;
    const uint8_t *shifts;
} micronets_spectral;

/* Computes the codes of a frame.
 *
 * - samples: in, [frame][axes].
 * - work: scratch, [2 * points] words.
 * - codes: out, [bands and moments][axes]. */
void micronets_spectral_frame(const micronets_spectral *spectral, const int16_t *samples, int32_t *work, int8_t *codes);

#ifdef __cplusplus
}
#endif

#endif

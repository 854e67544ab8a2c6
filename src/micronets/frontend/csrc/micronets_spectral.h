/* The spectral front end of sensors: from samples of several axes to the codes of a network's input, in integers.
 *
 * micronets.frontend.spectral computes the same in numpy, to the last bit. There is no heap, no float and no libm. */
#ifndef MICRONETS_SPECTRAL_H
#define MICRONETS_SPECTRAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The moments of a frame that become values of the network's input, behind those of the bands and in this order. */
#define MICRONETS_MEAN 1
#define MICRONETS_DEVIATION 2
#define MICRONETS_MINIMUM 4
#define MICRONETS_MAXIMUM 8

/* The tables and numbers of one front end; they lie in flash.
 *
 * - axes: values of a sample, such as 3 of an accelerometer and 3 of a gyroscope.
 * - frame: samples of a frame, at most 2 * points.
 * - points: complex points of the Fourier transform, half of its real ones: a power of 2, 8 .. 2048.
 * - bands: bands of the spectrum.
 * - moments: the sum of those macros above that are wanted.
 * - window: [frame], 14 fractional bits.
 * - twiddles: [3 * points / 4] words of a cosine (low half) and a sine (high half) of 2 pi i / points, 15 fractional
 *   bits each.
 * - split: [first_bin[bands]] words, cosine and sine of pi k / points in the form of `twiddles`.
 * - first_bin: [bands + 1], rising: the first bin of each band, and the one behind the last.
 * - band_unit, deviation_unit: the number that turns a logarithm in units of the arithmetic into that of a variance in
 *   squares of a step of the sensor, when it is added; 15 fractional bits.
 * - least: the least logarithm, to which smaller ones are raised.
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

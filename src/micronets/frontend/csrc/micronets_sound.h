/* The audio front end: from samples to levels, pixels and the codes of a network's input, in integer arithmetic.
 *
 * micronets.frontend.integer computes the same bits in numpy. It uses no heap, no float and no libm. */
#ifndef MICRONETS_SOUND_H
#define MICRONETS_SOUND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fractional bits of a level, which is the base-2 logarithm of the energy of a band. */
#define MICRONETS_LEVEL_BITS 15

/* The tables and parameters of one front end, in flash.
 *
 * - window_samples: samples of a frame, at most 2 * points.
 * - points: complex points of the Fourier transform, half the number of real points; a power of 2, 32 .. 2048.
 * - bands: mel bands.
 * - power: 1 if bands sum magnitudes, 2 if they sum squared magnitudes.
 * - to_loudest: 1 if levels are relative to the loudest sample of the clip, else 0.
 * - window: [window_samples], 14 fractional bits.
 * - twiddles: [3 * points / 4] words of a cosine (low half) and a sine (high half) of 2 pi i / points, 15 fractional
 *   bits each.
 * - split: [bins] words, cosine and sine of pi k / points in the form of `twiddles`.
 * - first_bin: [bands + 2], ascending: the first bin after each edge of the bands.
 * - rise: [bins], the weight of a bin, 12 fractional bits, in the band that rises there; 1 minus this is its weight in
 *     the band below.
 * - unit_level: the offset that converts a band's level from the units of the transform to those of the front end.
 * - least_level: the lower limit of levels.
 * - pixel_factor, pixel_offset: a pixel is (level * factor + offset) >> 35, clamped to 0 .. 255. */
typedef struct {
    int32_t window_samples;
    int32_t points;
    int32_t bands;
    int32_t power;
    int32_t to_loudest;
    const int16_t *window;
    const uint32_t *twiddles;
    const uint32_t *split;
    const int16_t *first_bin;
    const uint16_t *rise;
    int32_t unit_level;
    int32_t least_level;
    int32_t pixel_factor;
    int64_t pixel_offset;
} micronets_sound;

/* The conversion of a frame's values to the codes of the network's input.
 *
 * - values: codes per frame, one for each band or for each coefficient of a cosine transform.
 * - codes: [256], the code of each pixel; NULL if `factors` are used.
 * - factors: [values][bands]; a code is (sum of factor * value + offset) >> shift, clamped to -128 .. 127.
 * - offsets: [values].
 * - shift: 0 .. 62. */
typedef struct {
    int32_t values;
    const int8_t *codes;
    const int16_t *factors;
    const int64_t *offsets;
    int32_t shift;
} micronets_sound_input;

/* Computes the levels of a frame.
 *
 * - samples: in, [window_samples].
 * - work: scratch, [2 * points] words.
 * - levels: out, [bands], MICRONETS_LEVEL_BITS fractional bits, before micronets_sound_hold makes them relative to the
 *   loudest sample and limits them. */
void micronets_sound_levels(const micronets_sound *sound, const int16_t *samples, int32_t *work, int32_t *levels);

/* Makes levels relative to the loudest sample if `to_loudest` is 1, and raises them to at least the lower limit.
 *
 * - levels: in and out, [bands].
 * - loudest: the largest sample of the clip, at least 1; read only if `to_loudest` is 1. */
void micronets_sound_hold(const micronets_sound *sound, int32_t loudest, int32_t *levels);

/* Converts levels to pixels.
 *
 * - levels: in and out, [bands]: pixels 0 .. 255 replace the levels. */
void micronets_sound_pixels(const micronets_sound *sound, int32_t *levels);

/* Returns the pixel of a level. */
int32_t micronets_sound_pixel(const micronets_sound *sound, int32_t level);

/* Converts the pixels or levels of a frame to codes.
 *
 * - values: in, [bands]: pixels or, for a front end without pixels (MFCC), levels.
 * - codes: out, [values]. */
void micronets_sound_codes(const micronets_sound *sound, const micronets_sound_input *input, const int32_t *values,
                           int8_t *codes);

#ifdef __cplusplus
}
#endif

#endif

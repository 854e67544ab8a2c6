/* The sound front end: from samples to levels, pixels and the codes of a network's input, in integers.
 *
 * micronets.frontend.integer computes the same in numpy, to the last bit. There is no heap, no float and no libm. */
#ifndef MICRONETS_SOUND_H
#define MICRONETS_SOUND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fractional bits of a level, which is the logarithm to base 2 of the energy of a band. */
#define MICRONETS_LEVEL_BITS 15

/* The tables and numbers of one front end; they lie in flash.
 *
 * - window_samples: samples of a frame, at most 2 * points.
 * - points: complex points of the Fourier transform, half of its real ones: a power of 2, 32 .. 2048.
 * - bands: mel bands.
 * - power: 1 where bands sum magnitudes, 2 where they sum squares of magnitudes.
 * - to_loudest: 1 where levels are relative to the loudest sample of the clip, else 0.
 * - window: [window_samples], 14 fractional bits.
 * - twiddles: [3 * points / 4] words of a cosine (low half) and a sine (high half) of 2 pi i / points, 15 fractional
 *   bits each.
 * - split: [bins] words, cosine and sine of pi k / points in the form of `twiddles`.
 * - first_bin: [bands + 2], rising: the first bin behind each edge of the bands.
 * - rise: [bins], the share of a bin, 12 fractional bits, that belongs to the band which rises there; the rest belongs
 *   to the band below.
 * - unit_level: the number that turns the level of a band in units of the transform into that of the front end, when it
 *   is added.
 * - least_level: the least level, to which smaller ones are raised.
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

/* How the values of a frame become the codes of the network's input.
 *
 * - values: codes of a frame, which are the bands or the coefficients of a cosine transform.
 * - codes: [256], the code of each pixel; 0 where `factors` are used.
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
 * - levels: out, [bands], MICRONETS_LEVEL_BITS fractional bits. They are not yet relative to a loudest sample nor
 *   raised
 *   to the least level: micronets_sound_hold does both. */
void micronets_sound_levels(const micronets_sound *sound, const int16_t *samples, int32_t *work, int32_t *levels);

/* Makes levels relative to a loudest sample where the front end says so, and raises them to the least level.
 *
 * - levels: in and out, [bands].
 * - loudest: the largest sample of the clip, 1 or more; it is read only where `to_loudest` is 1. */
void micronets_sound_hold(const micronets_sound *sound, int32_t loudest, int32_t *levels);

/* Turns levels into pixels.
 *
 * - levels: in and out, [bands]: pixels 0 .. 255 take the place of the levels. */
void micronets_sound_pixels(const micronets_sound *sound, int32_t *levels);

/* Returns the pixel of a level. */
int32_t micronets_sound_pixel(const micronets_sound *sound, int32_t level);

/* Turns the pixels or the levels of a frame into codes.
 *
 * - values: in, [bands]: pixels or, for a front end without pixels (MFCC), levels.
 * - codes: out, [values]. */
void micronets_sound_codes(const micronets_sound *sound, const micronets_sound_input *input, const int32_t *values,
                           int8_t *codes);

#ifdef __cplusplus
}
#endif

#endif

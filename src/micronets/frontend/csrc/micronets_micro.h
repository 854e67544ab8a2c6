/* TFLM's own audio front end: from samples at 16 kHz to the codes of a network's input, in integers.
 *
 * micronets.frontend.micro computes the same in numpy, to the last bit. There is no heap, no float and no libm. */
#ifndef MICRONETS_MICRO_H
#define MICRONETS_MICRO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MICRONETS_MICRO_SAMPLES 480 /* samples of a frame */
#define MICRONETS_MICRO_BANDS 40    /* values of a frame */
#define MICRONETS_MICRO_WORDS 512   /* words of 32 bits that a frame is computed in */

/* Numbers of the arithmetic, which the tables of a front end are held to.
 *
 * - EVEN_SHARE, ODD_SHARE: the share of the newest frame in the noise estimate of bands of even and of odd numbers, 14
 *   fractional bits.
 * - LEAST_SIGNAL: the share of a band that always remains, 14 fractional bits.
 * - CODE_BITS: fractional bits of the factor from a value to a code. */
#define MICRONETS_MICRO_EVEN_SHARE 409
#define MICRONETS_MICRO_ODD_SHARE 983
#define MICRONETS_MICRO_LEAST_SIGNAL 819
#define MICRONETS_MICRO_CODE_BITS 20

/* The tables and numbers of the front end; they lie in flash.
 *
 * - window: [MICRONETS_MICRO_SAMPLES], 12 fractional bits.
 * - twiddles: [192] words of the real (low half) and the imaginary part (high half) of exp(-2 pi i k / 256), 15
 *   fractional bits each.
 * - split: [128] words of exp(-pi i ((k + 1) / 256 + 1 / 2)), in the form of `twiddles`.
 * - first_bin: [MICRONETS_MICRO_BANDS + 2]; the bins from one of them to the next lie between two edges of the bands.
 * - fall: for bins from the first of first_bin on the weight in the band below, 12 fractional bits; the rest to 1 is
 *   that in the band above.
 * - gains: [33][3], for noise estimates of 0, 1, ... bits the coefficients of a parabola.
 * - logarithms: [129], by how much log2(1 + i / 128) is larger than i / 128, 16 fractional bits.
 * - factor, offset: a code is (value * factor + offset) >> MICRONETS_MICRO_CODE_BITS, held to -128 .. 127. */
typedef struct {
    const int16_t *window;
    const uint32_t *twiddles;
    const uint32_t *split;
    const uint8_t *first_bin;
    const uint16_t *fall;
    const int16_t *gains;
    const uint16_t *logarithms;
    int32_t factor;
    int32_t offset;
} micronets_micro;

/* Computes the codes of the next frame of a stream.
 *
 * - samples: in, [MICRONETS_MICRO_SAMPLES].
 * - noise: in and out, [MICRONETS_MICRO_BANDS], the noise estimates of the stream, all 0 before its first frame.
 * - work: scratch, [MICRONETS_MICRO_WORDS].
 * - codes: out, [MICRONETS_MICRO_BANDS]. */
void micronets_micro_frame(const micronets_micro *micro, const int16_t *samples, uint32_t *noise, int32_t *work,
                           int8_t *codes);

#ifdef __cplusplus
}
#endif

#endif

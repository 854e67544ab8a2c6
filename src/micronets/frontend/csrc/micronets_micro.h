/* TFLM's own audio front end: from samples at 16 kHz to the codes of a network's input, in integer arithmetic.
 *
 * micronets.frontend.micro computes the same bits in numpy. It uses no heap, no float and no libm. */
#ifndef MICRONETS_MICRO_H
#define MICRONETS_MICRO_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MICRONETS_MICRO_SAMPLES 480 /* samples of a frame */
#define MICRONETS_MICRO_BANDS 40    /* values of a frame */
#define MICRONETS_MICRO_WORDS 512   /* 32-bit words of scratch memory for a frame */

/* Constants of the arithmetic; the generated tables are checked against them.
 *
 * - EVEN_SHARE, ODD_SHARE: the weight of the newest frame in the noise estimates of even and odd bands, 14 fractional
 *     bits.
 * - LEAST_SIGNAL: the fraction of a band that always remains, 14 fractional bits.
 * - CODE_BITS: fractional bits of the factor from a value to a code. */
#define MICRONETS_MICRO_EVEN_SHARE 409
#define MICRONETS_MICRO_ODD_SHARE 983
#define MICRONETS_MICRO_LEAST_SIGNAL 819
#define MICRONETS_MICRO_CODE_BITS 20

/* The tables and parameters of the front end, in flash.
 *
 * - window: [MICRONETS_MICRO_SAMPLES], 12 fractional bits.
 * - twiddles: [192] words of the real (low half) and the imaginary part (high half) of exp(-2 pi i k / 256), 15
 *   fractional bits each.
 * - split: [128] words of exp(-pi i ((k + 1) / 256 + 1 / 2)), in the form of `twiddles`.
 * - first_bin: [MICRONETS_MICRO_BANDS + 2], the first bin after each edge of the bands.
 * - fall: for each bin from first_bin[0] on, its weight in the band below, 12 fractional bits; 1 minus this is its
 *     weight in the band above.
 * - gains: [33][3], the coefficients of a parabola for noise estimates of 0, 1, ... bits.
 * - logarithms: [129], log2(1 + i / 128) - i / 128, 16 fractional bits.
 * - factor, offset: a code is (value * factor + offset) >> MICRONETS_MICRO_CODE_BITS, clamped to -128 .. 127. */
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

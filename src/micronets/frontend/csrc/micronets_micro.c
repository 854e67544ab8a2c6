/* TFLM's own audio front end, which uses integers; see micronets_micro.h. The operations are in the same order as in
 * micronets.frontend.micro, so that every bit is equal. */
#include "micronets_micro.h"

#include "micronets_bands.h"
#include "micronets_bits.h"
#include "micronets_spectrum.h"

#define POINTS 256     /* complex points of the transform */
#define WEIGHT_BITS 12 /* fractional bits of the window and of the weights of bins */
#define NOISE_BITS 10  /* fractional bits of a noise estimate */
#define SMOOTH_BITS 14 /* fractional bits of the weights in a noise estimate */
#define RATIO_SHIFT 6  /* from a band times its gain to a number with RATIO_BITS fractional bits */
#define SCALE_BITS 3   /* right shift of the bands */

/* Writes the windowed frame to x, two samples per word, padded with zeros. Returns the number of bits by which it can
 * be scaled up while its numbers still fit 16 bits. */
static int32_t windowed(const micronets_micro *micro, const int16_t *samples, complex16 *x)
{
    const int16_t *const window = micro->window;
    uint32_t bits = 0;
    int32_t i = 0;
    for (; i < MICRONETS_MICRO_SAMPLES; i += 2) {
        const int32_t a = (samples[i] * window[i]) >> WEIGHT_BITS;
        const int32_t b = (samples[i + 1] * window[i + 1]) >> WEIGHT_BITS;
        bits |= (uint32_t)(a < 0 ? -a : a) | (uint32_t)(b < 0 ? -b : b);
        *x++ = ((uint32_t)a & 0xFFFFu) | ((uint32_t)b << 16);
    }
    for (; i < 2 * POINTS; i += 2) {
        *x++ = 0;
    }
    return 15 - bit_length(bits & 0x7FFFu); /* -32768 is ignored: its magnitude does not fit */
}

/* Fourier transform of POINTS complex numbers, divided by POINTS. The first radix-4 stage, whose factors are 1, reads
 * them in digit-reversed order to base 4.
 *
 * - x: in, [POINTS].
 * - up: the left shift of x before the transform.
 * - z: out, [POINTS]. */
static void transform(const complex16 *x, int32_t up, complex16 *z, const uint32_t *twiddles)
{
    complex16 *at = z;
    for (int32_t i = 0; i < 64; i++, at += 4) {
        const complex16 *const from = x + (i >> 4) + (i & 12) + 16 * (i & 3);
        complex_butterfly(at, 1, complex_scaled(complex_raised(from[0], up), COMPLEX_QUARTER),
                          complex_scaled(complex_raised(from[64], up), COMPLEX_QUARTER),
                          complex_scaled(complex_raised(from[128], up), COMPLEX_QUARTER),
                          complex_scaled(complex_raised(from[192], up), COMPLEX_QUARTER));
    }
    complex_stages(z, POINTS, 4, twiddles);
}

/* Replaces the transform of POINTS complex numbers by the squared magnitudes of bins 1 .. POINTS - 1 of the transform
 * of 2 * POINTS real numbers; the real parts of the complex numbers are the even-numbered real ones. */
static void squares(complex16 *z, const uint32_t *split)
{
    for (int32_t k = 1; k <= POINTS / 2; k++) {
        complex16 bin = z[k], mirror = z[POINTS - k];
        complex_split(&bin, &mirror, *split++);
        z[k] = complex_square(bin);
        z[POINTS - k] = complex_square(mirror);
    }
}

/* Returns the code of a band.
 *
 * - signal: the magnitude of the band.
 * - noise: in and out, the noise estimate of the band.
 * - share: the weight of this frame in the estimate. */
static int8_t code_of(const micronets_micro *micro, uint32_t signal, uint32_t *noise, uint32_t share)
{
    const uint32_t fine = signal << NOISE_BITS;
    const uint64_t sum = (uint64_t)fine * share + (uint64_t)*noise * ((1u << SMOOTH_BITS) - share);
    const uint32_t estimate = (uint32_t)(sum >> SMOOTH_BITS);
    const uint32_t left = estimate < fine ? (fine - estimate) >> NOISE_BITS : 0;
    const uint32_t least = (uint32_t)(((uint64_t)signal * MICRONETS_MICRO_LEAST_SIGNAL) >> SMOOTH_BITS);
    const uint32_t clean = left > least ? left : least;
    const uint32_t ratio = (uint32_t)(((uint64_t)clean * gain_of(micro->gains, estimate)) >> RATIO_SHIFT);
    const uint32_t controlled = shrunk_ratio(ratio) << SCALE_BITS;
    const int32_t value = (int32_t)logarithm_of(micro->logarithms, controlled, 1u << BAND_OUT_BITS);
    const int32_t code = (value * micro->factor + micro->offset) >> MICRONETS_MICRO_CODE_BITS;
    *noise = estimate;
    return (int8_t)(code < -128 ? -128 : code > 127 ? 127 : code);
}

void micronets_micro_frame(const micronets_micro *micro, const int16_t *samples, uint32_t *noise, int32_t *work,
                           int8_t *codes)
{
    complex16 *const x = (complex16 *)work, *const z = x + POINTS;
    const int32_t up = windowed(micro, samples, x);
    const uint8_t *edge = micro->first_bin;
    const uint16_t *fall = micro->fall;
    uint64_t rising = 0; /* contribution of the bins before this edge to the band above it */
    int32_t k = *edge;
    transform(x, up, z, micro->twiddles);
    squares(z, micro->split);
    for (int32_t band = -1; band < MICRONETS_MICRO_BANDS; band++) {
        const int32_t end = *++edge;
        uint64_t falling = 0, sum = 0;
        for (; k < end; k++) {
            sum += z[k];
            falling += (uint64_t)z[k] * *fall++;
        }
        if (band >= 0) {
            codes[band] = code_of(micro, root_of_48(rising + falling) >> up, noise + band,
                                  band & 1 ? MICRONETS_MICRO_ODD_SHARE : MICRONETS_MICRO_EVEN_SHARE);
        }
        rising = (sum << WEIGHT_BITS) - falling;
    }
}

/* TFLM's own audio front end in integers; see micronets_micro.h. The order of all operations is that of
 * micronets.frontend.micro, so that every bit is the same. */
#include "micronets_micro.h"

#include "micronets_bits.h"

#define POINTS 256     /* complex points of the transform */
#define WEIGHT_BITS 12 /* fractional bits of the window and of the weights of bins */
#define NOISE_BITS 10  /* fractional bits of a noise estimate */
#define SMOOTH_BITS 14 /* fractional bits of the shares of a noise estimate */
#define RATIO_SHIFT 6  /* from a band times its gain to a number with RATIO_BITS fractional bits */
#define RATIO_BITS 12
#define OUT_BITS 6       /* fractional bits of what the gain control gives */
#define SCALE_BITS 3     /* by how many bits bands are smaller than they were */
#define LOG_BITS 16      /* fractional bits of a logarithm */
#define OUT_SCALE_BITS 6 /* a value is 2 to the power of this times the natural logarithm */
#define QUARTER 8191     /* 1 / 4, 15 fractional bits, as the transform divides by 4 */
#define HALF 16383       /* 1 / 2, likewise */

/* A complex number of two int16 in a word, the real part in its low half. */
typedef uint32_t pair;

#if MICRONETS_DSP_ASSEMBLY

/* Returns sum + (low half of a) * (low half of b). */
MICRONETS_INLINE int32_t low_product(pair a, pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + (high half of a) * (low half of b). */
MICRONETS_INLINE int32_t high_product(pair a, pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlatb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + the real part of a * b. */
MICRONETS_INLINE int32_t real_product(pair a, pair b, int32_t sum)
{
    int32_t r;
    __asm__("smlsd %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns sum + the imaginary part of a * b. */
MICRONETS_INLINE int32_t imag_product(pair a, pair b, int32_t sum)
{
    int32_t r;
    __asm__("smladx %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

/* Returns the squared magnitude of a. */
MICRONETS_INLINE uint32_t square(pair a)
{
    uint32_t r;
    __asm__("smuad %0, %1, %1" : "=r"(r) : "r"(a));
    return r;
}

/* Returns the pair of real / 2^15 and imag / 2^15, as 16 bits hold them. */
MICRONETS_INLINE pair narrowed(int32_t real, int32_t imag)
{
    pair r;
    __asm__("pkhtb %0, %1, %2, asr #15" : "=r"(r) : "r"((uint32_t)imag << 1), "r"(real));
    return r;
}

/* Returns a + b; halves wrap. */
MICRONETS_INLINE pair plus(pair a, pair b)
{
    pair r;
    __asm__("sadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns a - b; halves wrap. */
MICRONETS_INLINE pair minus(pair a, pair b)
{
    pair r;
    __asm__("ssub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns a + i b; halves wrap. */
MICRONETS_INLINE pair plus_i(pair a, pair b)
{
    pair r;
    __asm__("sasx %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns a - i b; halves wrap. */
MICRONETS_INLINE pair minus_i(pair a, pair b)
{
    pair r;
    __asm__("ssax %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns (a + b) / 2, rounded down; no sum wraps. */
MICRONETS_INLINE pair half_sum(pair a, pair b)
{
    pair r;
    __asm__("shadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns (a - b) / 2, rounded down; no difference wraps. */
MICRONETS_INLINE pair half_difference(pair a, pair b)
{
    pair r;
    __asm__("shsub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Returns the low half of a and the high half of b as a pair. */
MICRONETS_INLINE pair low_and_high(pair a, pair b)
{
    pair r;
    __asm__("pkhbt %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

#else

/* Returns the low half of a pair. */
MICRONETS_INLINE int32_t low(pair a)
{
    return (int16_t)(a & 0xFFFFu);
}

/* Returns the high half of a pair. */
MICRONETS_INLINE int32_t high(pair a)
{
    return (int16_t)(a >> 16);
}

/* Returns the pair of two numbers, as 16 bits hold them. */
MICRONETS_INLINE pair paired(int32_t real, int32_t imag)
{
    return ((uint32_t)real & 0xFFFFu) | ((uint32_t)imag << 16);
}

/* Returns sum + (low half of a) * (low half of b). */
MICRONETS_INLINE int32_t low_product(pair a, pair b, int32_t sum)
{
    return sum + low(a) * low(b);
}

/* Returns sum + (high half of a) * (low half of b). */
MICRONETS_INLINE int32_t high_product(pair a, pair b, int32_t sum)
{
    return sum + high(a) * low(b);
}

/* Returns sum + the real part of a * b. */
MICRONETS_INLINE int32_t real_product(pair a, pair b, int32_t sum)
{
    return sum + low(a) * low(b) - high(a) * high(b);
}

/* Returns sum + the imaginary part of a * b. */
MICRONETS_INLINE int32_t imag_product(pair a, pair b, int32_t sum)
{
    return sum + low(a) * high(b) + high(a) * low(b);
}

/* Returns the squared magnitude of a. */
MICRONETS_INLINE uint32_t square(pair a)
{
    return (uint32_t)(low(a) * low(a)) + (uint32_t)(high(a) * high(a));
}

/* Returns the pair of real / 2^15 and imag / 2^15, as 16 bits hold them. */
MICRONETS_INLINE pair narrowed(int32_t real, int32_t imag)
{
    return paired(real >> 15, imag >> 15);
}

/* Returns a + b; halves wrap. */
MICRONETS_INLINE pair plus(pair a, pair b)
{
    return paired(low(a) + low(b), high(a) + high(b));
}

/* Returns a - b; halves wrap. */
MICRONETS_INLINE pair minus(pair a, pair b)
{
    return paired(low(a) - low(b), high(a) - high(b));
}

/* Returns a + i b; halves wrap. */
MICRONETS_INLINE pair plus_i(pair a, pair b)
{
    return paired(low(a) - high(b), high(a) + low(b));
}

/* Returns a - i b; halves wrap. */
MICRONETS_INLINE pair minus_i(pair a, pair b)
{
    return paired(low(a) + high(b), high(a) - low(b));
}

/* Returns (a + b) / 2, rounded down; no sum wraps. */
MICRONETS_INLINE pair half_sum(pair a, pair b)
{
    return paired((low(a) + low(b)) >> 1, (high(a) + high(b)) >> 1);
}

/* Returns (a - b) / 2, rounded down; no difference wraps. */
MICRONETS_INLINE pair half_difference(pair a, pair b)
{
    return paired((low(a) - low(b)) >> 1, (high(a) - high(b)) >> 1);
}

/* Returns the low half of a and the high half of b as a pair. */
MICRONETS_INLINE pair low_and_high(pair a, pair b)
{
    return (a & 0xFFFFu) | (b & 0xFFFF0000u);
}

#endif

/* Returns a times a factor with 15 fractional bits, rounded to nearest. */
MICRONETS_INLINE pair scaled(pair a, int32_t factor)
{
    return narrowed(low_product(a, (pair)factor, 1 << 14), high_product(a, (pair)factor, 1 << 14));
}

/* Returns a times b, which has 15 fractional bits, rounded to nearest. */
MICRONETS_INLINE pair turned(pair a, pair b)
{
    return narrowed(real_product(a, b, 1 << 14), imag_product(a, b, 1 << 14));
}

/* Returns a times 2^up, as 16 bits hold its parts. */
MICRONETS_INLINE pair raised(pair a, int32_t up)
{
    return low_and_high(a << up, (a & 0xFFFF0000u) << up);
}

/* Writes the sums of four complex numbers, of which the last three are turned already, `step` words apart. */
MICRONETS_INLINE void butterfly(pair *z, int32_t step, pair a, pair b, pair c, pair d)
{
    const pair sum = plus(a, c), difference = minus(a, c), odd = plus(b, d), rest = minus(b, d);
    z[0] = plus(sum, odd);
    z[step] = minus_i(difference, rest);
    z[2 * step] = minus(sum, odd);
    z[3 * step] = plus_i(difference, rest);
}

/* Puts the windowed frame into x, two samples in a word, and zeros behind it. Returns how far it can be scaled up so
 * that its numbers still have 16 bits. */
static int32_t windowed(const micronets_micro *micro, const int16_t *samples, pair *x)
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
    return 15 - bit_length(bits & 0x7FFFu); /* -32768 does not count: it has no size in 16 bits */
}

/* Fourier transform of complex numbers, divided by their number. The first stage of radix 4, whose factors are 1, takes
 * them in the order of their digits to base 4 read backwards.
 *
 * - x: in, [POINTS].
 * - up: by how many bits they are scaled up before.
 * - z: out, [POINTS]. */
static void transform(const pair *x, int32_t up, pair *z, const uint32_t *twiddles)
{
    pair *at = z;
    for (int32_t i = 0; i < 64; i++, at += 4) {
        const pair *const from = x + (i >> 4) + (i & 12) + 16 * (i & 3);
        butterfly(at, 1, scaled(raised(from[0], up), QUARTER), scaled(raised(from[64], up), QUARTER),
                  scaled(raised(from[128], up), QUARTER), scaled(raised(from[192], up), QUARTER));
    }
    for (int32_t size = 4, step = 16; size < POINTS; size *= 4, step /= 4) {
        const uint32_t *a = twiddles, *b = twiddles, *c = twiddles;
        for (int32_t j = 0; j < size; j++, a += step, b += 2 * step, c += 3 * step) {
            const pair turn_a = *a, turn_b = *b, turn_c = *c;
            for (at = z + j; at < z + POINTS; at += 4 * size) {
                butterfly(at, size, scaled(at[0], QUARTER), turned(scaled(at[size], QUARTER), turn_a),
                          turned(scaled(at[2 * size], QUARTER), turn_b), turned(scaled(at[3 * size], QUARTER), turn_c));
            }
        }
    }
}

/* Puts the squared magnitudes of the bins 1 .. POINTS - 1 of the transform of 2 * POINTS real numbers in the place of
 * that of POINTS complex ones, whose real parts are the numbers of even places. */
static void squares(pair *z, const uint32_t *split)
{
    for (int32_t k = 1; k <= POINTS / 2; k++) {
        const pair here = scaled(z[k], HALF), there = z[POINTS - k];
        const pair mirrored = scaled(low_and_high(there, minus(0, there)), HALF);
        const pair even = plus(here, mirrored), odd = turned(minus(here, mirrored), *split++);
        z[k] = square(half_sum(even, odd));
        z[POINTS - k] = square(low_and_high(half_difference(even, odd), half_difference(odd, even)));
    }
}

/* Returns the square root of a number below 2^48, rounded to nearest; that of a number of 32 bits has 16 bits. */
static uint32_t root(uint64_t value)
{
    const uint32_t upper = (uint32_t)(value >> 32);
    uint32_t found;
    if (value == 0) {
        return 0;
    }
    if (upper == 0) {
        const int32_t shift = (32 - bit_length((uint32_t)value)) & ~1;
        found = root_of_upper((uint32_t)value << shift) >> (shift / 2);
        return found + (found < 0xFFFFu && (uint32_t)value - found * found > found);
    }
    /* The root of the upper 32 of 48 bits, and a division for 8 bits more (Zimmermann, Karatsuba Square Root, 1999). */
    const int32_t shift = (16 - bit_length(upper)) & ~1;
    const uint64_t whole = value << shift;
    const uint32_t first = root_of_upper((uint32_t)(whole >> 16));
    const uint32_t rest = (((uint32_t)(whole >> 16) - first * first) << 8) | ((uint32_t)(whole >> 8) & 0xFFu);
    const uint32_t digit = rest / (2 * first);
    const int32_t left = (int32_t)(((rest - digit * 2 * first) << 8) | ((uint32_t)whole & 0xFFu));
    found = (first << 8) + digit;
    found = (found - (left < (int32_t)(digit * digit))) >> (shift / 2);
    return found + (value - (uint64_t)found * found > found);
}

/* Returns the gain of a band from its noise estimate. */
static uint32_t gain_of(const int16_t *gains, uint32_t noise)
{
    const int32_t bits = bit_length(noise);
    const int16_t *const row = gains + 3 * bits;
    const int32_t place = (int32_t)((bits < 11 ? noise << (11 - bits) : noise >> (bits - 11)) & 0x3FFu);
    const int32_t sum = ((row[2] * place) >> 5) + row[1] * 32;
    return (uint32_t)(row[0] + ((sum * place + (1 << 14)) >> 15));
}

/* Returns 2^OUT_SCALE_BITS times the natural logarithm of a number, rounded to nearest; 0 for 0 and 1. */
static int32_t logarithm(const uint16_t *logarithms, uint32_t value)
{
    if (value < 2) {
        return 0;
    }
    const int32_t exponent = bit_length(value) - 1;
    const uint32_t rest = value - (1u << exponent);
    const int32_t part = (int32_t)(exponent < LOG_BITS ? rest << (LOG_BITS - exponent) : rest >> (exponent - LOG_BITS));
    const uint16_t *const line = logarithms + (part >> 9);
    const int32_t between = ((line[1] - line[0]) * (part & 511)) >> LOG_BITS;
    const uint32_t log_2 = (uint32_t)(exponent * (1 << LOG_BITS) + part + line[0] + between);
    const uint32_t natural = (uint32_t)(((uint64_t)MICRONETS_MICRO_LN_2 * log_2 + (1u << (LOG_BITS - 1))) >> LOG_BITS);
    return (int32_t)(((natural << OUT_SCALE_BITS) + (1u << (LOG_BITS - 1))) >> LOG_BITS);
}

/* Returns the code of a band.
 *
 * - signal: its magnitude.
 * - noise: in and out, its noise estimate.
 * - share: that of this frame in the estimate. */
static int8_t code_of(const micronets_micro *micro, uint32_t signal, uint32_t *noise, uint32_t share)
{
    const uint32_t fine = signal << NOISE_BITS;
    const uint64_t sum = (uint64_t)fine * share + (uint64_t)*noise * ((1u << SMOOTH_BITS) - share);
    const uint32_t estimate = (uint32_t)(sum >> SMOOTH_BITS);
    const uint32_t left = estimate < fine ? (fine - estimate) >> NOISE_BITS : 0;
    const uint32_t least = (uint32_t)(((uint64_t)signal * MICRONETS_MICRO_LEAST_SIGNAL) >> SMOOTH_BITS);
    const uint32_t clean = left > least ? left : least;
    const uint32_t ratio = (uint32_t)(((uint64_t)clean * gain_of(micro->gains, estimate)) >> RATIO_SHIFT);
    const uint32_t controlled = ratio < (2u << RATIO_BITS) ? (ratio * ratio) >> (2 + 2 * RATIO_BITS - OUT_BITS)
                                                           : (ratio >> (RATIO_BITS - OUT_BITS)) - (1u << OUT_BITS);
    const int32_t value = logarithm(micro->logarithms, controlled << SCALE_BITS);
    const int32_t code = (value * micro->factor + micro->offset) >> MICRONETS_MICRO_CODE_BITS;
    *noise = estimate;
    return (int8_t)(code < -128 ? -128 : code > 127 ? 127 : code);
}

void micronets_micro_frame(const micronets_micro *micro, const int16_t *samples, uint32_t *noise, int32_t *work,
                           int8_t *codes)
{
    pair *const x = (pair *)work, *const z = x + POINTS;
    const int32_t up = windowed(micro, samples, x);
    const uint8_t *edge = micro->first_bin;
    const uint16_t *fall = micro->fall;
    uint64_t rising = 0; /* what the bins before this edge give to the band above it */
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
            codes[band] = code_of(micro, root(rising + falling) >> up, noise + band,
                                  band & 1 ? MICRONETS_MICRO_ODD_SHARE : MICRONETS_MICRO_EVEN_SHARE);
        }
        rising = (sum << WEIGHT_BITS) - falling;
    }
}

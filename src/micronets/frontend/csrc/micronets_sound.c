/* The sound front end in integers; see micronets_sound.h. The order of all operations is that of
 * micronets.frontend.integer, so that every bit is the same. */
#include "micronets_sound.h"

#include "micronets_target.h"

#define WEIGHT_BITS 12 /* fractional bits of the weights of bins in bands */
#define POWER_SHIFT 10 /* how far the square of a magnitude is shifted right before it is weighted */

/* log2(1 + i / 64), MICRONETS_LEVEL_BITS fractional bits. */
static const uint16_t logarithms[65] = {0,     733,   1455,  2166,  2866,  3556,  4236,  4907,  5568,  6220,  6863,
                                        7498,  8124,  8742,  9352,  9954,  10549, 11136, 11716, 12289, 12855, 13415,
                                        13968, 14514, 15055, 15589, 16117, 16639, 17156, 17667, 18173, 18673, 19168,
                                        19658, 20143, 20623, 21098, 21568, 22034, 22495, 22952, 23404, 23852, 24296,
                                        24736, 25172, 25604, 26031, 26455, 26876, 27292, 27705, 28114, 28520, 28922,
                                        29321, 29717, 30109, 30498, 30884, 31267, 31647, 32024, 32397, 32768};

#if MICRONETS_DSP_ASSEMBLY

/* Returns the upper 32 of the 48 bits of value * (low half of `pair`). */
MICRONETS_INLINE int32_t by_low(int32_t value, uint32_t pair)
{
    int32_t r;
    __asm__("smulwb %0, %1, %2" : "=r"(r) : "r"(value), "r"(pair));
    return r;
}

/* Returns the upper 32 of the 48 bits of value * (high half of `pair`). */
MICRONETS_INLINE int32_t by_high(int32_t value, uint32_t pair)
{
    int32_t r;
    __asm__("smulwt %0, %1, %2" : "=r"(r) : "r"(value), "r"(pair));
    return r;
}

/* Returns sum + by_high(value, pair). */
MICRONETS_INLINE int32_t add_by_high(int32_t value, uint32_t pair, int32_t sum)
{
    int32_t r;
    __asm__("smlawt %0, %1, %2, %3" : "=r"(r) : "r"(value), "r"(pair), "r"(sum));
    return r;
}

/* Returns the 32 bits of `value` in the reverse order. */
MICRONETS_INLINE uint32_t reversed(uint32_t value)
{
    uint32_t r;
    __asm__("rbit %0, %1" : "=r"(r) : "r"(value));
    return r;
}

#else

/* Returns the upper 32 of the 48 bits of value * (low half of `pair`). */
MICRONETS_INLINE int32_t by_low(int32_t value, uint32_t pair)
{
    return (int32_t)(((int64_t)value * (int16_t)(pair & 0xFFFFu)) >> 16);
}

/* Returns the upper 32 of the 48 bits of value * (high half of `pair`). */
MICRONETS_INLINE int32_t by_high(int32_t value, uint32_t pair)
{
    return (int32_t)(((int64_t)value * (int16_t)(pair >> 16)) >> 16);
}

/* Returns sum + by_high(value, pair). */
MICRONETS_INLINE int32_t add_by_high(int32_t value, uint32_t pair, int32_t sum)
{
    return sum + by_high(value, pair);
}

/* Returns the 32 bits of `value` in the reverse order. */
MICRONETS_INLINE uint32_t reversed(uint32_t value)
{
    value = ((value >> 1) & 0x55555555u) | ((value & 0x55555555u) << 1);
    value = ((value >> 2) & 0x33333333u) | ((value & 0x33333333u) << 2);
    value = ((value >> 4) & 0x0F0F0F0Fu) | ((value & 0x0F0F0F0Fu) << 4);
    value = ((value >> 8) & 0x00FF00FFu) | ((value & 0x00FF00FFu) << 8);
    return (value >> 16) | (value << 16);
}

#endif

/* Multiplies a complex number by a cosine minus i times a sine, and halves it; at z and z + 1. */
MICRONETS_INLINE void store_turned(int32_t *z, int32_t real, int32_t imag, uint32_t pair)
{
    z[0] = add_by_high(imag, pair, by_low(real, pair));
    z[1] = by_low(imag, pair) - by_high(real, pair);
}

/* One butterfly of four complex numbers, `quarter` words apart; a, b and c turn its second, third and fourth output. */
MICRONETS_INLINE void butterfly(int32_t *z, int32_t quarter, uint32_t a, uint32_t b, uint32_t c)
{
    int32_t *const z1 = z + quarter, *const z2 = z1 + quarter, *const z3 = z2 + quarter;
    const int32_t r0 = z[0] >> 1, i0 = z[1] >> 1, r1 = z1[0] >> 1, i1 = z1[1] >> 1;
    const int32_t sum_r = r0 + (z2[0] >> 1), sum_i = i0 + (z2[1] >> 1);
    const int32_t dif_r = r0 - (z2[0] >> 1), dif_i = i0 - (z2[1] >> 1);
    const int32_t sum2_r = r1 + (z3[0] >> 1), sum2_i = i1 + (z3[1] >> 1);
    const int32_t dif2_r = r1 - (z3[0] >> 1), dif2_i = i1 - (z3[1] >> 1);
    z[0] = (sum_r + sum2_r) >> 1;
    z[1] = (sum_i + sum2_i) >> 1;
    /* The second and the third output change places, which leaves the bins in bit-reversed order in the end. */
    store_turned(z1, sum_r - sum2_r, sum_i - sum2_i, b);
    store_turned(z2, dif_r + dif2_i, dif_i - dif2_r, a);
    store_turned(z3, dif_r - dif2_i, dif_i + dif2_r, c);
}

/* The butterflies of the first stage, where the upper half of the numbers is 0: what `butterfly` does to them. */
static void butterflies_of_half(int32_t *z, int32_t points, const uint32_t *twiddles)
{
    const uint32_t *b = twiddles, *c = twiddles;
    int32_t *const end = z + points / 2;
    for (; z < end; z += 2, b += 2, c += 3) {
        int32_t *const z1 = z + points / 2, *const z2 = z1 + points / 2, *const z3 = z2 + points / 2;
        const int32_t r0 = z[0] >> 1, i0 = z[1] >> 1, r1 = z1[0] >> 1, i1 = z1[1] >> 1;
        z[0] = (r0 + r1) >> 1;
        z[1] = (i0 + i1) >> 1;
        store_turned(z1, r0 - r1, i0 - i1, *b);
        store_turned(z2, r0 + i1, i0 - r1, *twiddles++);
        store_turned(z3, r0 - i1, i0 + r1, *c);
    }
}

/* The butterflies of the last stage of radix 4, whose outputs are halved and not turned. */
static void last_butterflies(int32_t *z, int32_t points)
{
    for (int32_t *const end = z + 2 * points; z < end; z += 8) {
        const int32_t r0 = z[0] >> 1, i0 = z[1] >> 1, r1 = z[2] >> 1, i1 = z[3] >> 1;
        const int32_t sum_r = r0 + (z[4] >> 1), sum_i = i0 + (z[5] >> 1);
        const int32_t dif_r = r0 - (z[4] >> 1), dif_i = i0 - (z[5] >> 1);
        const int32_t sum2_r = r1 + (z[6] >> 1), sum2_i = i1 + (z[7] >> 1);
        const int32_t dif2_r = r1 - (z[6] >> 1), dif2_i = i1 - (z[7] >> 1);
        z[0] = (sum_r + sum2_r) >> 1;
        z[1] = (sum_i + sum2_i) >> 1;
        z[2] = (sum_r - sum2_r) >> 1;
        z[3] = (sum_i - sum2_i) >> 1;
        z[4] = (dif_r + dif2_i) >> 1;
        z[5] = (dif_i - dif2_r) >> 1;
        z[6] = (dif_r - dif2_i) >> 1;
        z[7] = (dif_i + dif2_r) >> 1;
    }
}

/* Fourier transform of `points` complex numbers in place, divided by `points`; the bins get bit-reversed numbers.
 *
 * - half: whether the upper half of the numbers is 0, which then need not be written. */
static void transform(int32_t *z, int32_t points, const uint32_t *twiddles, int32_t half)
{
    int32_t n = points, step = 1;
    if (half) {
        butterflies_of_half(z, points, twiddles);
        n /= 4;
        step *= 4;
    }
    for (; n > 4; n /= 4, step *= 4) {
        const uint32_t *a = twiddles, *b = twiddles, *c = twiddles;
        for (int32_t j = 0; j < n / 4; j++) {
            const uint32_t turn_a = *a, turn_b = *b, turn_c = *c;
            for (int32_t *at = z + 2 * j; at < z + 2 * points; at += 2 * n) {
                butterfly(at, n / 2, turn_a, turn_b, turn_c);
            }
            a += step;
            b += 2 * step;
            c += 3 * step;
        }
    }
    if (n == 4) {
        last_butterflies(z, points);
        return;
    }
    for (int32_t *const end = z + 2 * points; z < end; z += 4) {
        const int32_t r = z[0] >> 1, i = z[1] >> 1, r1 = z[2] >> 1, i1 = z[3] >> 1;
        z[0] = r + r1;
        z[1] = i + i1;
        z[2] = r - r1;
        z[3] = i - i1;
    }
}

/* Returns how many bits a number has; 0 for 0. */
MICRONETS_INLINE int32_t bit_length(uint32_t value)
{
#if defined(__GNUC__)
    return value ? 32 - __builtin_clz(value) : 0;
#else
    int32_t bits = 0;
    for (; value; value >>= 1) {
        bits++;
    }
    return bits;
#endif
}

/* Returns log2 of a positive number, MICRONETS_LEVEL_BITS fractional bits. */
static int32_t log_2(uint64_t value)
{
    const uint32_t high = (uint32_t)(value >> 32);
    const int32_t exponent = (high ? 32 + bit_length(high) : bit_length((uint32_t)value)) - 1;
    const uint32_t mantissa = (uint32_t)(exponent > 31 ? value >> (exponent - 31) : value << (31 - exponent));
    const uint16_t *const line = logarithms + ((mantissa >> 25) & 63u);
    const uint32_t rest = (mantissa >> 9) & 0xFFFFu;
    return exponent * (1 << MICRONETS_LEVEL_BITS) + line[0] + (int32_t)(((uint32_t)(line[1] - line[0]) * rest) >> 16);
}

/* Returns the square root of a number below 2^62 to 16 bits that count, rounded down.
 *
 * The number is shifted left by an even number of bits until one of its upper two is set; of its upper 32 bits the root
 * is found by Newton's method, from a line that is 6 % off at most: after two steps it is 1 too large at most. */
MICRONETS_INLINE uint32_t square_root(uint64_t value)
{
    const uint32_t high = (uint32_t)(value >> 32);
    const int32_t length = high ? 32 + bit_length(high) : bit_length((uint32_t)value);
    const int32_t shift = (64 - length) & ~1;
    if (length == 0) {
        return 0;
    }
    const uint32_t upper = (uint32_t)((value << shift) >> 32);
    uint32_t root = (upper >> 17) + (upper >> 19) + 24248u;
    root = (root + upper / root) >> 1;
    root = (root + upper / root) >> 1;
    root -= root * root > upper;
    return (root << 16) >> (shift / 2);
}

/* Returns the square of the magnitude of bin k of the real transform.
 *
 * - z: the transform of `points` complex numbers; the even samples are its real and the odd ones its imaginary parts.
 * - shift: 32 - log2 of `points`.
 * - turn: cosine and sine of pi k / points. */
MICRONETS_INLINE uint64_t power_of_bin(const int32_t *z, int32_t points, uint32_t k, int32_t shift, uint32_t turn)
{
    const uint32_t mask = (uint32_t)points - 1u;
    const int32_t *const a = z + 2 * (reversed(k & mask) >> shift);
    const int32_t *const b = z + 2 * (reversed((0u - k) & mask) >> shift);
    const int32_t ar = a[0] >> 1, ai = a[1] >> 1;
    const int32_t odd_r = ar - (b[0] >> 1), odd_i = ai + (b[1] >> 1);
    const int32_t x = ar + (b[0] >> 1) + 2 * (by_low(odd_i, turn) - by_high(odd_r, turn));
    const int32_t y = ai - (b[1] >> 1) - 2 * add_by_high(odd_i, turn, by_low(odd_r, turn));
    return (uint64_t)((int64_t)x * x) + (uint64_t)((int64_t)y * y);
}

/* Puts the windowed frame into z, scaled up so far that its largest sample still has 16 bits, and zeros behind it, up
 * to `end`. Returns how far it is scaled, in bits. */
static int32_t windowed(const micronets_sound *sound, const int16_t *samples, int32_t *z, int32_t end)
{
    const int32_t count = sound->window_samples;
    const int16_t *const window = sound->window;
    int32_t top = 1, i = 0;
    for (; i < count; i++) {
        const int32_t size = samples[i] < 0 ? -samples[i] : samples[i];
        top = size > top ? size : top;
    }
    const int32_t up = top > 32767 ? 0 : 15 - bit_length((uint32_t)top);
    for (i = 0; i + 4 <= count; i += 4) {
        const int32_t a = samples[i] * window[i], b = samples[i + 1] * window[i + 1];
        const int32_t c = samples[i + 2] * window[i + 2], d = samples[i + 3] * window[i + 3];
        z[i] = a * (1 << up);
        z[i + 1] = b * (1 << up);
        z[i + 2] = c * (1 << up);
        z[i + 3] = d * (1 << up);
    }
    for (; i < count; i++) {
        z[i] = samples[i] * window[i] * (1 << up);
    }
    for (; i < end; i++) {
        z[i] = 0;
    }
    return up;
}

/* Computes the levels of a frame from its transform z; `square`: whether bands sum squares of magnitudes. */
MICRONETS_INLINE void sum_bands(const micronets_sound *sound, const int32_t *z, int32_t square, int32_t unit,
                                int32_t *levels)
{
    const int32_t points = sound->points, shift = 33 - bit_length((uint32_t)points);
    const int16_t *edge = sound->first_bin;
    const uint16_t *rise = sound->rise + *edge;
    const uint32_t *split = sound->split + *edge;
    uint64_t rising = 0; /* what the bins before this edge give to the band that rose there */
    uint32_t k = (uint32_t)*edge;
    for (int32_t band = -1; band < sound->bands; band++) {
        const uint32_t end = (uint32_t)*++edge;
        uint64_t up_sum = 0, sum = 0;
        for (; k < end; k++) {
            uint64_t value = power_of_bin(z, points, k, shift, *split++);
            value = square ? value >> POWER_SHIFT : square_root(value);
            sum += value;
            up_sum += value * *rise++;
        }
        if (band >= 0) {
            const uint64_t energy = rising + (sum << WEIGHT_BITS) - up_sum;
            levels[band] = log_2(energy ? energy : 1) + unit;
        }
        rising = up_sum;
    }
}

void micronets_sound_levels(const micronets_sound *sound, const int16_t *samples, int32_t *work, int32_t *levels)
{
    const int32_t points = sound->points, half = sound->window_samples <= points;
    const int32_t up = windowed(sound, samples, work, half ? points : 2 * points);
    const int32_t unit = sound->unit_level - sound->power * up * (1 << MICRONETS_LEVEL_BITS);
    transform(work, points, sound->twiddles, half);
    if (sound->power == 2) {
        sum_bands(sound, work, 1, unit, levels);
    } else {
        sum_bands(sound, work, 0, unit, levels);
    }
}

void micronets_sound_hold(const micronets_sound *sound, int32_t loudest, int32_t *levels)
{
    const int32_t relative = sound->to_loudest ? sound->power * log_2((uint64_t)loudest) : 0;
    for (int32_t i = 0; i < sound->bands; i++) {
        const int32_t level = levels[i] - relative;
        levels[i] = level < sound->least_level ? sound->least_level : level;
    }
}

int32_t micronets_sound_pixel(const micronets_sound *sound, int32_t level)
{
    const int64_t pixel = ((int64_t)level * sound->pixel_factor + sound->pixel_offset) >> 35;
    return pixel < 0 ? 0 : pixel > 255 ? 255 : (int32_t)pixel;
}

void micronets_sound_pixels(const micronets_sound *sound, int32_t *levels)
{
    for (int32_t i = 0; i < sound->bands; i++) {
        levels[i] = micronets_sound_pixel(sound, levels[i]);
    }
}

void micronets_sound_codes(const micronets_sound *sound, const micronets_sound_input *input, const int32_t *values,
                           int8_t *codes)
{
    for (int32_t i = 0; i < input->values; i++) {
        if (input->codes) {
            codes[i] = input->codes[values[i]];
            continue;
        }
        const int16_t *const factors = input->factors + i * sound->bands;
        int64_t sum = input->offsets[i];
        for (int32_t band = 0; band < sound->bands; band++) {
            sum += (int64_t)values[band] * factors[band];
        }
        sum >>= input->shift;
        codes[i] = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
    }
}

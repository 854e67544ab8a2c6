/* The integer audio front end; see micronets_sound.h. The operations are in the same order as in
 * micronets.frontend.integer, so that every bit is equal. */
#include "micronets_sound.h"

#include "micronets_fourier.h"

#if MICRONETS_LEVEL_BITS != LOG_BITS
#error "a level is a logarithm"
#endif

#define WEIGHT_BITS 12 /* fractional bits of the weights of bins in bands */

/* Returns the square root of a number below 2^62 to 16 significant bits, rounded down.
 *
 * The number is shifted left by an even number of bits until one of its upper two is set; the root is that of its upper
 * 32 bits. */
MICRONETS_INLINE uint32_t square_root(uint64_t value)
{
    const uint32_t high = (uint32_t)(value >> 32);
    const int32_t length = high ? 32 + bit_length(high) : bit_length((uint32_t)value);
    const int32_t shift = (64 - length) & ~1;
    if (length == 0) {
        return 0;
    }
    return (root_of_upper((uint32_t)((value << shift) >> 32)) << 16) >> (shift / 2);
}

/* Writes the windowed frame to z, shifted left as far as its largest sample fits 16 bits, and padded with zeros up to
 * `end`. Returns the shift. */
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

/* Computes the levels of a frame from its transform z; `square`: whether bands sum squared magnitudes. */
MICRONETS_INLINE void sum_bands(const micronets_sound *sound, const int32_t *z, int32_t square, int32_t unit,
                                int32_t *levels)
{
    const int32_t points = sound->points, shift = 33 - bit_length((uint32_t)points);
    const int16_t *edge = sound->first_bin;
    const uint16_t *rise = sound->rise + *edge;
    const uint32_t *split = sound->split + *edge;
    uint64_t rising = 0; /* sum of the bins before this edge, with the weights of the band that rises there */
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

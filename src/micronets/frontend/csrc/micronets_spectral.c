/* The integer spectral front end; see micronets_spectral.h. The operations are in the same order as in
 * micronets.frontend.spectral, so that every bit is equal. */
#include "micronets_spectral.h"

#include "micronets_fourier.h"

/* The moments of one axis of a frame.
 *
 * - sum: the sum of the samples.
 * - low, high: the smallest and the largest sample.
 * - up: the left shift of the deviations (samples * `frame` - `sum`); may be negative.
 * - squares: the sum of the squared scaled deviations. */
typedef struct {
    int32_t sum, low, high, up;
    uint64_t squares;
} axis_moments;

/* Writes the windowed deviations of an axis to z, scaled so that the largest has 15 bits, and padded with zeros.
 *
 * - samples: in, the first sample of the axis; the samples are `axes` numbers apart.
 * - end: words of z that are written, at least a frame. */
static axis_moments windowed(const micronets_spectral *spectral, const int16_t *samples, int32_t *z, int32_t end)
{
    const int32_t frame = spectral->frame, axes = spectral->axes;
    axis_moments m = {0, samples[0], samples[0], 0, 0};
    int32_t i = 0;
    for (; i < frame; i++) {
        const int32_t sample = samples[i * axes];
        m.sum += sample;
        m.low = sample < m.low ? sample : m.low;
        m.high = sample > m.high ? sample : m.high;
    }
    const int32_t above = m.high * frame - m.sum, below = m.sum - m.low * frame;
    const int32_t top = above > below ? above : below;
    m.up = 15 - bit_length((uint32_t)(top ? top : 1));
    for (i = 0; i < frame; i++) {
        const int32_t deviation = samples[i * axes] * frame - m.sum;
        const int32_t scaled = m.up < 0 ? deviation >> -m.up : deviation * (1 << m.up);
        m.squares += (uint32_t)(scaled * scaled);
        z[i] = scaled * spectral->window[i];
    }
    for (; i < end; i++) {
        z[i] = 0;
    }
    return m;
}

/* Returns the logarithm of an energy in squared sensor steps, at least the lower limit. */
static int32_t level_of(const micronets_spectral *spectral, uint64_t energy, int32_t unit, int32_t up)
{
    const int32_t level = log_2(energy ? energy : 1) + unit - 2 * up * (1 << LOG_BITS);
    return level < spectral->least ? spectral->least : level;
}

/* Writes the code of a value.
 *
 * - at: the index of the code in the frame. */
static void put(const micronets_spectral *spectral, int32_t at, int32_t value, int8_t *codes)
{
    const int64_t sum = (int64_t)value * spectral->factors[at] + spectral->offsets[at];
    const int64_t code = sum >> spectral->shifts[at];
    codes[at] = (int8_t)(code < -128 ? -128 : code > 127 ? 127 : code);
}

void micronets_spectral_frame(const micronets_spectral *spectral, const int16_t *samples, int32_t *work, int8_t *codes)
{
    const int32_t points = spectral->points, axes = spectral->axes, half = spectral->frame <= points;
    const int32_t shift = 33 - bit_length((uint32_t)points);
    for (int32_t axis = 0; axis < axes; axis++) {
        const axis_moments m = windowed(spectral, samples + axis, work, half ? points : 2 * points);
        const int16_t *edge = spectral->first_bin;
        uint32_t k = (uint32_t)*edge;
        int32_t at = axis;
        transform(work, points, spectral->twiddles, half);
        for (int32_t band = 0; band < spectral->bands; band++, at += axes) {
            const uint32_t end = (uint32_t)*++edge;
            uint64_t energy = 0;
            for (; k < end; k++) {
                energy += power_of_bin(work, points, k, shift, spectral->split[k]) >> POWER_SHIFT;
            }
            put(spectral, at, level_of(spectral, energy, spectral->band_unit, m.up), codes);
        }
        if (spectral->moments & MICRONETS_MEAN) {
            put(spectral, at, m.sum, codes);
            at += axes;
        }
        if (spectral->moments & MICRONETS_DEVIATION) {
            put(spectral, at, level_of(spectral, m.squares, spectral->deviation_unit, m.up), codes);
            at += axes;
        }
        if (spectral->moments & MICRONETS_MINIMUM) {
            put(spectral, at, m.low, codes);
            at += axes;
        }
        if (spectral->moments & MICRONETS_MAXIMUM) {
            put(spectral, at, m.high, codes);
        }
    }
}

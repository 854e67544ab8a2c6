/* Sums and largest codes along the dimensions that a reduction removes, four codes at a time. */
#ifndef MICRONETS_DSP_SUMS_H
#define MICRONETS_DSP_SUMS_H

#include "micronets_dsp.h"
#include "micronets_requantize.h"

#if MICRONETS_DSP

#define MICRONETS_SUMS 16 /* sums that become codes together */

/* Returns the code of a sum plus 128, saturated to 0 .. 255.
 *
 * twice: the sum with its bias, doubled. multiplier: of the scale. shift: right shift, 0 .. 31. zero: zero point of the
 * output, plus 128. */
MICRONETS_INLINE uint32_t micronets_dsp_mean_code(int32_t twice, int32_t multiplier, int32_t shift, int32_t zero)
{
    return micronets_saturate_byte((uint32_t)micronets_round_add(micronets_smmulr(twice, multiplier), shift, zero));
}

/* Fills `count` sums up to a multiple of four. */
MICRONETS_INLINE void micronets_dsp_fill_up(int32_t *sums, int32_t count)
{
    for (; count & 3; count++) {
        sums[count] = 0;
    }
}

/* Returns the code of a sum by a scale of any shift. */
MICRONETS_SMALL
MICRONETS_APART int8_t micronets_dsp_any_code(int32_t sum, const micronets_requant *requant)
{
    return micronets_requantize(sum, requant, 0);
}

/* Writes the codes of sums, and returns the end of the output.
 *
 * sums: [in] `count` sums without the bias, padded to a multiple of four; twice a sum with its bias fits 32 bits.
 * requant: [in] plain tables of one scale; the multiplier is any from 0 on, as that of a mean is divided by the count.
 */
MICRONETS_APART int8_t *micronets_dsp_mean_codes(const int32_t *sums, int32_t count, const micronets_requant *requant,
                                                 int8_t *output)
{
    const int32_t bias = requant->bias[0], m = requant->multiplier[0], zero = requant->zero_point + 128;
    const int32_t shift = -requant->multiplier[requant->shift_count];
    const uint32_t lowest = micronets_limit4(requant, requant->lowest);
    const uint32_t highest = micronets_limit4(requant, requant->highest);
    for (; count > 0 && shift >= 0; count -= 4, sums += 4) {
        const uint32_t a = micronets_dsp_mean_code((sums[0] + bias) * 2, m, shift, zero);
        const uint32_t b = micronets_dsp_mean_code((sums[1] + bias) * 2, m, shift, zero);
        const uint32_t c = micronets_dsp_mean_code((sums[2] + bias) * 2, m, shift, zero);
        const uint32_t d = micronets_dsp_mean_code((sums[3] + bias) * 2, m, shift, zero);
        uint32_t four = micronets_clamp4(micronets_codes4(a, b, c, d), lowest, highest);
        if (count >= 4) {
            micronets_store4(output, four);
            output += 4;
            continue;
        }
        for (int32_t k = 0; k < count; k++, four >>= 8) {
            *output++ = (int8_t)(uint8_t)four;
        }
    }
    for (; count > 0; count--) { /* a scale that shifts to the left */
        *output++ = micronets_dsp_any_code(*sums++, requant);
    }
    return output;
}

/* Returns the sum of `count` codes that lie together; first: [in] the codes. */
MICRONETS_APART int32_t micronets_dsp_sum_run(const int8_t *first, int32_t count)
{
    const uint32_t flip = 0x80808080u; /* turns codes -128 .. 127 into bytes 0 .. 255 */
    uint32_t sum = 0u - 128u * (uint32_t)count;
    for (; count >= 16; count -= 16, first += 16) {
        const uint32_t a = micronets_load4(first), b = micronets_load4(first + 4);
        const uint32_t c = micronets_load4(first + 8), d = micronets_load4(first + 12);
        sum = micronets_plus_bytes(sum, a ^ flip);
        sum = micronets_plus_bytes(sum, b ^ flip);
        sum = micronets_plus_bytes(sum, c ^ flip);
        sum = micronets_plus_bytes(sum, d ^ flip);
    }
    for (; count >= 4; count -= 4, first += 4) {
        sum = micronets_plus_bytes(sum, micronets_load4(first) ^ flip);
    }
    for (; count > 0; count--) {
        sum += (uint32_t)(128 + *first++);
    }
    return (int32_t)sum;
}

#define MICRONETS_PAIR_CODES 252 /* so many codes have a sum that fits 16 bits; a multiple of four */

/* Adds up four columns of few codes. Returns a pair of the sums of columns 0 and 2 in the lower word, and a pair of
 * those of columns 1 and 3 in the upper word.
 *
 * first: [in] the first row, four neighbouring codes. step: bytes to the next row, not 0. rows: 0 ..
 * MICRONETS_PAIR_CODES. */
MICRONETS_APART uint64_t micronets_dsp_sum_pairs(const int8_t *first, int32_t step, int32_t rows)
{
    micronets_pair even = 0, odd = 0;
    for (const int8_t *const end = first + (rows & ~3) * step; first != end; first += 4 * step) {
        const uint32_t a = micronets_load4(first), b = micronets_load4(first + step);
        const uint32_t c = micronets_load4(first + 2 * step), d = micronets_load4(first + 3 * step);
        even = micronets_even_plus(even, a);
        odd = micronets_odd_plus(odd, a);
        even = micronets_even_plus(even, b);
        odd = micronets_odd_plus(odd, b);
        even = micronets_even_plus(even, c);
        odd = micronets_odd_plus(odd, c);
        even = micronets_even_plus(even, d);
        odd = micronets_odd_plus(odd, d);
    }
    for (const int8_t *const end = first + (rows & 3) * step; first != end; first += step) {
        const uint32_t a = micronets_load4(first);
        even = micronets_even_plus(even, a);
        odd = micronets_odd_plus(odd, a);
    }
    return (uint64_t)odd << 32 | even;
}

/* Adds up four columns of codes.
 *
 * first: [in] the first row, four neighbouring codes. step: bytes to the next row, not 0. rows: at least 0. sums: [out]
 * four. */
MICRONETS_INLINE void micronets_dsp_sum_columns(const int8_t *first, int32_t step, int32_t rows, int32_t *sums)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    while (rows > 0) {
        const int32_t now = rows < MICRONETS_PAIR_CODES ? rows : MICRONETS_PAIR_CODES;
        const uint64_t pairs = micronets_dsp_sum_pairs(first, step, now);
        const uint32_t even = (uint32_t)pairs, odd = (uint32_t)(pairs >> 32);
        a += micronets_low_half(even);
        b += micronets_low_half(odd);
        c += micronets_high_half(even);
        d += micronets_high_half(odd);
        first += now * step;
        rows -= now;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* Returns a word of four codes, of which the largest is the largest of the flipped codes and of the codes in `largest`.
 *
 * first: [in] `count` neighbouring codes. largest: four codes to begin with. flip: a word that codes are flipped by. */
MICRONETS_INLINE uint32_t micronets_dsp_largest_run(const int8_t *first, int32_t count, uint32_t largest, uint32_t flip)
{
    for (; count >= 8; count -= 8, first += 8) {
        const uint32_t a = micronets_load4(first), b = micronets_load4(first + 4);
        largest = micronets_max4(largest, a ^ flip);
        largest = micronets_max4(largest, b ^ flip);
    }
    for (; count >= 4; count -= 4, first += 4) {
        largest = micronets_max4(largest, micronets_load4(first) ^ flip);
    }
    for (; count > 0; count--) {
        largest = micronets_max4(largest, MICRONETS_REPEAT4(*first++) ^ flip);
    }
    return largest;
}

/* Returns the largest of the flipped codes of each of four columns, and of the codes in `largest`.
 *
 * first: [in] the first row, four neighbouring codes. step: bytes to the next row. rows: at least 0. largest: four
 * codes to begin with. flip: a word that codes are flipped by. */
MICRONETS_INLINE uint32_t micronets_dsp_largest_columns(const int8_t *first, int32_t step, int32_t rows,
                                                        uint32_t largest, uint32_t flip)
{
    for (; rows >= 4; rows -= 4, first += 4 * step) {
        const uint32_t a = micronets_load4(first), b = micronets_load4(first + step);
        const uint32_t c = micronets_load4(first + 2 * step), d = micronets_load4(first + 3 * step);
        largest = micronets_max4(largest, a ^ flip);
        largest = micronets_max4(largest, b ^ flip);
        largest = micronets_max4(largest, c ^ flip);
        largest = micronets_max4(largest, d ^ flip);
    }
    for (; rows > 0; rows--, first += step) {
        largest = micronets_max4(largest, micronets_load4(first) ^ flip);
    }
    return largest;
}

#endif
#endif

#include "micronets_dsp_sums.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Returns, for each of four neighbouring places of the output, the largest of the codes that it reduces.
 *
 * first: [in] the first code of the first place. n: [in] the dimensions. flip: 0, or all bits set, so that the largest
 * flipped code is the smallest code. Codes are flipped before they are compared, and the result is still flipped. */
MICRONETS_APART uint32_t largest_four(const int8_t *first, const micronets_reduction *n, uint32_t flip)
{
    uint32_t largest = 0x80808080u;
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const int8_t *const line = first + i * n->gone_step[0] + j * n->gone_step[1];
            largest = micronets_dsp_largest_columns(line, n->gone_step[2], n->gone[2], largest, flip);
        }
    }
    return largest;
}

/* Returns the largest of `largest` and of `count` codes, each flipped, which are `step` bytes apart; it is in the
 * lowest byte. */
static uint32_t largest_line(const int8_t *first, int32_t count, int32_t step, uint32_t largest, uint32_t flip)
{
    if (step == 1 && count >= 4) {
        largest = micronets_dsp_largest_run(first, count, largest, flip);
        largest = micronets_max4(largest, largest >> 16);
        return micronets_max4(largest, largest >> 8);
    }
    for (; count > 0; count--, first += step) {
        largest = micronets_max4(largest, (uint32_t)(int32_t)*first ^ flip);
    }
    return largest;
}

/* Returns the largest of the flipped codes that one place of the output reduces, in the lowest byte. */
MICRONETS_SMALL
static uint32_t largest_one(const int8_t *first, const micronets_reduction *n, uint32_t flip)
{
    uint32_t largest = 0x80808080u;
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const int8_t *const line = first + i * n->gone_step[0] + j * n->gone_step[1];
            /* What is above the lowest byte may come from another line, and is not read. */
            largest = largest_line(line, n->gone[2], n->gone_step[2], MICRONETS_REPEAT4(largest), flip);
        }
    }
    return largest;
}

/* Reduces four lines of codes at once to one code each; the arguments are those of reduce_lines. */
MICRONETS_INLINE void reduce_four_lines(const int8_t *first, int8_t *output, int32_t step, int32_t count,
                                        int32_t gone_step, uint32_t flip)
{
    uint32_t a = 0x80808080u, b = a, c = a, d = a;
    for (; count > 0; count--, first += gone_step) {
        const int32_t w = first[0], x = first[step], y = first[2 * step], z = first[3 * step];
        a = micronets_max4(a, (uint32_t)w ^ flip);
        b = micronets_max4(b, (uint32_t)x ^ flip);
        c = micronets_max4(c, (uint32_t)y ^ flip);
        d = micronets_max4(d, (uint32_t)z ^ flip);
    }
    output[0] = (int8_t)(uint8_t)(a ^ flip);
    output[1] = (int8_t)(uint8_t)(b ^ flip);
    output[2] = (int8_t)(uint8_t)(c ^ flip);
    output[3] = (int8_t)(uint8_t)(d ^ flip);
}

/* Reduces lines of codes to one code each, four at once, unless a line is long and its codes lie together. Returns the
 * end of the output.
 *
 * first: [in] the first line. output: [out] a code for each line. lines, step: how many lines there are, and bytes from
 * one to the next. count, gone_step: codes of a line, and bytes from one to the next. flip: see largest_four. */
MICRONETS_APART int8_t *reduce_lines(const int8_t *first, int8_t *output, int32_t lines, int32_t step, int32_t count,
                                     int32_t gone_step, uint32_t flip)
{
    const int32_t is_run = gone_step == 1 && count >= 8;
    for (; !is_run && lines >= 4; lines -= 4, first += 4 * step, output += 4) {
        reduce_four_lines(first, output, step, count, gone_step, flip);
    }
    for (; lines > 0; lines--, first += step) {
        *output++ = (int8_t)(uint8_t)(largest_line(first, count, gone_step, 0x80808080u, flip) ^ flip);
    }
    return output;
}

/* Writes the largest codes of at most three places of the output, whose codes lie side by side in groups: a group has
 * one code for each place. A line of groups is gone through four groups at a time.
 *
 * first: [in] the first group. n: [in] the dimensions. flip: see largest_four. output: [out] a code for each place. */
MICRONETS_SMALL
static void largest_few(const int8_t *first, const micronets_reduction *n, uint32_t flip, int8_t *output)
{
    const int32_t places = n->kept[2], groups = n->gone[2] / 4;
    int8_t found[3] = {INT8_MIN, INT8_MIN, INT8_MIN};
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const int8_t *const line = first + i * n->gone_step[0] + j * n->gone_step[1];
            int8_t parts[12];
            for (int32_t word = 0; word < places; word++) {
                micronets_store4(parts + 4 * word,
                                 micronets_dsp_largest_columns(line + 4 * word, 4 * places, groups, 0x80808080u, flip));
            }
            for (int32_t place = 0; place < places; place++) {
                for (int32_t k = place; k < 4 * places; k += places) {
                    found[place] = parts[k] > found[place] ? parts[k] : found[place];
                }
                for (int32_t k = 4 * places * groups + place; k < places * n->gone[2]; k += places) {
                    const int8_t value = (int8_t)(line[k] ^ (int32_t)flip);
                    found[place] = value > found[place] ? value : found[place];
                }
            }
        }
    }
    for (int32_t place = 0; place < places; place++) {
        output[place] = (int8_t)(found[place] ^ (int32_t)flip);
    }
}

MICRONETS_SMALL
void micronets_reduce_extreme(const int8_t *input, int8_t *output, const micronets_reduction *dimensions, int32_t flip)
{
    const micronets_reduction n = *dimensions;
    const uint32_t flips = (uint32_t)flip;
    const int32_t places = n.kept[2], step = n.kept_step[2], lines = n.gone[0] * n.gone[1] == 1;
    const int32_t few = step == 1 && places < 4 && n.gone_step[2] == places;
    for (int32_t i = 0; i < n.kept[0]; i++) {
        for (int32_t j = 0; j < n.kept[1]; j++) {
            const int8_t *first = input + i * n.kept_step[0] + j * n.kept_step[1];
            int32_t left = places;
            if (few) {
                largest_few(first, &n, flips, output);
                output += places;
                continue;
            }
            for (; step == 1 && left >= 4; left -= 4, first += 4, output += 4) {
                micronets_store4(output, largest_four(first, &n, flips) ^ flips);
            }
            if (lines) {
                output = reduce_lines(first, output, left, step, n.gone[2], n.gone_step[2], flips);
                continue;
            }
            for (; left > 0; left--, first += step) {
                *output++ = (int8_t)(uint8_t)(largest_one(first, &n, flips) ^ flips);
            }
        }
    }
}

#endif

#include "micronets_dsp_sums.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Returns where the first of the largest flipped codes of a line is.
 *
 * line: [in] codes, of which the largest is sought among `count`. flip: a word that codes are flipped by. */
MICRONETS_APART int32_t place_in_line(const int8_t *line, int32_t count, uint32_t flip)
{
    uint32_t largest = micronets_dsp_largest_run(line, count, 0x80808080u, flip);
    largest = micronets_max4(largest, largest >> 16);
    largest = MICRONETS_REPEAT4(micronets_max4(largest, largest >> 8)) ^ flip;
    const int8_t *code = line;
    for (const int8_t *const words = line + (count & ~3); code != words; code += 4) {
        const uint32_t other_bits = micronets_load4(code) ^ largest;
        if ((other_bits - 0x01010101u) & ~other_bits & 0x80808080u) { /* a byte is 0 */
            break;
        }
    }
    while (*code != micronets_low_byte(largest)) {
        code++;
    }
    return (int32_t)(code - line);
}

/* Finds where the first of the largest flipped codes of each of four neighbouring columns is.
 *
 * first: [in] the first codes. count, step: codes of a column, at most 256, and bytes from one to the next. flip: a
 * word that codes are flipped by. output: [out] four places. */
MICRONETS_APART void places_in_columns(const int8_t *first, int32_t count, int32_t step, uint32_t flip, int32_t *output)
{
    uint32_t largest = micronets_load4(first) ^ flip, found = 0, place = 0;
    for (int32_t k = 1; k < count; k++) {
        first += step;
        const uint32_t four = micronets_load4(first) ^ flip;
        place += 0x01010101u;
        found = micronets_choose4(largest, four, found, place);
        largest = micronets_max4(largest, four);
    }
    output[0] = (int32_t)(found & 255u);
    output[1] = (int32_t)(found >> 8 & 255u);
    output[2] = (int32_t)(found >> 16 & 255u);
    output[3] = (int32_t)(found >> 24);
}

/* Returns where the first of the largest flipped codes of a column is; the arguments are those for four columns. */
MICRONETS_SMALL
static int32_t place_in_column(const int8_t *first, int32_t count, int32_t step, uint32_t flip)
{
    int32_t found = 0, largest = *first ^ (int32_t)flip;
    for (int32_t k = 1; k < count; k++) {
        first += step;
        const int32_t flipped = *first ^ (int32_t)flip;
        if (flipped > largest) {
            largest = flipped;
            found = k;
        }
    }
    return found;
}

void micronets_arg_extreme(const int8_t *input, int32_t *output, int32_t rows, int32_t count, int32_t columns,
                           int32_t flip)
{
    for (; rows > 0; rows--, input += count * columns) {
        int32_t c = 0;
        for (; columns > 1 && count <= 256 && c + 4 <= columns; c += 4, output += 4) {
            places_in_columns(input + c, count, columns, (uint32_t)flip, output);
        }
        for (; c < columns; c++) {
            *output++ = columns == 1 ? place_in_line(input, count, (uint32_t)flip)
                                     : place_in_column(input + c, count, columns, (uint32_t)flip);
        }
    }
}

#endif

#include "micronets_dsp_sums.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Adds up each of four lines of codes at once; the arguments are those of sum_lines. */
MICRONETS_INLINE void sum_four_lines(const int8_t *first, int32_t step, int32_t count, int32_t code_step, int32_t *sums)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (; count > 0; count--, first += code_step) {
        a += first[0];
        b += first[step];
        c += first[2 * step];
        d += first[3 * step];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* Adds up each of several lines of codes; four at once, unless a line is long and its codes lie together.
 *
 * first: [in] the first line. lines, step: how many lines there are, and bytes from one to the next. count, code_step:
 * codes of a line, and bytes from one to the next. sums: [out] one for each line. */
MICRONETS_APART void sum_lines(const int8_t *first, int32_t lines, int32_t step, int32_t count, int32_t code_step,
                               int32_t *sums)
{
    const int32_t is_run = code_step == 1 && count >= 8;
    for (; !is_run && lines >= 4; lines -= 4, first += 4 * step, sums += 4) {
        sum_four_lines(first, step, count, code_step, sums);
    }
    for (; lines > 0; lines--, first += step, sums++) {
        if (is_run) {
            *sums = micronets_dsp_sum_run(first, count);
            continue;
        }
        const int8_t *code = first;
        int32_t sum = 0;
        for (int32_t k = count; k > 0; k--, code += code_step) {
            sum += *code;
        }
        *sums = sum;
    }
}

/* Adds up each of several lines of codes as sum_lines does, whose arguments it takes; where lines begin at neighbouring
 * bytes (step is 1), four at a time. */
MICRONETS_SMALL
static void sum_group(const int8_t *first, int32_t lines, int32_t step, int32_t count, int32_t code_step, int32_t *sums)
{
    int32_t k = 0;
    for (; step == 1 && k + 4 <= lines; k += 4) {
        micronets_dsp_sum_columns(first + k, code_step, count, sums + k);
    }
    sum_lines(first + k * step, lines - k, step, count, code_step, sums + k);
}

/* Adds up, for each of several places of the output, the codes that it reduces.
 *
 * first: [in] the first code of the first place. step: bytes from one place to the next. places: how many there are, at
 * most MICRONETS_SUMS. n: [in] the dimensions. sums: [out] one for each place. */
MICRONETS_SMALL
static void sum_places(const int8_t *first, int32_t step, int32_t places, const micronets_reduction *n, int32_t *sums)
{
    int32_t part[MICRONETS_SUMS];
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const int8_t *const line = first + i * n->gone_step[0] + j * n->gone_step[1];
            if (i + j == 0) {
                sum_group(line, places, step, n->gone[2], n->gone_step[2], sums);
                continue;
            }
            sum_group(line, places, step, n->gone[2], n->gone_step[2], part);
            for (int32_t k = 0; k < places; k++) {
                sums[k] += part[k];
            }
        }
    }
}

/* Adds up the codes of at most three places of the output, which lie side by side in groups: a group has one code for
 * each place. A line of groups is added up four groups at a time.
 *
 * first: [in] the first group. n: [in] the dimensions. sums: [out] three, the first ones for the places. */
MICRONETS_SMALL
static void sum_few(const int8_t *first, const micronets_reduction *n, int32_t *sums)
{
    sums[0] = sums[1] = sums[2] = 0;
    const int32_t places = n->kept[2], groups = n->gone[2] / 4;
    for (int32_t i = 0; i < n->gone[0]; i++) {
        for (int32_t j = 0; j < n->gone[1]; j++) {
            const int8_t *const line = first + i * n->gone_step[0] + j * n->gone_step[1];
            int32_t parts[12];
            for (int32_t word = 0; word < places; word++) {
                micronets_dsp_sum_columns(line + 4 * word, 4 * places, groups, parts + 4 * word);
            }
            for (int32_t place = 0; place < places; place++) {
                for (int32_t k = place; k < 4 * places; k += places) {
                    sums[place] += parts[k];
                }
                for (int32_t k = 4 * places * groups + place; k < places * n->gone[2]; k += places) {
                    sums[place] += line[k];
                }
            }
        }
    }
}

MICRONETS_SMALL
void micronets_reduce_sum(const int8_t *input, int8_t *output, const micronets_reduction *dimensions,
                          const micronets_requant *requant)
{
    const micronets_reduction *const n = dimensions;
    const int32_t step = n->kept_step[2], few = step == 1 && n->kept[2] < 4 && n->gone_step[2] == n->kept[2];
    for (int32_t i = 0; i < n->kept[0]; i++) {
        for (int32_t j = 0; j < n->kept[1]; j++) {
            const int8_t *first = input + i * n->kept_step[0] + j * n->kept_step[1];
            for (int32_t left = n->kept[2], now; left > 0; left -= now, first += now * step) {
                int32_t sums[MICRONETS_SUMS];
                if (few) {
                    now = left;
                    sum_few(first, n, sums);
                } else {
                    now = left < MICRONETS_SUMS ? left : MICRONETS_SUMS;
                    sum_places(first, step, now, n, sums);
                }
                micronets_dsp_fill_up(sums, now);
                output = micronets_dsp_mean_codes(sums, now, requant, output);
            }
        }
    }
}

#endif

#include "micronets_copy_rows.h"
#include "micronets_dsp.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Returns the block of four by four bytes that begins at `source`: its rows are `step` bytes apart in the input, and
 * its columns are parts of lines of the output. */
MICRONETS_INLINE micronets_block block_at(const int8_t *source, int32_t step)
{
    const micronets_block rows = {micronets_load4(source), micronets_load4(source + step),
                                  micronets_load4(source + 2 * step), micronets_load4(source + 3 * step)};
    return rows;
}

/* Transposes four lines of the output, which are neighbouring bytes of the input, by blocks; the last block may lie
 * over the one before it.
 *
 * source: [in] the first byte of the first line; from one byte of a line to the next it is `step` bytes.
 * target: [out] four lines of `count` bytes, at least 4. */
MICRONETS_APART void transpose_four(const int8_t *source, int8_t *target, int32_t count, int32_t step)
{
    const int32_t pitch = count, twice = 2 * count, thrice = 3 * count;
    for (;;) {
        for (; count >= 4; count -= 4, source += 4 * step, target += 4) {
            const micronets_block lines = micronets_columns(block_at(source, step));
            micronets_store4(target, lines.a);
            micronets_store4(target + pitch, lines.b);
            micronets_store4(target + twice, lines.c);
            micronets_store4(target + thrice, lines.d);
        }
        if (count == 0) {
            return;
        }
        source -= (4 - count) * step;
        target -= 4 - count;
        count = 4;
    }
}

/* Transposes one to three lines of the output as transpose_four does four. The input may end behind the last byte of
 * the lines, so the last block is read from one byte further in front. lines: 1 .. 3. count: at least 5. */
MICRONETS_APART void transpose_few(const int8_t *source, int8_t *target, int32_t lines, int32_t count, int32_t step)
{
    /* Of four lines that a block has, those that the output lacks are written where a line of the output is then
     * written over them. */
    const int32_t second = lines > 1 ? count : 0, third = lines > 2 ? 2 * count : second;
    int32_t left = count;
    for (; left > 4; left -= 4, source += 4 * step, target += 4) {
        const micronets_block found = micronets_columns(block_at(source, step));
        micronets_store4(target + third, found.c);
        micronets_store4(target + second, found.b);
        micronets_store4(target, found.a);
    }
    source -= (4 - left) * step + 1;
    target -= 4 - left;
    const micronets_block found = micronets_columns(block_at(source, step));
    micronets_store4(target + third, found.d);
    micronets_store4(target + second, found.c);
    micronets_store4(target, found.b);
}

#endif

/* Copies the two inner dimensions and returns the end of the target. */
static int8_t *copy_plane(int8_t *target, const int8_t *source, const micronets_copy_params *params)
{
    const micronets_copy_params *const n = params;
    const int32_t count = n->count[4], step = n->step[4], lines = n->count[3];
    int32_t line = 0;
#if MICRONETS_DSP
    /* A block of fewer than four lines takes bytes behind them, up to the next place of the input at most. */
    while (n->run == 1 && n->step[3] == 1 && line < lines &&
           (lines - line >= 4 ? count >= 4 : count > 4 && step >= 3)) {
        const int32_t together = lines - line < 4 ? lines - line : 4;
        if (together == 4) {
            transpose_four(source, target, count, step);
        } else {
            transpose_few(source, target, together, count, step);
        }
        line += together;
        source += together;
        target += together * count;
    }
#endif
    for (; line < lines; line++, source += n->step[3], target += count * n->run) {
        micronets_copy_rows(target, n->run, source, step, count, n->run);
    }
    return target;
}

void micronets_copy_strided(const int8_t *input, int8_t *output, const micronets_copy_params *params)
{
    const micronets_copy_params *const n = params;
    const int8_t *const first = input + n->start;
    for (int32_t a = 0; a < n->count[0]; a++) {
        for (int32_t b = 0; b < n->count[1]; b++) {
            for (int32_t c = 0; c < n->count[2]; c++) {
                output = copy_plane(output, first + a * n->step[0] + b * n->step[1] + c * n->step[2], n);
            }
        }
    }
}

#include "micronets_bytes.h"
#include "micronets_kernels.h"

#if MICRONETS_DSP

/* Copies more than 16 bytes and returns the end of the target; the last ones may be copied twice. */
MICRONETS_APART int8_t *copy_long(int8_t *target, const int8_t *source, int32_t run)
{
    const int8_t *const last = source + run - 16;
    int8_t *const end = target + run;
    for (int32_t more = 1; more; source += 16, target += 16) {
        if (source >= last) {
            target -= source - last;
            source = last;
            more = 0;
        }
        const uint32_t a = micronets_load4(source), b = micronets_load4(source + 4);
        const uint32_t c = micronets_load4(source + 8), d = micronets_load4(source + 12);
        micronets_store4(target, a);
        micronets_store4(target + 4, b);
        micronets_store4(target + 8, c);
        micronets_store4(target + 12, d);
    }
    return end;
}

#endif

/* Copies a run of at least one byte and returns the end of the target. */
static int8_t *copy_run(int8_t *target, const int8_t *source, int32_t run)
{
    if (run > 3) {
#if MICRONETS_DSP
        if (run > 16) {
            return copy_long(target, source, run);
        }
#endif
        return micronets_copy(target, source, run);
    }
    target[0] = source[0];
    if (run > 1) {
        target[1] = source[1];
    }
    if (run > 2) {
        target[2] = source[2];
    }
    return target + run;
}

#if MICRONETS_DSP

/* Copies runs of at most three bytes and returns the end of the target. Each but the last is copied with bytes behind
 * it, which the next run then overwrites. */
MICRONETS_APART int8_t *copy_short(int8_t *target, const int8_t *line, const int32_t *columns, int32_t count,
                                   int32_t run)
{
    int32_t c = 0;
    if (run == 1) {
        for (; c + 4 <= count; c += 4, target += 4) {
            const int32_t i = columns[c], j = columns[c + 1], k = columns[c + 2], l = columns[c + 3];
            const uint8_t *const from = (const uint8_t *)line;
            micronets_store4(target,
                             from[i] | (uint32_t)from[j] << 8 | (uint32_t)from[k] << 16 | (uint32_t)from[l] << 24);
        }
        for (; c < count; c++) {
            *target++ = line[columns[c]];
        }
        return target;
    }
    for (; c + 2 < count; c += 2) {
        const int32_t i = columns[c], j = columns[c + 1];
        const uint32_t first = micronets_load4(line + i), second = micronets_load4(line + j);
        micronets_store4(target, first);
        target += run;
        micronets_store4(target, second);
        target += run;
    }
    for (; c < count; c++, target += run) {
        const int8_t *const source = line + columns[c];
        micronets_copy2(target, source);
        target[run - 1] = source[run - 1];
    }
    return target;
}

#endif

/* Copies the runs of a line and returns the end of the target; runs that lie together are copied at once. */
static int8_t *copy_line(int8_t *target, const int8_t *line, const int32_t *columns, int32_t count, int32_t run)
{
    for (int32_t c = 0; c < count;) {
        const int8_t *const source = line + columns[c];
        int32_t bytes = run;
        for (c++; c < count && line + columns[c] == source + bytes; c++) {
            bytes += run;
        }
        target = copy_run(target, source, bytes);
    }
    return target;
}

#if MICRONETS_DSP

/* Returns the largest of some numbers, none of which is below 0. */
static int32_t largest_of(const int32_t *numbers, int32_t count)
{
    int32_t largest = 0;
    for (int32_t i = 0; i < count; i++) {
        largest = numbers[i] > largest ? numbers[i] : largest;
    }
    return largest;
}

#endif

void micronets_take(const int8_t *input, int8_t *output, const int32_t *rows, int32_t row_count, const int32_t *columns,
                    int32_t column_count, int32_t run)
{
    const int32_t line_bytes = column_count * run;
#if MICRONETS_DSP
    const int32_t last = run < 4 ? largest_of(rows, row_count) : 0;
#endif
    for (int32_t r = 0; r < row_count; r++) {
        if (r > 0 && rows[r] == rows[r - 1]) { /* the line before it, once more */
            output = copy_run(output, output - line_bytes, line_bytes);
#if MICRONETS_DSP
        } else if (run < 4 && (run == 1 || rows[r] < last)) { /* behind the last line there may be nothing to read */
            output = copy_short(output, input + rows[r], columns, column_count, run);
#endif
        } else {
            output = copy_line(output, input + rows[r], columns, column_count, run);
        }
    }
}

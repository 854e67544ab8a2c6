#include "micronets_copy_rows.h"

#include "micronets_bytes.h"

#if MICRONETS_DSP

/* Copies rows of one byte, which lie together in the target, four at a time; returns how many are left. */
static int32_t copy_single(int8_t *target, const int8_t *source, int32_t step, int32_t rows)
{
    const uint8_t *from = (const uint8_t *)source;
    const int32_t twice = 2 * step, thrice = 3 * step;
    for (; rows >= 4; rows -= 4, from += 4 * step, target += 4) {
        micronets_store4(target, from[0] | (uint32_t)from[step] << 8 | (uint32_t)from[twice] << 16 |
                                     (uint32_t)from[thrice] << 24);
    }
    return rows;
}

/* Copies rows of one byte to equal steps, four at a time; returns how many are left. */
static int32_t spread_single(int8_t *target, int32_t target_step, const int8_t *source, int32_t step, int32_t rows)
{
    const int32_t target_twice = 2 * target_step, target_thrice = 3 * target_step;
    const int32_t twice = 2 * step, thrice = 3 * step;
    for (; rows >= 4; rows -= 4, source += 4 * step, target += 4 * target_step) {
        const int8_t a = source[0], b = source[step], c = source[twice], d = source[thrice];
        target[0] = a;
        target[target_step] = b;
        target[target_twice] = c;
        target[target_thrice] = d;
    }
    return rows;
}

/* Copies rows of two or three bytes, which lie together in the target, except for the first and the last row. A row is
 * copied with the bytes behind it, which the next row then overwrites. */
static void copy_short(int8_t *target, const int8_t *source, int32_t step, int32_t rows, int32_t run)
{
    for (rows -= 2; rows >= 2; rows -= 2) {
        source += step;
        target += run;
        const uint32_t first = micronets_load4(source), second = micronets_load4(source + step);
        micronets_store4(target, first);
        source += step;
        target += run;
        micronets_store4(target, second);
    }
    if (rows > 0) {
        micronets_store4(target + run, micronets_load4(source + step));
    }
}

/* Copies rows of two or three bytes to equal steps; third: the place of the last byte of a row, 1 or 2. */
static void spread_short(int8_t *target, int32_t target_step, const int8_t *source, int32_t step, int32_t rows,
                         int32_t third)
{
    for (; rows > 1; rows -= 2) {
        micronets_copy2(target, source);
        target[third] = source[third];
        source += step;
        target += target_step;
        micronets_copy2(target, source);
        target[third] = source[third];
        source += step;
        target += target_step;
    }
    if (rows > 0) {
        micronets_copy2(target, source);
        target[third] = source[third];
    }
}

/* Copies rows of four bytes. */
static void copy_words(int8_t *target, int32_t target_step, const int8_t *source, int32_t source_step, int32_t rows)
{
    for (; rows > 1; rows -= 2, source += 2 * source_step, target += 2 * target_step) {
        const uint32_t first = micronets_load4(source), second = micronets_load4(source + source_step);
        micronets_store4(target, first);
        micronets_store4(target + target_step, second);
    }
    if (rows > 0) {
        micronets_store4(target, micronets_load4(source));
    }
}

/* Copies rows of more than four bytes. The last word of a row is copied with some bytes of the word before it. */
static void copy_long(int8_t *target, int32_t target_step, const int8_t *source, int32_t source_step, int32_t rows,
                      int32_t run)
{
    const int32_t last = run - 4;
    for (; rows > 0; rows--, source += source_step, target += target_step) {
        int32_t i = 0;
        for (; i + 4 < last; i += 8) {
            micronets_store4(target + i, micronets_load4(source + i));
            micronets_store4(target + i + 4, micronets_load4(source + i + 4));
        }
        if (i < last) {
            micronets_store4(target + i, micronets_load4(source + i));
        }
        micronets_store4(target + last, micronets_load4(source + last));
    }
}

#endif

void micronets_copy_rows(int8_t *target, int32_t target_step, const int8_t *source, int32_t source_step, int32_t rows,
                         int32_t run)
{
    int32_t done = 0;
#if MICRONETS_DSP
    if (run == 4) {
        copy_words(target, target_step, source, source_step, rows);
        return;
    }
    if (run > 4) {
        copy_long(target, target_step, source, source_step, rows, run);
        return;
    }
    if (run == 1 && target_step == 1) {
        done = rows - copy_single(target, source, source_step, rows);
    } else if (run == 1) {
        done = rows - spread_single(target, target_step, source, source_step, rows);
    } else if (target_step == run && rows > 2 && (source_step >= run || source_step <= -run)) {
        copy_short(target, source, source_step, rows, run);
        spread_short(target, 0, source, 0, 1, run - 1);
        done = rows - 1;
    } else {
        spread_short(target, target_step, source, source_step, rows, run - 1);
        return;
    }
#endif
    target += done * target_step;
    source += done * source_step;
    for (; done < rows; done++, target += target_step, source += source_step) {
        for (int32_t i = 0; i < run; i++) {
            target[i] = source[i];
        }
    }
}

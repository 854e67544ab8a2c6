#include "micronets_columns.h"
#include "micronets_dsp.h"
#include "micronets_taps.h"

/* `count` values, a multiple of four, to the pairs of one pixel. */
MICRONETS_APART uint32_t *expand_one(const int8_t *x, uint32_t *column, int32_t count)
{
    const int8_t *const end = x + count;
#ifdef MICRONETS_DSP
    for (const int8_t *const most = x + (count & ~15); x != most; x += 16, column += 16) {
        const uint32_t a = micronets_load4(x), b = micronets_load4(x + 4);
        const uint32_t c = micronets_load4(x + 8), d = micronets_load4(x + 12);
        column[0] = micronets_even(a);
        column[2] = micronets_odd(a);
        column[4] = micronets_even(b);
        column[6] = micronets_odd(b);
        column[8] = micronets_even(c);
        column[10] = micronets_odd(c);
        column[12] = micronets_even(d);
        column[14] = micronets_odd(d);
    }
    for (; x != end; x += 4, column += 4) {
        const uint32_t a = micronets_load4(x);
        column[0] = micronets_even(a);
        column[2] = micronets_odd(a);
    }
#else
    for (; x != end; x += 4, column += 4) {
        column[0] = ((uint32_t)x[0] & 0xffffu) | (uint32_t)x[2] << 16;
        column[2] = ((uint32_t)x[1] & 0xffffu) | (uint32_t)x[3] << 16;
    }
#endif
    return column;
}

/* `count` times the padding, as pairs; a multiple of four. */
MICRONETS_APART uint32_t *fill(uint32_t *column, uint32_t pair, int32_t count)
{
    for (; count > 0; count -= 4, column += 4) {
        column[0] = pair;
        column[2] = pair;
    }
    return column;
}

/* The column of the window whose first tap is at (top, left). */
MICRONETS_APART void expand(const int8_t *input, uint32_t *column, int32_t top, int32_t left, const micronets_window *window)
{
    const int32_t c = window->in_c, width = window->kernel_w, step = window->dilation_w;
    const uint32_t pad = ((uint32_t)window->pad_value & 0xffffu) | (uint32_t)window->pad_value << 16;
    const int32_t first = micronets_first_tap(left, step);
    const int32_t end = micronets_end_tap(left, step, width, window->in_w, first);
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t y = top + ky * window->dilation_h;
        if (y < 0 || y >= window->in_h || first >= end) {
            column = fill(column, pad, width * c);
            continue;
        }
        const int8_t *x = input + (y * window->in_w + left + first * step) * c;
        column = fill(column, pad, first * c);
        if (step == 1) {
            column = expand_one(x, column, (end - first) * c);
        } else {
            for (int32_t kx = first; kx < end; kx++) {
                column = expand_one(x, column, c);
                x += step * c;
            }
        }
        column = fill(column, pad, (width - end) * c);
    }
}

/* The columns of two windows inside the map, their first values at x and y: `rows` rows of `count` values. */

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)

/* r3: columns, r4: rows left; r2: from the end of a row to the next; r5: count, r6: what is left of it; r11: where the loop is
 * entered, the first round being that of the odd fours. */
#define FOUR                                                                                                           \
    "ldr.w r9, [r0], #4\n\tldr.w r10, [r1], #4\n\tsxtb16 r7, r9\n\tsxtb16 r8, r10\n\tsxtb16 r9, r9, ror #8\n\t"        \
    "sxtb16 r10, r10, ror #8\n\tstr.w r7, [r3], #16\n\tstr r8, [r3, #-12]\n\tstr r9, [r3, #-8]\n\t"                \
    "str r10, [r3, #-4]\n\t" /* 40 bytes */

__attribute__((naked, noinline)) static void
expand_both(const int8_t *x __attribute__((unused)), const int8_t *y __attribute__((unused)),
            int32_t pitch __attribute__((unused)), uint32_t *columns __attribute__((unused)),
            int32_t rows __attribute__((unused)), int32_t count __attribute__((unused)))
{
    __asm__ volatile("push {r4-r11, lr}\n\tldrd r4, r5, [sp, #36]\n\tsubs r2, r2, r5\n\t"
                     "rsbs r6, r5, #0\n\tand r6, r6, #12\n\tadd r6, r6, r6, lsl #2\n\tadr r11, 2f\n\t"
                     "add r11, r11, r6, lsl #1\n\torr r11, r11, #1\n"
                     "1:\n\tmov r6, r5\n\tbx r11\n\t"
                     ".p2align 2\n2:\n\t" FOUR FOUR FOUR FOUR "subs r6, #16\n\tbgt.w 2b\n\t"
                     "add r0, r2\n\tadd r1, r2\n\tsubs r4, #1\n\tbne.n 1b\n\tpop {r4-r11, pc}\n");
}

#else

static void expand_both(const int8_t *x, const int8_t *y, int32_t pitch, uint32_t *columns, int32_t rows, int32_t count)
{
    for (int32_t k = 0; k < rows; k++, columns += count) {
        expand_one(x + k * pitch, columns, count);
        expand_one(y + k * pitch, columns + 1, count);
    }
}

#endif

void micronets_conv_4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                      const micronets_window *window, const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t c = n.in_c, count = n.kernel_w * c, row = n.in_w * c;
    const micronets_block block = micronets_prepare(scratch, weights, n.kernel_h * count, n.filters, requant);
    /* The last window that is inside, in both directions. */
    const int32_t bottom = n.in_h - 1 - (n.kernel_h - 1) * n.dilation_h, right = n.dilation_w == 1 ? n.in_w - n.kernel_w : -1;
    int32_t top = -n.pad_top, left = -n.pad_left;
    const int32_t turn = left + n.out_w * n.stride_w;
    for (int32_t pixels = n.out_h * n.out_w; pixels > 0; pixels -= 2) {
        int32_t tops[2], lefts[2], inside = 1;
        for (int32_t k = 0; k < 2; k++) {
            tops[k] = top;
            lefts[k] = left;
            inside &= top >= 0 && top <= bottom && left >= 0 && left <= right;
            if (pixels > 1) { /* else the last pixel again */
                left += n.stride_w;
                if (left == turn) {
                    left = -n.pad_left;
                    top += n.stride_h;
                }
            }
        }
        if (inside) {
            const int8_t *const x = input + tops[0] * row + lefts[0] * c, *const y = input + tops[1] * row + lefts[1] * c;
            expand_both(x, y, n.dilation_h * row, scratch, n.kernel_h, count);
        } else {
            expand(input, scratch, tops[0], lefts[0], window);
            expand(input, scratch + 1, tops[1], lefts[1], window);
        }
        micronets_columns(&block, output, pixels > 1 ? n.out_c : 0);
        output += 2 * n.out_c;
    }
}

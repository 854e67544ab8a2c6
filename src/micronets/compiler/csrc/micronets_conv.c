#include "micronets_bytes.h"
#include "micronets_columns.h"

/* The columns of the windows whose first values are at x and y: `rows` rows of `count` values. First, if count is odd, the last
 * values of every two rows; the other half of a single one does not matter, its weight being 0. Then of each row the pairs
 * (0, 2) and (1, 3) of every four, and one pair if two or three values are left. */

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && defined(__GNUC__)

/* r0, r2: x and y; r1, r3: bytes from the last values of a row to the next row, or from where they would be; r4: columns;
 * r5: rows left; r7: count in fours; lr: without them; r8: where the next last value goes: of a pair of rows the first value
 * is the one at an address that is a multiple of 4. */
__attribute__((naked, noinline)) static void
expand_both(const int8_t *x __attribute__((unused)), int32_t pitch_x __attribute__((unused)),
            const int8_t *y __attribute__((unused)), int32_t pitch_y __attribute__((unused)),
            uint32_t *columns __attribute__((unused)), int32_t rows __attribute__((unused)), int32_t count __attribute__((unused)))
{
    __asm__ volatile(
        "push {r4-r11, lr}\n\tldrd r4, r5, [sp, #36]\n\tldr r6, [sp, #44]\n\tmov r8, r4\n\t"
        "and lr, r6, #3\n\tsub r7, r6, lr\n\tlsrs r6, r6, #1\n\tsub r1, r1, r6, lsl #1\n\tsub r3, r3, r6, lsl #1\n\t"
        "bcc.n 1f\n\tadds r6, r5, #1\n\tlsrs r6, r6, #1\n\tadd r4, r4, r6, lsl #3\n"
        "1:\n\tsubs r6, r7, #4\n\tblt.n 5f\n"
        "2:\n\tldr.w r11, [r0], #4\n\tldr.w r12, [r2], #4\n\tsxtb16 r9, r11\n\tsxtb16 r10, r12\n\t"
        "sxtb16 r11, r11, ror #8\n\tsxtb16 r12, r12, ror #8\n\tsubs r6, #4\n\tstm r4!, {r9-r12}\n\tbge.n 2b\n\t"
        "lsls.w r6, lr, #31\n\tbcs.n 6f\n\tbpl.n 4f\n" /* carry: two or three are left, minus: one or three */
        "3:\n\tldrsb r9, [r0]\n\tldrsb r10, [r2]\n\tand r6, r8, #2\n\tstrh r9, [r8]\n\tstrh r10, [r8, #4]\n\t"
        "add r8, r8, #2\n\tadd r8, r8, r6, lsl #1\n"
        "4:\n\tadd r0, r1\n\tadd r2, r3\n\tsubs r5, #1\n\tbne.n 1b\n\tpop {r4-r11, pc}\n"
        "5:\n\tlsls.w r6, lr, #31\n\tbcc.n 3b\n"
        "6:\n\tldrsb r9, [r0], #1\n\tldrsb r10, [r2], #1\n\tldrsb r11, [r0], #1\n\tldrsb r12, [r2], #1\n\t"
        "pkhbt r9, r9, r11, lsl #16\n\tpkhbt r10, r10, r12, lsl #16\n\tstm r4!, {r9, r10}\n\tbmi.n 3b\n\tb.n 4b\n");
}

#else

MICRONETS_INLINE uint32_t pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

static void expand_both(const int8_t *x, int32_t pitch_x, const int8_t *y, int32_t pitch_y, uint32_t *columns, int32_t rows,
                        int32_t count)
{
    for (int32_t k = 0; k < rows && count % 2; k += 2, columns += 2) {
        const int8_t *u = x + k * pitch_x + count - 1, *v = y + k * pitch_y + count - 1;
        columns[0] = pair(u[0], k + 1 < rows ? u[pitch_x] : 0);
        columns[1] = pair(v[0], k + 1 < rows ? v[pitch_y] : 0);
    }
    for (int32_t k = 0; k < rows; k++) {
        const int8_t *u = x + k * pitch_x, *v = y + k * pitch_y;
        int32_t left = count;
        for (; left >= 4; left -= 4, u += 4, v += 4, columns += 4) {
            columns[0] = pair(u[0], u[2]);
            columns[1] = pair(v[0], v[2]);
            columns[2] = pair(u[1], u[3]);
            columns[3] = pair(v[1], v[3]);
        }
        if (left > 1) {
            columns[0] = pair(u[0], u[1]);
            columns[1] = pair(v[0], v[1]);
            columns += 2;
        }
    }
}

#endif

/* A walk over the windows of a convolution. */
typedef struct {
    const int8_t *x; /* first value of the window */
    int32_t pitch;   /* from a row of it to the next */
    int32_t top, left;
    int32_t last; /* the next windows on the line lie side by side where x is, up to the one whose `left` is that */
    int32_t turn; /* `left` behind the line */
    int32_t bottom, right; /* the last window inside the map */
    int32_t reach;         /* pixels of a strip: a line of windows, or one */
    uint32_t *strip;       /* there are two, used in turns: a pair of windows may be the last of one and the first of the next */
    int32_t other;         /* words from this strip to the other */
} walk;

/* Where the window at (top, left) is: in the map, or in a strip of what lies under it and the next ones, padding included. */
MICRONETS_SMALL
MICRONETS_APART void locate(walk *w, const int8_t *input, const micronets_window *n)
{
    const int32_t c = n->in_c, step = n->dilation_w, row = n->in_w * c;
    if (w->left >= w->turn) {
        w->left = -n->pad_left;
        w->top += n->stride_h;
    }
    const int32_t top = w->top, left = w->left;
    w->x = input + top * row + left * c;
    w->pitch = n->dilation_h * row;
    w->last = w->right;
    if (top >= 0 && top <= w->bottom && left >= 0 && left <= w->right) {
        return;
    }
    int8_t *target = (int8_t *)(void *)w->strip;
    w->x = target;
    const int32_t line = w->turn - n->stride_w + n->kernel_w - left, reach = w->reach < line ? w->reach : line;
    w->pitch = reach * c;
    w->last = left + reach - n->kernel_w;
    for (int32_t i = (n->kernel_h * reach * c - 1) / 4; i >= 0; i--) {
        w->strip[i] = ((uint32_t)n->pad_value & 255u) * 0x01010101u;
    }
    w->strip += w->other;
    w->other = -w->other;
    int32_t first = 0, end = reach; /* of the taps inside */
    for (; left + first * step < 0; first++) {
    }
    for (; left + (end - 1) * step >= n->in_w; end--) {
    }
    const int32_t together = step == 1 ? end - first : 1; /* pixels */
    for (int32_t y = top; y < top + n->kernel_h * n->dilation_h; y += n->dilation_h, target += reach * c) {
        if (y >= 0 && y < n->in_h) {
            for (int32_t k = first; k < end; k += together) {
                micronets_copy(target + k * c, input + y * row + (left + k * step) * c, together * c);
            }
        }
    }
}

MICRONETS_SMALL
void micronets_conv(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                    const micronets_window *n, const micronets_requant *requant)
{
    const int32_t c = n->in_c, count = n->kernel_w * c, size = n->kernel_h * count;
    const micronets_block block = micronets_prepare(scratch, weights, size, n->filters, requant);
    const int32_t line = (n->out_w - 1) * n->stride_w + n->kernel_w, right = n->in_w - n->kernel_w;
    walk w;
    w.top = -n->pad_top;
    w.left = -n->pad_left;
    w.turn = w.left + n->out_w * n->stride_w;
    w.bottom = n->in_h - 1 - (n->kernel_h - 1) * n->dilation_h;
    w.right = n->dilation_w > 1 ? -1 : right < w.turn ? right : w.turn - 1;
    w.reach = n->dilation_w == 1 && line * n->kernel_h * c <= MICRONETS_STRIP_BYTES ? line : n->kernel_w;
    w.other = (n->kernel_h * w.reach * c + 3) / 4;
    w.strip = scratch + (size + 1) / 2 * 2;
    locate(&w, input, n);
    for (int32_t left = n->out_h * n->out_w; left > 0; left -= 2) {
        const int8_t *const x = w.x;
        const int32_t pitch = w.pitch;
        for (int32_t k = 1; k < 3; k++) {
            if (left > k) { /* else the last pixel twice */
                w.left += n->stride_w;
                w.x += n->stride_w * c;
                if (w.left > w.last) {
                    locate(&w, input, n);
                }
            }
            if (k == 1) {
                expand_both(x, pitch, w.x, w.pitch, scratch, n->kernel_h, count);
            }
        }
        micronets_columns(&block, output, left > 1 ? n->out_c : 0);
        output += 2 * n->out_c;
    }
}

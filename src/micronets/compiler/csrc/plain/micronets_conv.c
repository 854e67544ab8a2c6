#include "micronets_bytes.h"
#include "micronets_conv_im2col.h"
#include "micronets_im2col_multiply.h"

/* The state of a walk over the windows of a convolution. Windows that reach over the edge of the map, or that are
 * dilated along a row, are copied into a strip: the pixels under a window, or under a line of them, padding included.
 * There are two strips, which are used alternately: of a pair of windows, the first may be the last one of a strip and
 * the second the first one of the next. */
typedef struct {
    const int8_t *x;       /* first value of the window, in the map or in a strip */
    int32_t pitch;         /* bytes from a row of the window to the next */
    int32_t top, left;     /* where in the map the window begins, in pixels; negative in the padding */
    int32_t last;          /* the greatest `left` of the windows of this line that lie next to each other at x */
    int32_t turn;          /* the first `left` after the end of the line */
    int32_t bottom, right; /* the greatest `top` and `left` of a window inside the map */
    int32_t reach;         /* pixels of a row of a strip: those under a line of windows, or under one */
    uint32_t *strip;       /* the strip that is written next */
    int32_t other;         /* words from this strip to the other */
} walk;

/* Sets where the window at (top, left) lies: in the map, or in a strip, which is then written. */
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
        w->strip[i] = MICRONETS_REPEAT4(n->pad_value);
    }
    w->strip += w->other;
    w->other = -w->other;
    int32_t first = 0, end = reach; /* the taps inside the map */
    for (; left + first * step < 0; first++) {
    }
    for (; left + (end - 1) * step >= n->in_w; end--) {
    }
    const int32_t together = step == 1 ? end - first : 1; /* pixels that are copied at once */
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
    const micronets_im2col_block block = micronets_im2col_prepare(scratch, weights, size, n->filters, requant);
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
            if (left > k) { /* an odd last pixel is computed twice */
                w.left += n->stride_w;
                w.x += n->stride_w * c;
                if (w.left > w.last) {
                    locate(&w, input, n);
                }
            }
            if (k == 1) {
                micronets_conv_im2col(x, pitch, w.x, w.pitch, scratch, n->kernel_h, count);
            }
        }
        micronets_im2col_multiply(&block, output, left > 1 ? n->out_c : 0);
        output += 2 * n->out_c;
    }
}

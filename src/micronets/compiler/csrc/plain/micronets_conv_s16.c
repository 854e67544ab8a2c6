#include "micronets_products_s16.h"
#include "micronets_requantize_s16.h"
#include "micronets_taps.h"

/* Copies `count` codes, or writes as many zeros where `from` is a null pointer. Returns the address of the next
 * code. */
static int16_t *micronets_put_s16(int16_t *to, const int16_t *from, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        *to++ = from ? from[i] : 0;
    }
    return to;
}

/* Copies the codes under a window, zeros for those in the padding, and zeros up to a multiple of four.
 *
 * scratch: [out] the codes. input: [in] the first channel to copy of the map. n: [in] sizes. top, left: position of the
 * window's first tap. channels: how many to copy. */
static void micronets_gather_s16(int16_t *scratch, const int16_t *input, const micronets_window *n, int32_t top,
                                 int32_t left, int32_t channels)
{
    const int32_t x0 = micronets_first_tap(left, n->dilation_w);
    const int32_t x1 = micronets_end_tap(left, n->dilation_w, n->kernel_w, n->in_w, x0);
    const int32_t before = x0 < n->kernel_w ? x0 : n->kernel_w, after = n->kernel_w - (x1 > before ? x1 : before);
    const int32_t taps = n->kernel_w - before - after, together = n->dilation_w == 1 && channels == n->in_c;
    for (int32_t ky = 0; ky < n->kernel_h; ky++) {
        const int32_t y = top + ky * n->dilation_h;
        if (y < 0 || y >= n->in_h) {
            scratch = micronets_put_s16(scratch, 0, n->kernel_w * channels);
            continue;
        }
        const int16_t *x = input + (y * n->in_w + left + before * n->dilation_w) * n->in_c;
        scratch = micronets_put_s16(scratch, 0, before * channels);
        if (together) {
            scratch = micronets_put_s16(scratch, x, taps * channels);
        } else {
            for (int32_t kx = 0; kx < taps; kx++, x += n->dilation_w * n->in_c) {
                scratch = micronets_put_s16(scratch, x, channels);
            }
        }
        scratch = micronets_put_s16(scratch, 0, after * channels);
    }
    micronets_put_s16(scratch, 0, -(n->kernel_h * n->kernel_w * channels) & 3);
}

/* Returns whether the values of every window are adjacent in the map: rows of a window are whole rows of the map, or it
 * has one row, and no window reaches into the padding. */
static int32_t micronets_lie_together(const micronets_window *n)
{
    const int32_t rows = (n->out_h - 1) * n->stride_h + n->kernel_h,
                  columns = (n->out_w - 1) * n->stride_w + n->kernel_w;
    const int32_t inside = n->pad_top == 0 && n->pad_left == 0 && rows <= n->in_h && columns <= n->in_w;
    return inside && n->dilation_h == 1 && n->dilation_w == 1 && (n->kernel_h == 1 || n->kernel_w == n->in_w);
}

void micronets_conv_s16(const int16_t *input, int16_t *output, const int8_t *weights, int16_t *scratch,
                        const micronets_window *window, int32_t groups, const micronets_requant_s16 *requant)
{
    const micronets_window n = *window;
    const int32_t channels = n.in_c / groups, group = n.filters / groups; /* channels and filters of a group */
    const int32_t size = n.kernel_h * n.kernel_w * channels, padded = (size + 3) & ~3;
    const int32_t in_place = groups == 1 && size == padded && micronets_lie_together(&n);
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int8_t *w = weights;
            for (int32_t g = 0, f = 0; g < groups; g++) {
                const int16_t *x = input + (top * n.in_w + left) * n.in_c;
                if (!in_place) {
                    micronets_gather_s16(scratch, input + g * channels, &n, top, left, channels);
                    x = scratch;
                }
                for (const int32_t end = f + group; f < end; w += 4 * padded) {
                    int64_t sums[4];
                    micronets_products_s16(x, w, padded, sums);
                    for (int32_t k = 0; k < 4 && f < end; k++, f++) {
                        output[f] = micronets_requantize_s16(sums[k], requant, f);
                    }
                }
            }
            output += n.out_c;
        }
    }
}

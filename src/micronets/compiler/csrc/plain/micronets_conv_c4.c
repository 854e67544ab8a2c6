#include "micronets_conv_c4_edge.h"
#include "micronets_conv_c4_im2col.h"
#include "micronets_im2col_multiply.h"

void micronets_conv_c4(const int8_t *input, int8_t *output, const uint32_t *weights, uint32_t *scratch,
                       const micronets_window *window, const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t c = n.in_c, count = n.kernel_w * c, row = n.in_w * c;
    const micronets_im2col_block block =
        micronets_im2col_prepare(scratch, weights, n.kernel_h * count, n.filters, requant);
    /* The greatest top and left of a window that lies inside the map; -1 where taps of a row are dilated. */
    const int32_t bottom = n.in_h - 1 - (n.kernel_h - 1) * n.dilation_h;
    const int32_t right = n.dilation_w == 1 ? n.in_w - n.kernel_w : -1;
    int32_t top = -n.pad_top, left = -n.pad_left;
    const int32_t turn = left + n.out_w * n.stride_w;
    for (int32_t pixels = n.out_h * n.out_w; pixels > 0; pixels -= 2) {
        int32_t tops[2], lefts[2], inside = 1;
        for (int32_t k = 0; k < 2; k++) {
            tops[k] = top;
            lefts[k] = left;
            inside &= top >= 0 && top <= bottom && left >= 0 && left <= right;
            if (pixels > 1) { /* an odd last pixel is computed twice */
                left += n.stride_w;
                if (left == turn) {
                    left = -n.pad_left;
                    top += n.stride_h;
                }
            }
        }
        if (inside) {
            const int8_t *const x = input + tops[0] * row + lefts[0] * c;
            const int8_t *const y = input + tops[1] * row + lefts[1] * c;
            micronets_conv_c4_im2col(x, y, n.dilation_h * row, scratch, n.kernel_h, count);
        } else {
            micronets_conv_c4_edge(input, scratch, tops[0], lefts[0], window);
            micronets_conv_c4_edge(input, scratch + 1, tops[1], lefts[1], window);
        }
        micronets_im2col_multiply(&block, output, pixels > 1 ? n.out_c : 0);
        output += 2 * n.out_c;
    }
}

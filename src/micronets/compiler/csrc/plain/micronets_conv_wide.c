#include "micronets_dot_by4.h"
#include "micronets_requantize.h"
#include "micronets_window_bytes.h"

#define PART 496 /* how many values are summed at once, so that any products fit 24 bits; a multiple of 16 */

void micronets_conv_wide(const int8_t *input, int8_t *output, const uint32_t *weights, int8_t *scratch,
                         const micronets_window *window, const micronets_requant *requant)
{
    const micronets_window n = *window;
    const int32_t size = n.kernel_h * n.kernel_w * n.in_c;
    /* The only window of a map of one pixel is the map itself: nothing is copied, and there is no scratch memory. */
    const int32_t in_place = n.in_h * n.in_w == 1 && n.kernel_h * n.kernel_w == 1;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        for (int32_t ox = 0; ox < n.out_w; ox++, output += n.out_c) {
            const int8_t *const values = in_place ? input : scratch;
            if (!in_place) {
                micronets_window_bytes(input, scratch, oy * n.stride_h - n.pad_top, ox * n.stride_w - n.pad_left,
                                       window);
            }
            const uint32_t *w = weights;
            for (int32_t f = 0; f < n.filters; f += 4) {
                int32_t sums[4] = {0, 0, 0, 0};
                for (int32_t at = 0; at < size; at += PART) {
                    int32_t part[4];
                    w = micronets_dot_by4(values + at, w, size - at < PART ? size - at : PART, part);
                    for (int32_t k = 0; k < 4; k++) {
                        sums[k] += part[k];
                    }
                }
                for (int32_t k = f; k < f + 4 && k < n.filters; k++) {
                    output[k] = micronets_requantize(sums[k - f], requant, k);
                }
            }
        }
    }
}

#include "micronets_requantize_s16.h"
#include "micronets_taps.h"

/* How many channels are summed together, and how many products of 16 and 8 bits fit a sum of 32 bits for certain. */
#define MICRONETS_CHANNELS 16
#define MICRONETS_TAPS 256

/* Adds the products of a row of taps to sums of neighbouring channels, of which each has one filter.
 *
 * x: [in] the code under the first tap of the first channel. step: codes from a tap to the next. w: [in] the first
 * channel's weight of the first tap. pitch: weights from a tap to the next. taps, channels: how many there are. sums:
 * [in, out] one for each channel. */
MICRONETS_APART void micronets_add_taps_s16(const int16_t *x, int32_t step, const int8_t *w, int32_t pitch,
                                            int32_t taps, int32_t channels, int32_t *sums)
{
    for (; taps > 0; taps--, x += step, w += pitch) {
        for (int32_t c = 0; c < channels; c++) {
            sums[c] += x[c] * w[c];
        }
    }
}

void micronets_depthwise_s16(const int16_t *input, int16_t *output, const int8_t *weights,
                             const micronets_window *window, int32_t multiplier, const micronets_requant_s16 *requant)
{
    const micronets_window n = *window;
    const int32_t x_row = n.dilation_h * n.in_w * n.in_c, x_step = n.dilation_w * n.in_c, w_row = n.kernel_w * n.out_c;
    const int32_t together = multiplier == 1 ? MICRONETS_CHANNELS : 1;
    const int32_t rows = n.kernel_w < MICRONETS_TAPS ? MICRONETS_TAPS / n.kernel_w : 1; /* that are summed in 32 bits */
    const int32_t at_once = n.kernel_w < MICRONETS_TAPS ? n.kernel_w : MICRONETS_TAPS;
    for (int32_t oy = 0; oy < n.out_h; oy++) {
        const int32_t top = oy * n.stride_h - n.pad_top;
        const int32_t ky0 = micronets_first_tap(top, n.dilation_h);
        const int32_t ky1 = micronets_end_tap(top, n.dilation_h, n.kernel_h, n.in_h, ky0);
        for (int32_t ox = 0; ox < n.out_w; ox++) {
            const int32_t left = ox * n.stride_w - n.pad_left;
            const int32_t kx0 = micronets_first_tap(left, n.dilation_w);
            const int32_t kx1 = micronets_end_tap(left, n.dilation_w, n.kernel_w, n.in_w, kx0);
            const int32_t x_first = (top * n.in_w + left) * n.in_c;
            for (int32_t f = 0; f < n.out_c; f += together) {
                const int32_t channels = n.out_c - f < together ? n.out_c - f : together;
                const int16_t *const x = input + x_first + f / multiplier;
                int64_t sums[MICRONETS_CHANNELS] = {0};
                for (int32_t ky = ky0; ky < ky1; ky += rows) {
                    for (int32_t kx = kx0; kx < kx1; kx += at_once) {
                        const int32_t taps = kx1 - kx < at_once ? kx1 - kx : at_once;
                        int32_t part[MICRONETS_CHANNELS] = {0};
                        for (int32_t k = ky; k < ky1 && k < ky + rows; k++) {
                            micronets_add_taps_s16(x + k * x_row + kx * x_step, x_step,
                                                   weights + k * w_row + kx * n.out_c + f, n.out_c, taps, channels,
                                                   part);
                        }
                        for (int32_t c = 0; c < channels; c++) {
                            sums[c] += part[c];
                        }
                    }
                }
                for (int32_t c = 0; c < channels; c++) {
                    output[f + c] = micronets_requantize_s16(sums[c], requant, f + c);
                }
            }
            output += n.out_c;
        }
    }
}

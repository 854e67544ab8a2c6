#include "micronets_depthwise_by4_gather.h"
#include "micronets_depthwise_by4_pass.h"
#include "micronets_loops.h"

/* Fills `count` words with padding; none where the count is 0 or less. */
static void pad(uint32_t *target, uint32_t padding, int32_t count)
{
    for (; count > 0; count--) {
        *target++ = padding;
    }
}

/* Computes one of the interleaved parts of four channels, a pass of `rows_per_pass` lines after the other. Lines that
 * the next pass needs, too, are moved to the front.
 *
 * input: [in] the part's first value of the first channel. lines: [scratch] the lines under a pass. copied: [in] how to
 * copy lines. n: [in] the layer's window. pass: [in, out] the constants, and the address of the outputs. kernel:
 * computes a pass. */
MICRONETS_SMALL
MICRONETS_APART void passes(const int8_t *input, uint32_t *lines, const micronets_depthwise_by4_copy *copied,
                            const micronets_window *n, int32_t rows_per_pass, micronets_depthwise_by4_pass *pass,
                            micronets_depthwise_by4_kernel kernel)
{
    const int32_t span = (n->kernel_h - 1) * n->dilation_h + 1, kept = span > n->stride_h ? span - n->stride_h : 0;
    /* Where one pass computes all lines, the padding is written already, and stays where it is. */
    const int32_t pitch = copied->pitch, whole = rows_per_pass >= n->out_h;
    int32_t top = -n->pad_top, reused = 0;
    for (int32_t left = n->out_h; left > 0; left -= rows_per_pass, top += rows_per_pass * n->stride_h) {
        const int32_t height = left < rows_per_pass ? left : rows_per_pass;
        const int32_t end = top + (height - 1) * n->stride_h + span;
        const int32_t y = top + reused, inside = y < 0 ? 0 : y, bottom = end < n->in_h ? end : n->in_h;
        if (!whole) {
            for (int32_t i = 0; i < reused * pitch; i++) {
                lines[i] = lines[rows_per_pass * n->stride_h * pitch + i];
            }
            pad(lines + reused * pitch, copied->padding, (inside - y) * pitch);
            pad(lines + (bottom - top) * pitch, copied->padding, (end - bottom) * pitch);
        }
        micronets_depthwise_by4_gather(lines + (inside - top) * pitch + n->pad_left, input + inside * copied->in_line,
                                       bottom - inside, copied);
        pass->x = lines;
        pass->lines = height;
        kernel(pass);
        reused = kept;
    }
}

MICRONETS_SMALL
void micronets_depthwise_by4(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                             const micronets_window *window, const micronets_depthwise_schedule *schedule,
                             const micronets_requant *requant, micronets_depthwise_by4_kernel kernel)
{
    const micronets_window *const n = window;
    const int32_t phases = schedule->phases, pitch = schedule->pitch, room = pitch - n->pad_left;
    const int32_t taps = n->kernel_h * n->kernel_w, odd = n->kernel_w % MICRONETS_BY4_TAPS;
    const int32_t height = (schedule->rows_per_pass - 1) * n->stride_h + (n->kernel_h - 1) * n->dilation_h + 1;
    const uint32_t padding = MICRONETS_REPEAT4(n->pad_value);
    uint32_t *const lines = (uint32_t *)scratch;
    const micronets_line_strides steps = micronets_line_strides_of(n, schedule);
    micronets_depthwise_by4_copy copied = {
        n->in_w < room ? n->in_w : room, phases * steps.in_step, pitch, steps.in_line, 0, 4, padding};
    micronets_depthwise_by4_pass pass = {
        .zero_point = requant->zero_point,
        .lowest4 = micronets_limit4(requant, requant->lowest),
        .highest4 = micronets_limit4(requant, requant->highest),
        .x_step = 4 * n->stride_w,
        .out_step = phases * steps.out_step,
        .x_line = 4 * n->stride_h * pitch,
        .out_line = steps.out_line,
        .next = 4 * n->dilation_h * pitch - 4 * n->kernel_w,
        .row = 4 * n->kernel_w,
        .skipped = odd > 0 ? (MICRONETS_BY4_TAPS - odd) * MICRONETS_BY4_TAP_BYTES : 0,
        .requant = requant,
    };
    pad(lines, padding, pitch * height);
    for (int32_t c = 0; c < n->out_c; c += 4, weights += taps) {
        copied.channels = n->out_c - c < 4 ? n->out_c - c : 4;
        for (int32_t k = 0; k < 4; k++) {
            pass.scales[2 * k] = requant->bias[c + k];
            pass.scales[2 * k + 1] = requant->multiplier[c + k];
        }
        pass.channel = c;
        pass.channels = copied.channels;
        pass.bytes = schedule->needs_clamp || pass.channels < 4 ? pass.channels : 0;
        pass.weights = weights;
        pass.weights_end = weights + taps;
        for (int32_t phase = 0; phase < phases && phase < n->out_w; phase++) {
            int32_t count = n->out_w;
            if (phases > 1) {
                const int32_t values = (n->in_w - phase + phases - 1) / phases;
                count = (count - phase + phases - 1) / phases;
                copied.count = values < room ? values : room;
                copied.pad_end = values < room ? 1 : 0; /* the part before this one may have had a value more */
            }
            pass.count = count;
            pass.back = -count * pass.out_step;
            pass.out_end = output + c + phase * steps.out_step - pass.back;
            passes(input + c + phase * steps.in_step, lines, &copied, n, schedule->rows_per_pass, &pass, kernel);
        }
    }
}

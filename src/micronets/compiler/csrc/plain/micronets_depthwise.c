#include "micronets_depthwise_gather.h"
#include "micronets_pairs.h"
#include "micronets_requantize.h"

/* Writes the weights of a channel as pairs, doubled. A line w0, w1, w2, ... of the kernel becomes (w0, w1), (w2, w3),
 * ... for outputs whose window begins at the first value of a pair; with a stride of 1 it also becomes (0, w0), (w1,
 * w2), ... for outputs whose window begins at the second. */
MICRONETS_SMALL
MICRONETS_APART void pack(uint32_t *to, const int8_t *w, const micronets_window *window,
                          const micronets_depthwise_schedule *n)
{
    const int32_t stride = n->odd_words > 0 ? 2 : 1, words = stride * n->even_words;
    for (int32_t ky = window->kernel_h; ky > 0; ky--, to += words) {
        for (int32_t i = 0; i < words; i++) {
            to[i] = 0;
        }
        for (int32_t k = 0; k < window->kernel_w; k++) {
            const uint32_t weight = (uint32_t)(2 * *w++) & 0xffffu;
            to[(k >> 1) * stride] |= weight << 16 * (k & 1);
            if (stride > 1) {
                to[((k + 1) >> 1) * 2 + 1] |= weight << 16 * ((k + 1) & 1);
            }
        }
    }
}

/* Writes the weights of a channel with a 3 x 3 kernel as pairs, doubled: a line becomes (w0, w1) and (w1, w2), which
 * serve windows that begin at either value of a pair. */
MICRONETS_INLINE void pack_3x3(uint32_t *to, const int8_t *w)
{
    for (int32_t ky = 0; ky < 3; ky++, w += 3, to += 2) {
        const int32_t a = 2 * w[0], b = 2 * w[1], c = 2 * w[2];
        to[0] = micronets_pair_of(a, b);
        to[1] = micronets_pair_of(b, c);
    }
}

/* Fills values of a line with `value`; their count is even, as lines have an even pitch. */
static void pad(int16_t *line, int32_t count, int32_t value)
{
    const uint32_t pair = micronets_pair_of(value, value);
    for (; count > 0; count -= 2, line += 2) {
        micronets_store_pair(line, pair);
    }
}

/* Writes a channel's bias, multiplier, shift and addend for the kernels that multiply pairs. Returns 1 where these can
 * compute the channel, else 0. */
MICRONETS_INLINE int32_t prepare(micronets_channel_constants *filter, const micronets_requant *requant, int32_t channel)
{
    const micronets_scale scale = micronets_scale_of(requant, channel);
    const int32_t is_zero = scale.multiplier == 0 || scale.shift <= -31; /* either gives 0 for every sum */
    const int32_t shift = is_zero ? 1 : -scale.shift;
    filter->bias = 2 * scale.bias;
    filter->multiplier = is_zero ? 0 : scale.multiplier;
    filter->shift = shift;
    filter->addend = (int32_t)(((uint32_t)requant->zero_point << (shift & 31)) + (1u << ((shift - 1) & 31)));
    return (uint32_t)(shift - 1) < (uint32_t)-MICRONETS_LEAST_SHIFT;
}

/* Computes one of the interleaved parts of a channel, a pass after the other. Lines that the next pass needs, too, are
 * moved to the front.
 *
 * input: [in] the part's first value. output: [out] the part's first output. count: outputs of a line. copied: [in] how
 * lines are copied. pass: [in] the constants. kernel: computes a pass. lines: [scratch] the lines under a pass. */
MICRONETS_APART void passes(const int8_t *input, int8_t *output, int32_t count, const micronets_depthwise_copy *copied,
                            const micronets_depthwise_pass *pass, micronets_depthwise_kernel kernel, int16_t *lines)
{
    const micronets_window *const n = pass->window;
    const micronets_depthwise_schedule *const p = pass->schedule;
    const int32_t span = (n->kernel_h - 1) * n->dilation_h + 1, kept = span > n->stride_h ? span - n->stride_h : 0;
    const int32_t pitch = copied->pitch;
    int32_t top = -n->pad_top, reused = 0;
    for (int32_t left = n->out_h; left > 0; left -= p->rows_per_pass, top += p->rows_per_pass * n->stride_h) {
        const int32_t height = left < p->rows_per_pass ? left : p->rows_per_pass;
        const int32_t end = top + (height - 1) * n->stride_h + span;
        const int32_t y = top + reused, inside = y < 0 ? 0 : y, bottom = end < n->in_h ? end : n->in_h;
        for (int32_t i = 0; i < reused * pitch; i += 2) {
            micronets_store_pair(lines + i, micronets_pair_at(lines + p->rows_per_pass * n->stride_h * pitch + i));
        }
        if (y < 0) {
            pad(lines + reused * pitch, -y * pitch, n->pad_value);
        }
        if (end > bottom) {
            pad(lines + (bottom - top) * pitch, (end - bottom) * pitch, n->pad_value);
        }
        micronets_depthwise_gather(lines + (inside - top) * pitch, input + inside * copied->in_line, bottom - inside,
                                   copied);
        kernel(pass, output, height, count);
        output += height * pass->out_line;
        reused = kept;
    }
}

void micronets_depthwise(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                         const micronets_window *window, const micronets_depthwise_schedule *schedule,
                         const micronets_requant *requant, micronets_depthwise_kernel kernel)
{
    const micronets_window *const n = window;
    const int32_t phases = schedule->phases, pitch = schedule->pitch, room = pitch - n->pad_left,
                  taps = n->kernel_h * n->kernel_w;
    const int32_t height = (schedule->rows_per_pass - 1) * n->stride_h + (n->kernel_h - 1) * n->dilation_h + 1;
    const int32_t below = height - n->pad_top < n->in_h ? height - n->pad_top : n->in_h;
    micronets_channel_constants *const filter = (micronets_channel_constants *)scratch;
    int16_t *const lines =
        (int16_t *)(void *)(filter->weights + n->kernel_h * (schedule->even_words + schedule->odd_words));
    const micronets_line_strides steps = micronets_line_strides_of(n, schedule);
    micronets_depthwise_pass pass = {filter, lines, weights, n, schedule, requant, 0, steps.out_line};
    const int32_t within = n->in_w < room ? n->in_w : room;
    micronets_depthwise_copy copied = {n->pad_left, within,      phases * steps.in_step, pitch, steps.in_line,
                                       0,           n->pad_value};
    int32_t left = schedule->multiplier;
    pad(lines, pitch * height, n->pad_value);
    filter->step = phases * steps.out_step;
    for (int32_t c = 0; c < n->out_c; c++) {
        micronets_depthwise_kernel own = kernel;
        if (schedule->even_words > 0) {
            own = prepare(filter, requant, c) ? kernel : micronets_depthwise_any;
            if (schedule->even_words == 1 && schedule->odd_words == 1 && n->kernel_w == 3) {
                pack_3x3(filter->weights, pass.weights);
            } else {
                pack(filter->weights, pass.weights, n, schedule);
            }
        }
        pass.channel = c;
        for (int32_t phase = 0; phase < phases && phase < n->out_w; phase++) {
            const int8_t *const from = input + phase * steps.in_step;
            int8_t *const to = output + phase * steps.out_step;
            int32_t count = n->out_w;
            if (phases > 1) {
                const int32_t values = (n->in_w - phase + phases - 1) / phases;
                count = (count - phase + phases - 1) / phases;
                copied.count = values < room ? values : room;
                copied.pad_end = values < room ? 1 : 0; /* the part before this one may have had a value more */
            }
            if (schedule->rows_per_pass < n->out_h) {
                passes(from, to, count, &copied, &pass, own, lines);
            } else { /* one pass computes all lines: the padding is written already, and stays where it is */
                micronets_depthwise_gather(lines + n->pad_top * pitch, from, below, &copied);
                own(&pass, to, n->out_h, count);
            }
        }
        pass.weights += taps;
        output++;
        if (--left == 0) {
            input++;
            left = schedule->multiplier;
        }
    }
}

#include "micronets_depthwise_bytes.h"

/* Fills `count` bytes; none where the count is 0 or less. */
static void pad(uint8_t *target, int32_t count, int32_t value)
{
    for (; count > 0; count--) {
        *target++ = (uint8_t)value;
    }
}

/* Parameters for copying lines. */
typedef struct {
    int32_t count;   /* values of a line, at least 1 */
    int32_t step;    /* bytes between adjacent values of a line */
    int32_t pitch;   /* bytes of a line in the scratch */
    int32_t in_line; /* bytes between adjacent lines of the map */
    int32_t pad_end; /* 1: a value of padding is written after the last one; 0: the scratch has it already */
    int32_t padding; /* a raised code of the padding */
} copy;

/* Copies `lines` lines of one channel, raised by 128; none where there are 0 or less.
 *
 * line: [out] the first value. input: [in] the first value. n: [in] how to copy them. */
MICRONETS_APART void gather(uint8_t *line, const int8_t *input, int32_t lines, const copy *n)
{
    const int32_t step = n->step;
    for (; lines > 0; lines--, line += n->pitch, input += n->in_line) {
        uint8_t *to = line;
        const int8_t *from = input;
        for (uint8_t *const whole = line + (n->count & ~3); to != whole; to += 4) {
            to[0] = (uint8_t)(*from ^ 0x80);
            from += step;
            to[1] = (uint8_t)(*from ^ 0x80);
            from += step;
            to[2] = (uint8_t)(*from ^ 0x80);
            from += step;
            to[3] = (uint8_t)(*from ^ 0x80);
            from += step;
        }
        for (uint8_t *const end = line + n->count; to != end; from += step) {
            *to++ = (uint8_t)(*from ^ 0x80);
        }
        if (n->pad_end > 0) {
            *to = (uint8_t)n->padding;
        }
    }
}

/* Writes a channel's weights, and its bias less 128 times their sum, into the record of a pass.
 *
 * pass: [out] the record, whose `channel` is set. weights: [in] the channel's weights. taps: how many there are.
 * Returns where the next channel's weights begin. */
MICRONETS_APART const int8_t *prepare(micronets_depthwise_bytes_pass *pass, const int8_t *weights, int32_t taps)
{
    const micronets_scale scale = micronets_scale_of(pass->requant, pass->channel);
    uint32_t sum = 0;
    for (int32_t k = 0; k < taps; k++) {
        const int32_t weight = *weights++;
        pass->weights[k] = weight;
        sum += (uint32_t)weight;
    }
    pass->bias = (uint32_t)scale.bias - 128u * sum;
    pass->doubled = 2u * (uint32_t)scale.multiplier;
    pass->right = -scale.shift;
    return weights;
}

/* Computes one of the interleaved parts of a channel, a pass after the other. Lines that the next pass needs, too, are
 * moved to the front.
 *
 * input: [in] the part's first value. output: [out] the part's first output. count: outputs of a line. copied: [in] how
 * to copy lines. rows_per_pass: output lines of a pass. pass: [in] the constants. lines: [scratch] the lines under a
 * pass. kernel: computes a pass. */
MICRONETS_APART void passes(const int8_t *input, int8_t *output, int32_t count, const copy *copied,
                            int32_t rows_per_pass, const micronets_depthwise_bytes_pass *pass, uint8_t *lines,
                            micronets_depthwise_bytes_kernel kernel)
{
    const micronets_window *const n = pass->window;
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
            pad(lines + reused * pitch, (inside - y) * pitch, copied->padding);
            pad(lines + (bottom - top) * pitch, (end - bottom) * pitch, copied->padding);
        }
        gather(lines + (inside - top) * pitch + n->pad_left, input + inside * copied->in_line, bottom - inside, copied);
        kernel(pass, output, height, count);
        output += height * pass->out_line;
        reused = kept;
    }
}

void micronets_depthwise_bytes(const int8_t *input, int8_t *output, const int8_t *weights, void *scratch,
                               const micronets_window *window, const micronets_depthwise_schedule *schedule,
                               const micronets_requant *requant, micronets_depthwise_bytes_kernel kernel)
{
    const micronets_window *const n = window;
    const int32_t phases = schedule->phases, pitch = schedule->pitch, room = pitch - n->pad_left,
                  taps = n->kernel_h * n->kernel_w;
    const int32_t height = (schedule->rows_per_pass - 1) * n->stride_h + (n->kernel_h - 1) * n->dilation_h + 1;
    const micronets_line_strides steps = micronets_line_strides_of(n, schedule);
    int32_t *const words = (int32_t *)scratch;
    uint8_t *const lines = (uint8_t *)(words + taps);
    copy copied = {
        n->in_w < room ? n->in_w : room, phases * steps.in_step, pitch, steps.in_line, 0, n->pad_value + 128};
    micronets_depthwise_bytes_pass pass = {n, requant, words, lines, pitch, phases * steps.out_step, steps.out_line,
                                           0, 0,       0,     0};
    int32_t left = schedule->multiplier;
    pad(lines, pitch * height, copied.padding);
    for (int32_t c = 0; c < n->out_c; c++, output++) {
        pass.channel = c;
        weights = prepare(&pass, weights, taps);
        for (int32_t phase = 0; phase < phases && phase < n->out_w; phase++) {
            int32_t count = n->out_w;
            if (phases > 1) {
                const int32_t values = (n->in_w - phase + phases - 1) / phases;
                count = (count - phase + phases - 1) / phases;
                copied.count = values < room ? values : room;
                copied.pad_end = values < room ? 1 : 0; /* the part before this one may have had a value more */
            }
            passes(input + phase * steps.in_step, output + phase * steps.out_step, count, &copied,
                   schedule->rows_per_pass, &pass, lines, kernel);
        }
        if (--left == 0) {
            input++;
            left = schedule->multiplier;
        }
    }
}

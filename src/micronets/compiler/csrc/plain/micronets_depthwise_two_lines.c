#include "micronets_depthwise_two_lines_pass.h"
#include "micronets_dsp.h"

/* How two lines of the map are copied. */
typedef struct {
    int32_t count;    /* values of a line and channel, at least 1 */
    int32_t step;     /* bytes between adjacent values of a line */
    int32_t channels; /* number of channels, 1 .. 4; words of others are left as they are */
} copy;

#if MICRONETS_DSP
/* Copies the values of four channels at one place of two lines. */
MICRONETS_INLINE void copy_place(uint32_t *to, const int8_t *first, const int8_t *second)
{
    const uint32_t a = micronets_load4(first), b = micronets_load4(second);
    const int32_t a02 = (int32_t)micronets_even(a), b02 = (int32_t)micronets_even(b);
    const int32_t a13 = (int32_t)micronets_odd(a), b13 = (int32_t)micronets_odd(b);
    to[0] = micronets_pair_of(a02, b02);
    to[1] = micronets_pair_of(a13, b13);
    to[2] = micronets_upper_halves(a02, b02);
    to[3] = micronets_upper_halves(a13, b13);
}
#endif

/* Copies the values of four channels of two lines, widened to 16 bits.
 *
 * to: [out] the first word of the first place. first, second: [in] the first value of each line. n: [in] how to copy
 * them. first_step, second_step: n->step, or 0 for a line of padding, of which there is one value. */
MICRONETS_APART void gather(uint32_t *to, const int8_t *first, const int8_t *second, const copy *n, int32_t first_step,
                            int32_t second_step)
{
    uint32_t *const end = to + MICRONETS_TWO_LINES_WORDS * n->count;
#if MICRONETS_DSP
    if (n->channels == 4) {
        if (n->count % 2) {
            copy_place(to, first, second);
            first += first_step;
            second += second_step;
            to += MICRONETS_TWO_LINES_WORDS;
        }
        while (to != end) {
            copy_place(to, first, second);
            first += first_step;
            second += second_step;
            copy_place(to + MICRONETS_TWO_LINES_WORDS, first, second);
            first += first_step;
            second += second_step;
            to += 2 * MICRONETS_TWO_LINES_WORDS;
        }
        return;
    }
#endif
    for (; to != end; to += MICRONETS_TWO_LINES_WORDS, first += first_step, second += second_step) {
        for (int32_t c = 0; c < n->channels; c++) {
            to[c] = micronets_pair_of(first[c], second[c]);
        }
    }
}

#if MICRONETS_DSP
/* Writes pairs of weights of two channels, two or 256 times as large: of the channel at to[0] the lower halves, of that
 * at to[2] the upper ones.
 *
 * a, b, c: the weights of both channels at one place of the three lines of the kernel. */
MICRONETS_INLINE void write_weights(micronets_two_lines_channel *to, int32_t k, int32_t a, int32_t b, int32_t c)
{
    to[0].weights[2 * k] = micronets_pair_of(a, b);
    to[0].weights[2 * k + 1] = micronets_pair_of(b, c);
    to[2].weights[2 * k] = micronets_upper_halves(a, b);
    to[2].weights[2 * k + 1] = micronets_upper_halves(b, c);
}

/* Returns the numbers in bytes 0 and 2, or in bytes 1 and 3: twice as large, or 256 times where `straight` is not 0. */
MICRONETS_INLINE int32_t larger_even(uint32_t bytes, int32_t straight)
{
    return (int32_t)(straight ? bytes << 8 & 0xff00ff00u : micronets_even_plus(micronets_even(bytes), bytes));
}
MICRONETS_INLINE int32_t larger_odd(uint32_t bytes, int32_t straight)
{
    return (int32_t)(straight ? bytes & 0xff00ff00u : micronets_odd_plus(micronets_odd(bytes), bytes));
}
#endif

/* Writes the constants of four channels.
 *
 * to: [out] the constants. weights: [in] words of four channels, [3, 3]. requant: [in] the layer's requantisation.
 * channel: the first channel. */
MICRONETS_APART void prepare(micronets_two_lines_channel *to, const uint32_t *weights, const micronets_requant *requant,
                             int32_t channel)
{
    const int32_t straight = requant->per_channel == MICRONETS_STRAIGHT;
    const int32_t *bias = requant->bias + channel * (1 + straight), *multiplier = requant->multiplier + channel;
    const uint32_t half = (uint32_t)(2 * requant->zero_point + 1);
    for (int32_t k = 0; k < 3; k++) {
        const uint32_t a = weights[k], b = weights[3 + k], c = weights[6 + k];
#if MICRONETS_DSP
        write_weights(to, k, larger_even(a, straight), larger_even(b, straight), larger_even(c, straight));
        write_weights(to + 1, k, larger_odd(a, straight), larger_odd(b, straight), larger_odd(c, straight));
#else
        const int32_t larger = straight ? 256 : 2;
        for (int32_t i = 0; i < 4; i++) {
            const int32_t middle = larger * micronets_low_byte(b >> 8 * i);
            to[i].weights[2 * k] = micronets_pair_of(larger * micronets_low_byte(a >> 8 * i), middle);
            to[i].weights[2 * k + 1] = micronets_pair_of(middle, larger * micronets_low_byte(c >> 8 * i));
        }
#endif
    }
    for (const micronets_two_lines_channel *const end = to + 4; to != end; to++) {
        const int32_t word = *bias++, shift = word & 255;
        if (straight) {
            to->bias = word;
            to->multiplier = *bias++;
            continue;
        }
        to->multiplier = (int32_t)((uint32_t)*multiplier++ >> 1);
        to->addend = (int32_t)(half << (shift - 1));
        to->shift = shift;
        to->bias = 2 * (word >> 8);
    }
}

/* Clamps the outputs of a pass where the clamp allows less than -128 .. 127. */
MICRONETS_SMALL
MICRONETS_APART void clamp(const micronets_depthwise_two_lines_pass *n, const micronets_requant *requant)
{
    const int32_t zero = requant->zero_point;
    for (int32_t y = 0; y < n->lines; y++) {
        int8_t *to = n->output + y * n->out_line;
        for (int32_t i = 0; i < n->count; i++, to += n->out_step) {
            for (int32_t c = 0; c < n->channels; c++) {
                to[c] = (int8_t)(micronets_clamp(to[c] - zero, requant->lowest, requant->highest) + zero);
            }
        }
    }
}

MICRONETS_SMALL
void micronets_depthwise_two_lines(const int8_t *input, int8_t *output, const uint32_t *weights, void *scratch,
                                   const micronets_window *window, const micronets_depthwise_schedule *schedule,
                                   const micronets_requant *requant, micronets_depthwise_two_lines_kernel kernel)
{
    const micronets_window *const n = window;
    const int32_t stride = n->stride_h, pitch = MICRONETS_TWO_LINES_WORDS * schedule->pitch;
    const int32_t rows = schedule->rows_per_pass, twice = stride * ((rows + 1) / 2) + 1; /* two lines at a time */
    const micronets_line_strides steps = micronets_line_strides_of(n, schedule);
    const int32_t room = schedule->pitch - n->pad_left, even = n->out_w & ~1;
    const int32_t padding = (int32_t)MICRONETS_REPEAT4(n->pad_value);
    const uint32_t pair = micronets_pair_of(n->pad_value, n->pad_value);
    uint32_t *const lines = (uint32_t *)scratch, *const last = lines + (twice - 1) * pitch;
    copy copied = {n->in_w < room ? n->in_w : room, steps.in_step, 4};
    micronets_depthwise_two_lines_pass pass = {
        .out_step = steps.out_step,
        .out_line = steps.out_line,
        .span = even * steps.out_step,
        .turn = 2 * steps.out_line - even * steps.out_step,
        .odd = n->out_w & 1,
        .count = n->out_w,
    };
    for (uint32_t *to = lines; to != last + pitch; to++) {
        *to = pair;
    }
    for (int32_t c = 0; c < n->out_c; c += 4, weights += 9) {
        int32_t forth = 1, y = -n->pad_top,
                done = 0; /* lines lie forth and back, as the next pass needs the last two */
        pass.channels = copied.channels = n->out_c - c < 4 ? n->out_c - c : 4;
        pass.output = output + c;
        prepare(pass.constants, weights, requant, c);
        for (int32_t left = n->out_h; left > 0; left -= rows, forth = !forth) {
            const int32_t x_line = forth ? pitch : -pitch;
            uint32_t *const first = forth ? lines : last;
            uint32_t *to = first + n->pad_left * MICRONETS_TWO_LINES_WORDS + done * x_line;
            pass.lines = left < rows ? left : rows;
            for (int32_t k = stride * ((pass.lines + 1) / 2) + 1 - done; k > 0; k--, y += 2, to += x_line) {
                const int8_t *const from = input + c + y * steps.in_line, *const none = (const int8_t *)&padding;
                const int32_t upper = y >= 0 && y < n->in_h, lower = y >= -1 && y < n->in_h - 1;
                gather(to, upper ? from : none, lower ? from + steps.in_line : none, &copied, upper ? steps.in_step : 0,
                       lower ? steps.in_step : 0);
            }
            done = 1;
            pass.x = first;
            pass.x_line = 4 * x_line;
            pass.x_turn = stride * (4 * x_line - 32 * ((n->out_w + 1) / 2));
            kernel(&pass);
            if (schedule->needs_clamp) {
                clamp(&pass, requant);
            }
            pass.output += rows * steps.out_line;
        }
    }
}

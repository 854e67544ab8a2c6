/* One pass of a depthwise convolution, four channels at a time: the record, and its computation in portable C.
 *
 * A word holds the values of four channels of one pixel, the first channel in its lowest byte. */
#ifndef MICRONETS_DEPTHWISE_BY4_PASS_H
#define MICRONETS_DEPTHWISE_BY4_PASS_H

#include <stddef.h>

#include "micronets_offsets.h"
#include "micronets_requantize_block.h"

/* The constants of a pass, and its state. The assembly reads the fields at the offsets of micronets_offsets.h. All
 * distances and sizes are in bytes. */
typedef struct micronets_depthwise_by4_pass {
    int32_t scales[8];           /* the words of each channel in the packed tables: bias with shift, multiplier */
    int32_t zero_point;          /* zero point of the output */
    int32_t bytes;               /* 0: write words, saturated; else the number of channels to write as bytes, clamped */
    uint32_t lowest4, highest4;  /* limits of the clamp, as a code in each of four bytes */
    const uint32_t *weights;     /* weights of the four channels, [kernel_h, kernel_w] */
    int32_t x_step, out_step;    /* between adjacent outputs of a line: from window to window, from output to output */
    int8_t *out_end;             /* end of the output line */
    const uint32_t *x;           /* the values under the window of the line's first output */
    int32_t x_line, out_line;    /* the same between adjacent output lines */
    int32_t channel;             /* index of the first channel */
    int32_t lines;               /* number of lines left */
    int32_t next;                /* from the end of the values under a kernel line to those under the next */
    int32_t row;                 /* size of the weights of a kernel line */
    int32_t back;                /* from the end of an output line to its start, negative */
    const uint32_t *weights_end; /* end of the weights */
    int32_t skipped;             /* size of the code that the first iteration of the loop over taps skips */
    uint32_t entry;              /* entry address of that loop; set by the assembly */
    int32_t count;               /* outputs of a line */
    int32_t left;                /* number of outputs still to be computed; set by the assembly */
    int8_t *to;                  /* address of the next output; set by the assembly */
    const uint32_t *at;          /* the first value under its window; set by the assembly */
    const micronets_requant *requant; /* the layer's requantisation */
    int32_t channels;                 /* number of channels, 1 .. 4 */
} micronets_depthwise_by4_pass;

#if MICRONETS_DSP_ASSEMBLY && !defined(MICRONETS_WRITING_OFFSETS)
MICRONETS_AGREE(by4_offsets, MICRONETS_BY4_OFFSETS_AGREE);
#endif

/* Computes the lines of a pass in portable C. n: [in, out] the pass. */
MICRONETS_INLINE void micronets_depthwise_by4_lines(micronets_depthwise_by4_pass *n)
{
    for (; n->lines > 0; n->lines--) {
        const uint32_t *x = n->x;
        for (int8_t *output = n->out_end + n->back; output != n->out_end; output += n->out_step, x += n->x_step / 4) {
            const uint32_t *value = x;
            int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (const uint32_t *w = n->weights; w != n->weights_end; value += n->next / 4) {
                for (const uint32_t *const end = w + n->row / 4; w != end; w++, value++) {
                    const uint32_t a = *value, b = *w;
                    s0 += micronets_low_byte(a) * micronets_low_byte(b);
                    s1 += micronets_low_byte(a >> 8) * micronets_low_byte(b >> 8);
                    s2 += micronets_low_byte(a >> 16) * micronets_low_byte(b >> 16);
                    s3 += micronets_low_byte(a >> 24) * micronets_low_byte(b >> 24);
                }
            }
            const int32_t sums[4] = {s0, s1, s2, s3};
            for (int32_t c = 0; c < n->channels; c++) {
                output[c] = micronets_requantize(sums[c], n->requant, n->channel + c);
            }
        }
        n->x += n->x_line / 4;
        n->out_end += n->out_line;
    }
}

#endif

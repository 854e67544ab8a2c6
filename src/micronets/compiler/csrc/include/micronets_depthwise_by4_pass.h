/* Depthwise convolutions of four channels at a time: their values side by side in a word, as they are in the map. */
#ifndef MICRONETS_DEPTHWISE_BY4_PASS_H
#define MICRONETS_DEPTHWISE_BY4_PASS_H

#include <stddef.h>

#include "micronets_offsets.h"
#include "micronets_requantize_block.h"

/* What is the same for all lines of a pass, and where it is in them. Offsets are for the assembly. */
typedef struct micronets_depthwise_by4_pass {
    int32_t scales[8];           /* 0: words of the quick tables: bias and multiplier of each channel */
    int32_t zero_point;          /* 32: of the output */
    int32_t bytes;               /* 36: channels to clamp and to write one by one; 0: whole words, saturated */
    uint32_t lowest4, highest4;  /* 40, 44 */
    const uint32_t *weights;     /* 48 */
    int32_t x_step, out_step;    /* 52, 56: bytes from an output to the next */
    int8_t *out_end;             /* 60: of the line */
    const uint32_t *x;           /* 64: the line */
    int32_t x_line, out_line;    /* 68, 72: bytes from a line of outputs to the next */
    int32_t channel;             /* 76 */
    int32_t lines;               /* 80 */
    int32_t next;                /* 84: bytes from behind one line of the kernel to the next */
    int32_t row;                 /* 88: bytes of weights of a line of the kernel */
    int32_t back;                /* 92: bytes from the end of a line of outputs to its begin, negative */
    const uint32_t *weights_end; /* 96 */
    int32_t skipped;             /* 100: bytes of the loop over taps that its first round leaves out */
    uint32_t entry;              /* 104: of that loop */
    int32_t count, left;         /* 108, 112: outputs of a line; how many of them are still to compute */
    int8_t *to;                  /* 116: where the next one goes */
    const uint32_t *at;          /* 120: its window */
    const micronets_requant *requant;
    int32_t channels;
} micronets_depthwise_by4_pass;

#if MICRONETS_DSP_ASSEMBLY && !defined(MICRONETS_WRITING_OFFSETS)
MICRONETS_AGREE(four_offsets, MICRONETS_BY4_OFFSETS_AGREE);
#endif

/* Computes the lines in plain C. */
MICRONETS_INLINE void micronets_depthwise_by4_lines(micronets_depthwise_by4_pass *n)
{
    for (; n->lines > 0; n->lines--) {
        const uint32_t *x = n->x;
        for (int8_t *output = n->out_end + n->back; output != n->out_end; output += n->out_step, x += n->x_step / 4) {
            for (int32_t c = 0; c < n->channels; c++) {
                const uint32_t *value = x;
                int32_t sum = 0;
                for (const uint32_t *w = n->weights; w != n->weights_end; value += n->next / 4) {
                    for (const uint32_t *const end = w + n->row / 4; w != end; w++, value++) {
                        sum += micronets_low_byte(*value >> 8 * c) * micronets_low_byte(*w >> 8 * c);
                    }
                }
                output[c] = micronets_requantize(sum, n->requant, n->channel + c);
            }
        }
        n->x += n->x_line / 4;
        n->out_end += n->out_line;
    }
}

#endif

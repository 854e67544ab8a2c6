/* Lines of four channels, copied from a map into the scratch memory of a depthwise convolution. */
#ifndef MICRONETS_DEPTHWISE_BY4_GATHER_H
#define MICRONETS_DEPTHWISE_BY4_GATHER_H

#include "micronets_dsp.h"

/* Parameters for copying lines. */
typedef struct {
    int32_t count;    /* values of a line and channel, at least 1 */
    int32_t step;     /* bytes between adjacent values of a line */
    int32_t pitch;    /* words of a line in the scratch */
    int32_t in_line;  /* bytes between adjacent lines of the map */
    int32_t pad_end;  /* 1: write a word of padding after the last value; 0: the scratch memory has it already */
    int32_t channels; /* channels in a word, 1 .. 4; its other bytes are 0 */
    uint32_t padding; /* a word of padding */
} micronets_depthwise_by4_copy;

/* Copies lines of the map. Each pixel becomes a word with the first of four channels in its lowest byte.
 *
 * line: [out] the first word of the first line. input: [in] the first channel of its pixel. lines: number of
 * consecutive lines; none if 0 or less. n: [in] how to copy them. */
MICRONETS_APART void micronets_depthwise_by4_gather(uint32_t *line, const int8_t *input, int32_t lines,
                                                    const micronets_depthwise_by4_copy *n)
{
    const int32_t step = n->step;
    for (; lines > 0; lines--, line += n->pitch, input += n->in_line) {
        const int8_t *from = input;
        uint32_t *to = line, *const end = line + n->count;
#if MICRONETS_DSP
        if (n->channels == 4) {
            for (; end - to >= 4; to += 4, from += 2 * step) {
                const uint32_t a = micronets_load4(from), b = micronets_load4(from + step);
                from += 2 * step;
                const uint32_t c = micronets_load4(from), d = micronets_load4(from + step);
                to[0] = a;
                to[1] = b;
                to[2] = c;
                to[3] = d;
            }
            for (; to != end; to++, from += step) {
                *to = micronets_load4(from);
            }
        }
#endif
        for (; to != end; to++, from += step) {
            *to = 0;
            for (int32_t c = 0; c < n->channels; c++) {
                *to |= (uint32_t)(uint8_t)from[c] << 8 * c;
            }
        }
        if (n->pad_end > 0) {
            *to = n->padding;
        }
    }
}

#endif

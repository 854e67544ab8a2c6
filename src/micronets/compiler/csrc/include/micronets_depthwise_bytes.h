/* Depthwise convolutions, channel by channel, for cores that multiply two numbers at a time.
 *
 * Values of a channel are copied to scratch memory as bytes without a sign, 128 more than the code, since some cores
 * (Cortex-M0+) take two instructions to load a signed byte; 128 times the sum of the weights is in the bias. */
#ifndef MICRONETS_DEPTHWISE_BYTES_H
#define MICRONETS_DEPTHWISE_BYTES_H

#include "micronets_requantize_sums.h"

/* One pass: the lines of one channel, and what is computed from them. */
typedef struct micronets_depthwise_bytes_pass {
    const micronets_window *window;   /* the layer's window */
    const micronets_requant *requant; /* the layer's requantisation */
    int32_t *weights;                 /* the channel's weights, [kernel_h, kernel_w] */
    const uint8_t *lines;             /* the lines under the window of the first output */
    int32_t pitch;                    /* bytes of a line */
    int32_t step, out_line;           /* bytes between adjacent outputs, and from an output line to the next */
    int32_t channel;                  /* index of the output channel */
    uint32_t bias;                    /* its bias, for values that are raised by 128; sums wrap at 32 bits */
    uint32_t doubled;                 /* twice its multiplier */
    int32_t right;                    /* right shift: 1 .. 31 with packed tables, else -31 .. 31 */
} micronets_depthwise_bytes_pass;

/* Returns the code of a sum of a pass by packed tables; n: [in] the pass. sum: of raised values, with the bias.
 * lowest, highest, zero: of the requantisation. */
MICRONETS_INLINE int8_t micronets_pass_code(const micronets_depthwise_bytes_pass *n, uint32_t sum, int32_t lowest,
                                            int32_t highest, int32_t zero)
{
    const int32_t value = micronets_scaled((int32_t)sum, n->doubled, n->right);
    return (int8_t)(micronets_clamp(value, lowest, highest) + zero);
}

#endif

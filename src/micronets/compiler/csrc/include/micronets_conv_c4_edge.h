/* The im2col of micronets_conv_c4 for a window that extends beyond the edge of the map. */
#ifndef MICRONETS_CONV_C4_EDGE_H
#define MICRONETS_CONV_C4_EDGE_H

#include "micronets_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Widens the values of one window, anywhere on the map, to 16 bits and writes them to one of two interleaved columns,
 * padding where the window extends beyond the edge.
 *
 * input: [in] the map. column: [out] every second word. top, left: position of the window's first tap in the map, in
 * pixels; negative if it lies in the padding. window: [in] its sizes; in_c is a multiple of four. */
void micronets_conv_c4_edge(const int8_t *input, uint32_t *column, int32_t top, int32_t left,
                            const micronets_window *window);

#ifdef __cplusplus
}
#endif

#endif

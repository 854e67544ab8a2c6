/* The image front end: from the rows of a camera frame to the codes of a network's input, in integer arithmetic.
 *
 * micronets.frontend.frames computes the same bits in numpy. It uses no heap, no float and no libm. */
#ifndef MICRONETS_IMAGE_H
#define MICRONETS_IMAGE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pixel formats of cameras: bytes R, G, B; 16-bit RGB565, high byte or low byte first; Y, U, Y, V; one gray byte.
 *  */
#define MICRONETS_RGB888 0
#define MICRONETS_RGB565 1
#define MICRONETS_RGB565LE 2
#define MICRONETS_YUV422 3
#define MICRONETS_GRAY 4

/* The weights that resize an axis.
 *
 * - count: pixels of a sum.
 * - start: [pixels of the output], the first pixel of each sum, in ascending order.
 * - weights: [pixels of the output][count], 14 fractional bits; the weights of a sum add up to 1. */
typedef struct {
    int32_t count;
    const int16_t *start;
    const int16_t *weights;
} micronets_taps;

/* The parameters of one camera and network, in flash.
 *
 * - pixels: one of the macros above.
 * - channels: channels of the network's input, 3 or 1.
 * - left, top, columns, rows: the used part of the frame, in pixels.
 * - side: width and height of the network's input, in pixels.
 * - to_left, to_top, width, height: the part of the input that shows the frame; the rest is black.
 * - across, down: the weights for rows and for columns.
 * - codes: [256], the code of each pixel. */
typedef struct {
    int32_t pixels, channels;
    int32_t left, top, columns, rows;
    int32_t side, to_left, to_top, width, height;
    micronets_taps across, down;
    const int8_t *codes;
} micronets_image;

/* Takes the next row of a frame. Pass every row once, from top to bottom; `input` is complete after the last one.
 *
 * - y: the index of the row, from 0.
 * - row: in, the bytes of the row.
 * - work: in and out, must survive between rows: a ring of down.count rows of `width` * `channels` numbers, followed by
 *   down.count numbers of scratch.
 * - line: scratch, `columns` * `channels` bytes.
 * - input: out, [side][side][channels]. */
void micronets_image_row(const micronets_image *image, int32_t y, const uint8_t *row, int16_t *work, uint8_t *line,
                         int8_t *input);

#ifdef __cplusplus
}
#endif

#endif

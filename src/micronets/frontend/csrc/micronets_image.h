/* The front end of pictures: from the rows of a camera's frame to the codes of a network's input, in integers.
 *
 * micronets.frontend.camera computes the same in numpy, to the last bit. There is no heap, no float and no libm. */
#ifndef MICRONETS_IMAGE_H
#define MICRONETS_IMAGE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a camera writes a pixel: bytes R, G, B; 16 bits, the high byte first or the low one; Y, U, Y, V; a byte of gray.
 *  */
#define MICRONETS_RGB888 0
#define MICRONETS_RGB565 1
#define MICRONETS_RGB565LE 2
#define MICRONETS_YUV422 3
#define MICRONETS_GRAY 4

/* The weights that resize an axis.
 *
 * - count: pixels of a sum.
 * - start: [pixels of the output], the first pixel of each sum, rising.
 * - weights: [pixels of the output][count], 14 fractional bits; those of a sum are 1 together. */
typedef struct {
    int32_t count;
    const int16_t *start;
    const int16_t *weights;
} micronets_taps;

/* The numbers of one camera and network; they lie in flash.
 *
 * - pixels: one of the macros above.
 * - channels: of the network's input, 3 or 1.
 * - left, top, columns, rows: the part of the frame that is used, in pixels.
 * - side: of the network's input, in pixels.
 * - to_left, to_top, width, height: the part of the input that is filled; the rest is black.
 * - across, down: the weights for rows and for columns.
 * - codes: [256], the code of each pixel. */
typedef struct {
    int32_t pixels, channels;
    int32_t left, top, columns, rows;
    int32_t side, to_left, to_top, width, height;
    micronets_taps across, down;
    const int8_t *codes;
} micronets_image;

/* Takes the next row of a frame; rows come from the top, each once, and `input` is whole after the last one.
 *
 * - y: the number of the row, from 0.
 * - row: in, the bytes of the row.
 * - work: in and out, kept from row to row: a ring of down.count rows of `width` * `channels` numbers.
 * - line: scratch, `columns` * `channels` bytes.
 * - input: out, [side][side][channels]. */
void micronets_image_row(const micronets_image *image, int32_t y, const uint8_t *row, int16_t *work, uint8_t *line,
                         int8_t *input);

#ifdef __cplusplus
}
#endif

#endif

/* The integer image front end; see micronets_image.h. The operations are in the same order as in
 * micronets.frontend.camera, so that every bit is equal. */
#include "micronets_image.h"

#define ACROSS_SHIFT 8 /* from the sum over a row to a number with 6 fractional bits */
#define DOWN_SHIFT 20  /* from the sum over a column to a pixel */

static int32_t held(int32_t value)
{
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

/* Writes a pixel as R, G and B, or as gray. Returns the address of the next pixel. */
static uint8_t *put(uint8_t *line, int32_t channels, int32_t r, int32_t g, int32_t b)
{
    if (channels == 1) {
        *line = (uint8_t)((77 * r + 150 * g + 29 * b + 128) >> 8);
        return line + 1;
    }
    line[0] = (uint8_t)r;
    line[1] = (uint8_t)g;
    line[2] = (uint8_t)b;
    return line + 3;
}

/* Writes 16-bit pixels to the line; `high` and `low` are the indices of a pixel's bytes. */
static void decode_565(const micronets_image *image, const uint8_t *row, int32_t high, uint8_t *line)
{
    for (const uint8_t *p = row + 2 * image->left, *end = p + 2 * image->columns; p < end; p += 2) {
        const int32_t word = p[high] << 8 | p[1 - high];
        const int32_t r = word >> 11, g = (word >> 5) & 63, b = word & 31;
        line = put(line, image->channels, r << 3 | r >> 2, g << 2 | g >> 4, b << 3 | b >> 2);
    }
}

static void decode_yuv(const micronets_image *image, const uint8_t *row, uint8_t *line)
{
    for (int32_t x = image->left; x < image->left + image->columns; x++) {
        const uint8_t *const pair = row + 4 * (x >> 1);
        const int32_t y = pair[2 * (x & 1)];
        if (image->channels == 1) {
            *line++ = (uint8_t)y;
        } else {
            const int32_t u = pair[1] - 128, v = pair[3] - 128;
            line = put(line, 3, held(y + ((359 * v + 128) >> 8)), held(y - ((88 * u + 183 * v + 128) >> 8)),
                       held(y + ((454 * u + 128) >> 8)));
        }
    }
}

/* Writes the used part of a row as pixels of `channels` bytes. */
static void decode(const micronets_image *image, const uint8_t *row, uint8_t *line)
{
    switch (image->pixels) {
    case MICRONETS_RGB565:
        decode_565(image, row, 0, line);
        return;
    case MICRONETS_RGB565LE:
        decode_565(image, row, 1, line);
        return;
    case MICRONETS_YUV422:
        decode_yuv(image, row, line);
        return;
    case MICRONETS_GRAY:
        for (int32_t x = 0; x < image->columns; x++) {
            for (int32_t c = 0; c < image->channels; c++) {
                *line++ = row[image->left + x];
            }
        }
        return;
    default:
        for (const uint8_t *p = row + 3 * image->left, *end = p + 3 * image->columns; p < end; p += 3) {
            line = put(line, image->channels, p[0], p[1], p[2]);
        }
    }
}

/* Resizes a line to `width` pixels. */
static void resize_line(const micronets_image *image, const uint8_t *line, int16_t *out)
{
    const int32_t channels = image->channels, count = image->across.count;
    const int16_t *weights = image->across.weights;
    for (int32_t x = 0; x < image->width; x++, weights += count) {
        const uint8_t *const from = line + channels * image->across.start[x];
        for (int32_t c = 0; c < channels; c++) {
            int32_t sum = 1 << (ACROSS_SHIFT - 1);
            for (int32_t k = 0; k < count; k++) {
                sum += weights[k] * from[k * channels + c];
            }
            *out++ = (int16_t)(sum >> ACROSS_SHIFT);
        }
    }
}

/* Writes row `o` of the image to the input: a weighted sum of resized rows of the frame, the last of which is `last`.
 * work: in, a ring of the resized rows. */
static void write_row(const micronets_image *image, int32_t o, int32_t last, const int16_t *work, int8_t *input)
{
    const int32_t size = image->width * image->channels, count = image->down.count;
    const int16_t *const weights = image->down.weights + o * count;
    int8_t *const to = input + ((image->to_top + o) * image->side + image->to_left) * image->channels;
    const int32_t oldest = (last + 1) % count;
    for (int32_t i = 0; i < size; i++) {
        int32_t sum = 1 << (DOWN_SHIFT - 1), place = oldest;
        for (int32_t k = 0; k < count; k++) {
            sum += weights[k] * work[place * size + i];
            place = place + 1 < count ? place + 1 : 0;
        }
        to[i] = image->codes[held(sum >> DOWN_SHIFT)];
    }
}

void micronets_image_row(const micronets_image *image, int32_t y, const uint8_t *row, int16_t *work, uint8_t *line,
                         int8_t *input)
{
    const int32_t at = y - image->top, count = image->down.count, values = image->side * image->side * image->channels;
    if (y == 0 && (image->width < image->side || image->height < image->side)) {
        for (int32_t i = 0; i < values; i++) {
            input[i] = image->codes[0];
        }
    }
    if (at < 0 || at >= image->rows) {
        return;
    }
    decode(image, row, line);
    resize_line(image, line, work + at % count * image->width * image->channels);
    for (int32_t o = 0; o < image->height && image->down.start[o] + count - 1 <= at; o++) {
        if (image->down.start[o] + count - 1 == at) {
            write_row(image, o, at, work, input);
        }
    }
}

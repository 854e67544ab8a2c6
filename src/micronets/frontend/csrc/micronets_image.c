/* The integer image front end; see micronets_image.h. The operations are in the same order as in
 * micronets.frontend.frames, so that every bit is equal. */
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

/* Writes every `step`-th byte, from the first pixel that is used, as a gray pixel. */
static void decode_gray(const micronets_image *image, const uint8_t *row, int32_t step, uint8_t *line)
{
    const uint8_t *from = row + step * image->left;
    for (const uint8_t *const end = line + image->columns; line < end; from += step) {
        *line++ = *from;
    }
}

static void decode_yuv(const micronets_image *image, const uint8_t *row, uint8_t *line)
{
    for (int32_t x = image->left; x < image->left + image->columns; x++) {
        const uint8_t *const pair = row + 4 * (x >> 1);
        const int32_t y = pair[2 * (x & 1)], u = pair[1] - 128, v = pair[3] - 128;
        line = put(line, 3, held(y + ((359 * v + 128) >> 8)), held(y - ((88 * u + 183 * v + 128) >> 8)),
                   held(y + ((454 * u + 128) >> 8)));
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
        if (image->channels == 1) {
            decode_gray(image, row, 2, line);
        } else {
            decode_yuv(image, row, line);
        }
        return;
    case MICRONETS_GRAY:
        if (image->channels == 1) {
            decode_gray(image, row, 1, line);
            return;
        }
        for (int32_t x = 0; x < image->columns; x++) {
            const int32_t gray = row[image->left + x];
            line = put(line, 3, gray, gray, gray);
        }
        return;
    default:
        for (const uint8_t *p = row + 3 * image->left, *end = p + 3 * image->columns; p < end; p += 3) {
            line = put(line, image->channels, p[0], p[1], p[2]);
        }
    }
}

/* Resizes a line of R, G and B to `width` pixels. */
static void resize_colours(const micronets_image *image, const uint8_t *line, int16_t *out)
{
    const int32_t count = image->across.count;
    const int16_t *weight = image->across.weights;
    for (int32_t x = 0; x < image->width; x++, out += 3) {
        const uint8_t *from = line + 3 * image->across.start[x];
        int32_t r = 1 << (ACROSS_SHIFT - 1), g = r, b = r;
        for (const int16_t *const end = weight + count; weight < end; weight++, from += 3) {
            r += *weight * from[0];
            g += *weight * from[1];
            b += *weight * from[2];
        }
        out[0] = (int16_t)(r >> ACROSS_SHIFT);
        out[1] = (int16_t)(g >> ACROSS_SHIFT);
        out[2] = (int16_t)(b >> ACROSS_SHIFT);
    }
}

/* Resizes a line of gray pixels to `width` pixels. */
static void resize_gray(const micronets_image *image, const uint8_t *line, int16_t *out)
{
    const int32_t count = image->across.count;
    const int16_t *weight = image->across.weights;
    for (int32_t x = 0; x < image->width; x++) {
        const uint8_t *from = line + image->across.start[x];
        int32_t sum = 1 << (ACROSS_SHIFT - 1);
        for (const int16_t *const end = weight + count; weight < end; weight++) {
            sum += *weight * *from++;
        }
        *out++ = (int16_t)(sum >> ACROSS_SHIFT);
    }
}

static int8_t code_of(const micronets_image *image, int32_t sum)
{
    return image->codes[held(sum >> DOWN_SHIFT)];
}

/* Writes row `o` of the picture into the input, a weighted sum of resized rows of the frame, of which `last` is the
 * last one. work: in, the resized rows, a ring; behind them, scratch for the weights in the order of the ring. */
static void write_row(const micronets_image *image, int32_t o, int32_t last, int16_t *work, int8_t *input)
{
    const int32_t size = image->width * image->channels, count = image->down.count, half = 1 << (DOWN_SHIFT - 1);
    int16_t *const weights = work + count * size;
    int8_t *to = input + ((image->to_top + o) * image->side + image->to_left) * image->channels;
    for (int32_t k = 0, place = (last + 1) % count; k < count; k++, place = place + 1 < count ? place + 1 : 0) {
        weights[place] = image->down.weights[o * count + k];
    }
    const int16_t *column = work;
    for (const int16_t *const end = work + size / 4 * 4; column < end; column += 4, to += 4) {
        int32_t a = half, b = half, c = half, d = half;
        const int16_t *from = column;
        for (const int16_t *weight = weights; weight < weights + count; weight++, from += size) {
            a += *weight * from[0];
            b += *weight * from[1];
            c += *weight * from[2];
            d += *weight * from[3];
        }
        to[0] = code_of(image, a);
        to[1] = code_of(image, b);
        to[2] = code_of(image, c);
        to[3] = code_of(image, d);
    }
    for (const int16_t *const end = work + size; column < end; column++) {
        int32_t sum = half;
        for (int32_t k = 0; k < count; k++) {
            sum += weights[k] * column[k * size];
        }
        *to++ = code_of(image, sum);
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
    int16_t *const resized = work + at % count * image->width * image->channels;
    if (image->channels == 3) {
        resize_colours(image, line, resized);
    } else {
        resize_gray(image, line, resized);
    }
    for (int32_t o = 0; o < image->height && image->down.start[o] + count - 1 <= at; o++) {
        if (image->down.start[o] + count - 1 == at) {
            write_row(image, o, at, work, input);
        }
    }
}

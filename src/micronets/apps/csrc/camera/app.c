/* The application: from camera frames to a line of text for each frame.
 *
 * This file is independent of the hardware: camera.h provides rows of frames, output.h shows lines of text. No buffer
 * holds a whole frame. */
#include "app.h"

#include "camera.h"
#include "model.h"
#include "model_frontend.h"
#include "output.h"

#define LABEL_WIDTH 12 /* columns of the class in a line */
#define LABEL_MOST 48  /* largest number of characters of a class that are shown */

static uint8_t arena[MICRONETS_MODEL_ARENA_BYTES] __attribute__((aligned(16)));
static uint32_t work[(MICRONETS_MODEL_FRONTEND_BYTES + 3) / 4];
static uint8_t row[MICRONETS_MODEL_ROW_BYTES];
static uint32_t frames;

/* Writes a number so that it ends before `end`, padded with blanks on the left to at least `columns` characters.
 * Returns the first character. */
static char *number_before(char *end, int32_t number, int32_t columns)
{
    char *at = end;
    uint32_t left = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0) {
        *--at = '-';
    }
    while (end - at < columns) {
        *--at = ' ';
    }
    return at;
}

/* Shows the class of a frame. Put your product's reaction here.
 *
 * - class_index: the class with the largest output.
 * - code: that output, -128 .. 127. */
static void seen(int32_t class_index, int32_t code)
{
    char line[120], number[24];
    char *const end = number + sizeof number;
    char *to = line;
    int32_t width = 0;
    for (const char *from = number_before(end, (int32_t)frames, 8); from < end; from++) {
        *to++ = *from;
    }
    *to++ = ' ';
    *to++ = ' ';
    for (const char *from = micronets_model_labels[class_index]; *from && width < LABEL_MOST; from++, width++) {
        *to++ = *from;
    }
    for (; width < LABEL_WIDTH; width++) {
        *to++ = ' ';
    }
    for (const char *from = number_before(end, code, 6); from < end; from++) {
        *to++ = *from;
    }
    *to = 0;
    output_line(line);
}

int32_t app_start(void)
{
    frames = 0;
    return camera_start();
}

int32_t app_step(void)
{
    for (int32_t y = 0; y < MICRONETS_MODEL_FRAME_HEIGHT; y++) {
        const int32_t state = camera_read(row);
        if (state <= 0) {
            if (state == 0 && y > 0) {
                output_line("the last frame is not whole");
                return -1;
            }
            return state;
        }
        micronets_model_frontend_row(y, row, work, micronets_model_input(arena));
    }
    micronets_model_invoke(arena);
    const int8_t *const output = micronets_model_output(arena);
    int32_t best = 0;
    for (int32_t i = 1; i < MICRONETS_MODEL_OUTPUT_COUNT; i++) {
        best = output[i] > output[best] ? i : best;
    }
    frames++;
    seen(best, output[best]);
    return 1;
}

int32_t app_run(void)
{
    int32_t state = app_start();
    if (state == 0) {
        do {
            state = app_step();
        } while (state > 0);
        camera_stop();
    }
    return state;
}

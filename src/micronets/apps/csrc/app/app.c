/* The application: from samples to a line of text for each decision.
 *
 * This file is independent of the hardware: sensor.h provides samples, output.h shows lines of text. */
#include "app.h"

#include "model.h"
#include "model_stream.h"
#include "output.h"
#include "sensor.h"

#define PIECE 160      /* samples taken from the sensor at a time */
#define LABEL_WIDTH 12 /* columns of the class in a line */

static uint8_t arena[MICRONETS_MODEL_STREAM_ARENA_BYTES] __attribute__((aligned(16)));
static micronets_model_stream stream;

/* Writes a number with two decimals so that it ends before `end`, padded with blanks on the left.
 *
 * - hundredths: a hundred times the number.
 * - columns: the least number of characters to write.
 *
 * Returns the first character. */
static char *two_decimals(char *end, uint32_t hundredths, int32_t columns)
{
    char *at = end;
    for (int32_t digit = 0; digit < 3 || hundredths > 0; digit++) {
        if (digit == 2) {
            *--at = '.';
        }
        *--at = (char)('0' + hundredths % 10);
        hundredths /= 10;
    }
    while (end - at < columns) {
        *--at = ' ';
    }
    return at;
}

/* Shows a detected class. Put your product's reaction here. */
static void heard(const micronets_decision *decision)
{
    char line[96], number[24];
    const char *const label = micronets_model_labels[decision->class_index];
    const uint64_t rate = MICRONETS_MODEL_MILLIHERTZ;
    const uint32_t hundredths = (uint32_t)((decision->time * 100000 + rate / 2) / rate);
    const uint32_t score = ((uint32_t)decision->score * 100 + MICRONETS_SCORE_ONE / 2) / MICRONETS_SCORE_ONE;
    char *const end = number + sizeof number;
    char *to = line;
    for (const char *from = two_decimals(end, hundredths, 8); from < end; from++) {
        *to++ = *from;
    }
    for (const char *from = " s  "; *from; from++) {
        *to++ = *from;
    }
    int32_t width = 0;
    for (const char *from = label; *from && width < 48; from++, width++) {
        *to++ = *from;
    }
    for (; width < LABEL_WIDTH; width++) {
        *to++ = ' ';
    }
    *to++ = ' ';
    *to++ = ' ';
    for (const char *from = two_decimals(end, score, 4); from < end; from++) {
        *to++ = *from;
    }
    *to = 0;
    output_line(line);
}

int32_t app_start(void)
{
    micronets_model_start(&stream, arena);
    return sensor_start(SENSOR_RATE);
}

int32_t app_step(void)
{
    static sensor_sample samples[PIECE * SENSOR_AXES];
    uint32_t lost = 0;
    const int32_t count = sensor_read(samples, PIECE, &lost);
    if (lost > 0) {
        micronets_model_gap(&stream, lost);
    }
    if (count <= 0) {
        return count;
    }
    for (int32_t taken = 0; taken < count;) {
        micronets_decision decision;
        taken += micronets_model_feed(&stream, samples + taken * SENSOR_AXES, count - taken);
        while (micronets_model_poll(&stream, &decision)) {
            heard(&decision);
        }
    }
    return 1;
}

int32_t app_run(void)
{
    int32_t state = app_start();
    if (state == 0) {
        do {
            state = app_step();
        } while (state > 0);
        sensor_stop();
    }
    return state;
}

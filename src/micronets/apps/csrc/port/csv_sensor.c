/* A CSV file in place of a sensor: one line per sample, with one number per axis in the units of the training data.
 *
 * Commas, semicolons or tabs separate numbers. A first line of headings, empty lines and lines that begin with # are
 * skipped. Numbers of up to 15 digits are rounded to the same integers as in Python. */
#include "file.h"
#include "output.h"
#include "sensor.h"

#define LARGEST_WHOLE 100000000000000000u /* from here on, digits only increase the exponent */
#define MOST_EXPONENT 400                 /* beyond it, a number is 0 or exceeds every sample */
#define EXACT_POWER 22                    /* the largest power of ten that a double holds exactly */

static const double units[SENSOR_AXES] = MICRONETS_MODEL_UNITS;

static uint8_t buffer[256];
static int32_t filled, at;
static int32_t current; /* the next character; -1 at the end of the file */
static uint32_t line;   /* the line number of `current`, from 1 */
static int32_t first;   /* whether no line of numbers or headings has been read yet */

/* Advances to the next character. */
static void advance(void)
{
    line += current == '\n';
    if (at == filled) {
        filled = file_read(buffer, (int32_t)sizeof buffer);
        at = 0;
    }
    current = filled > 0 ? buffer[at++] : -1;
}

static void skip_blanks(void)
{
    while (current == ' ' || current == '\r') {
        advance();
    }
}

static void skip_line(void)
{
    while (current != '\n' && current >= 0) {
        advance();
    }
    advance();
}

static int32_t is_digit(void)
{
    return current >= '0' && current <= '9';
}

/* Returns a number times a power of ten. */
static double scaled(double value, int32_t exponent)
{
    while (exponent != 0) {
        const int32_t size = exponent < 0 ? -exponent : exponent;
        const int32_t now = size < EXACT_POWER ? size : EXACT_POWER;
        double power = 1;
        for (int32_t i = 0; i < now; i++) {
            power *= 10;
        }
        value = exponent < 0 ? value / power : value * power;
        exponent += exponent < 0 ? now : -now;
    }
    return value;
}

/* Reads a number such as -12.5e-1. Returns 0, or -1 if there is none. */
static int32_t read_number(double *value)
{
    const int32_t negative = current == '-';
    uint64_t whole = 0;
    int32_t exponent = 0, digits = 0, point = 0, given = 0;
    if (negative || current == '+') {
        advance();
    }
    for (; is_digit() || (current == '.' && !point); advance()) {
        if (current == '.') {
            point = 1;
            continue;
        }
        digits++;
        if (whole < LARGEST_WHOLE) {
            whole = whole * 10 + (uint64_t)(current - '0');
            exponent -= point;
        } else {
            exponent += !point;
        }
    }
    if (digits == 0) {
        return -1;
    }
    if (current == 'e' || current == 'E') {
        advance();
        const int32_t below = current == '-';
        if (below || current == '+') {
            advance();
        }
        if (!is_digit()) {
            return -1;
        }
        for (; is_digit(); advance()) {
            given = given < MOST_EXPONENT ? given * 10 + current - '0' : given;
        }
        exponent += below ? -given : given;
    }
    exponent = exponent < -MOST_EXPONENT ? -MOST_EXPONENT : exponent > MOST_EXPONENT ? MOST_EXPONENT : exponent;
    const double size = scaled((double)whole, exponent);
    *value = negative ? -size : size;
    return 0;
}

/* Rounds a number to the nearest integer, halves to even, and clamps it to the range of a sample. */
static sensor_sample to_step(double value)
{
    if (value >= MICRONETS_MODEL_SAMPLE_MAX) {
        return MICRONETS_MODEL_SAMPLE_MAX;
    }
    if (value <= MICRONETS_MODEL_SAMPLE_MIN) {
        return MICRONETS_MODEL_SAMPLE_MIN;
    }
    int32_t below = (int32_t)value;
    below -= value < below;
    const double rest = value - below;
    return (sensor_sample)(below + (rest > 0.5 || (rest == 0.5 && (below & 1) != 0)));
}

/* Reports the number of a line that is not a sample. */
static void tell_line(void)
{
    static const char end[] = " of the recording does not hold a number for each axis of the sensor, and nothing else";
    char text[120], number[10];
    char *to = text;
    int32_t count = 0;
    for (uint32_t left = line; left > 0; left /= 10) {
        number[count++] = (char)('0' + left % 10);
    }
    for (const char *from = "line "; *from; from++) {
        *to++ = *from;
    }
    while (count > 0) {
        *to++ = number[--count];
    }
    for (const char *from = end; *from; from++) {
        *to++ = *from;
    }
    *to = 0;
    output_line(text);
}

/* Reads a line. Returns 1, 0 at the end of the file, or -1 if the line is not a sample. */
static int32_t read_sample(sensor_sample *sample)
{
    for (;;) {
        skip_blanks();
        if (current < 0) {
            return 0;
        }
        if (current != '\n' && current != '#') {
            break;
        }
        skip_line();
    }
    const int32_t may_be_headings = first;
    first = 0;
    for (int32_t axis = 0; axis < SENSOR_AXES; axis++) {
        double value;
        if (axis > 0 && current != ',' && current != ';' && current != '\t') {
            return -1;
        }
        if (axis > 0) {
            advance();
        }
        skip_blanks();
        if (read_number(&value) != 0) {
            if (axis == 0 && may_be_headings) {
                skip_line();
                return read_sample(sample);
            }
            return -1;
        }
        skip_blanks();
        sample[axis] = to_step(value / units[axis]);
    }
    if (current != '\n' && current >= 0) {
        return -1;
    }
    advance();
    return 1;
}

int32_t sensor_start(int32_t millihertz)
{
    (void)millihertz; /* assumed to be the rate of the file's samples */
    if (file_open() != 0) {
        output_line("no recording: name a CSV file behind the program, on the command line");
        return -1;
    }
    line = 1;
    first = 1;
    current = 0;
    advance();
    return 0;
}

int32_t sensor_read(sensor_sample *samples, int32_t most, uint32_t *lost)
{
    int32_t count = 0;
    *lost = 0;
    while (count < most) {
        const int32_t state = read_sample(samples + count * SENSOR_AXES);
        if (state < 0) {
            tell_line();
            return -1;
        }
        if (state == 0) {
            break;
        }
        count++;
    }
    return count;
}

void sensor_stop(void)
{
    file_close();
}

/* A WAV file in place of a microphone: one channel, 16 bits per sample, at the network's sample rate. */
#include "file.h"
#include "output.h"
#include "sensor.h"

#define FORMAT_PCM 1
#define FORMAT_EXTENSIBLE 0xFFFE /* the real format follows; with 16 bits it is PCM */

static uint32_t left; /* bytes of samples that have not been read yet */

/* Reads a little-endian number of `bytes` bytes. */
static uint32_t number(const uint8_t *from, int32_t bytes)
{
    uint32_t value = 0;
    for (int32_t i = bytes - 1; i >= 0; i--) {
        value = value << 8 | from[i];
    }
    return value;
}

/* Returns whether four bytes are the characters of a name. */
static int32_t is_named(const uint8_t *bytes, const char *name)
{
    return bytes[0] == (uint8_t)name[0] && bytes[1] == (uint8_t)name[1] && bytes[2] == (uint8_t)name[2] &&
           bytes[3] == (uint8_t)name[3];
}

/* Skips bytes. Returns 0, or -1 if the file ends first. */
static int32_t skip(uint32_t bytes)
{
    uint8_t rest[64];
    while (bytes > 0) {
        const int32_t some = bytes < sizeof rest ? (int32_t)bytes : (int32_t)sizeof rest;
        if (file_read(rest, some) != some) {
            return -1;
        }
        bytes -= (uint32_t)some;
    }
    return 0;
}

/* Reads the file up to its samples. Returns 0, or -1 if it is not a WAV file of that rate. */
static int32_t read_head(int32_t rate)
{
    uint8_t head[16];
    int32_t known = 0;
    if (file_read(head, 12) != 12 || !is_named(head, "RIFF") || !is_named(head + 8, "WAVE")) {
        return -1;
    }
    while (file_read(head, 8) == 8) {
        const uint32_t size = number(head + 4, 4);
        if (is_named(head, "data")) {
            left = size & ~1u;
            return known ? 0 : -1;
        }
        uint32_t rest = size + (size & 1u);
        if (is_named(head, "fmt ")) {
            if (size < 16 || file_read(head, 16) != 16) {
                return -1;
            }
            const uint32_t format = number(head, 2);
            known = (format == FORMAT_PCM || format == FORMAT_EXTENSIBLE) && number(head + 2, 2) == 1 &&
                    number(head + 4, 4) == (uint32_t)rate && number(head + 14, 2) == 16;
            rest -= 16;
        }
        if (skip(rest) != 0) {
            return -1;
        }
    }
    return -1;
}

/* Appends a text to one that ends at `end`. Returns the new end. */
static char *append(char *end, const char *text)
{
    while (*text != 0) {
        *end++ = *text++;
    }
    *end = 0;
    return end;
}

/* Shows how to convert a recording to the network's sample rate. */
static void tell_how_to_convert(int32_t rate)
{
    char digits[11], line[96];
    int32_t at = (int32_t)sizeof digits - 1;
    digits[at] = 0;
    for (uint32_t rest = (uint32_t)rate; rest > 0 && at > 0; rest /= 10) {
        digits[--at] = (char)('0' + rest % 10);
    }
    append(append(append(line, "ffmpeg -i RECORDING -ac 1 -ar "), digits + at), " -sample_fmt s16 converted.wav");
    output_line(line);
}

int32_t sensor_start(int32_t rate)
{
    if (file_open() != 0) {
        output_line("no recording: name a WAV file behind the program, on the command line");
        return -1;
    }
    if (read_head(rate) != 0) {
        output_line("the recording has to be a WAV file with one channel and 16 bits, at the rate of the network:");
        tell_how_to_convert(rate);
        file_close();
        return -1;
    }
    return 0;
}

int32_t sensor_read(int16_t *samples, int32_t most, uint32_t *lost)
{
    uint8_t *const bytes = (uint8_t *)samples;
    const uint32_t wanted = 2u * (uint32_t)most < left ? 2u * (uint32_t)most : left;
    const int32_t count = file_read(bytes, (int32_t)wanted) / 2;
    *lost = 0;
    for (int32_t i = 0; i < count; i++) {
        const uint32_t value = number(bytes + 2 * i, 2);
        samples[i] = (int16_t)(value < 0x8000u ? (int32_t)value : (int32_t)value - 0x10000);
    }
    left -= wanted;
    return count;
}

void sensor_stop(void)
{
    file_close();
}

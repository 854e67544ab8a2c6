/* The microphone: three functions, which the file of this project that knows the hardware defines.
 *
 * To use another microphone, write these three functions for it; nothing else of the application changes. */
#ifndef APP_SENSOR_H
#define APP_SENSOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SENSOR_AXES 1                           /* numbers of a sample */
#define SENSOR_RATE MICRONETS_MODEL_SAMPLE_RATE /* what sensor_start is given */

typedef int16_t sensor_sample;

/* Starts the microphone.
 *
 * - rate: samples a second.
 *
 * Returns 0, or another number where it cannot start; it has then told why with output_line. */
int32_t sensor_start(int32_t rate);

/* Waits until there are samples, and takes them.
 *
 * - samples: out, at most `most` samples, the oldest first.
 * - most: at least 1.
 * - lost: out, how many samples were lost before these, because nobody took them in time.
 *
 * Returns how many samples it wrote; 0 if the sound has ended, and a negative number where the microphone failed. */
int32_t sensor_read(sensor_sample *samples, int32_t most, uint32_t *lost);

/* Stops the microphone. */
void sensor_stop(void);

#ifdef __cplusplus
}
#endif

#endif

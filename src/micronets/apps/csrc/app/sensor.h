/* The microphone: three functions, defined in this project's hardware-specific file.
 *
 * To use another microphone, implement these three functions for it; the rest of the application stays the same. */
#ifndef APP_SENSOR_H
#define APP_SENSOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SENSOR_AXES 1                           /* axes of a sample */
#define SENSOR_RATE MICRONETS_MODEL_SAMPLE_RATE /* the argument of sensor_start */

typedef int16_t sensor_sample;

/* Starts the microphone.
 *
 * - rate: samples per second.
 *
 * Returns 0, or a nonzero number if it cannot start; it has then reported the reason with output_line. */
int32_t sensor_start(int32_t rate);

/* Waits for samples and takes them.
 *
 * - samples: out, at most `most` samples, the oldest first.
 * - most: at least 1.
 * - lost: out, the number of samples lost before these because they were not taken in time.
 *
 * Returns the number of samples written, 0 if the sound has ended, or a negative number if the microphone failed. */
int32_t sensor_read(sensor_sample *samples, int32_t most, uint32_t *lost);

/* Stops the microphone. */
void sensor_stop(void);

#ifdef __cplusplus
}
#endif

#endif

/* The sensor: three functions, defined in this project's hardware-specific file.
 *
 * To use another sensor, implement these three functions for it; the rest of the application stays the same. */
#ifndef APP_SENSOR_H
#define APP_SENSOR_H

#include <stdint.h>

#include "model_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SENSOR_AXES MICRONETS_MODEL_AXES       /* axes of a sample */
#define SENSOR_RATE MICRONETS_MODEL_MILLIHERTZ /* the argument of sensor_start */

typedef micronets_model_sample sensor_sample; /* one axis of a sample */

/* Starts the sensor.
 *
 * - millihertz: samples per 1,000 seconds.
 *
 * Returns 0, or a nonzero number if it cannot start; it has then reported the reason with output_line. */
int32_t sensor_start(int32_t millihertz);

/* Waits for samples and takes them.
 *
 * - samples: out, at most [most][SENSOR_AXES] numbers, the oldest sample first. MICRONETS_MODEL_UNITS has the real
 *     value of the integer 1 on each axis, in the units of the training data.
 * - most: at least 1.
 * - lost: out, the number of samples lost before these because they were not taken in time.
 *
 * Returns the number of samples written, 0 if the signal has ended, or a negative number if the sensor failed. */
int32_t sensor_read(sensor_sample *samples, int32_t most, uint32_t *lost);

/* Stops the sensor. */
void sensor_stop(void);

#ifdef __cplusplus
}
#endif

#endif

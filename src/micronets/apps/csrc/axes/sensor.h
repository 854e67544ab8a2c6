/* The sensor: three functions, which the file of this project that knows the hardware defines.
 *
 * To use another sensor, write these three functions for it; nothing else of the application changes. */
#ifndef APP_SENSOR_H
#define APP_SENSOR_H

#include <stdint.h>

#include "model_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SENSOR_AXES MICRONETS_MODEL_AXES       /* numbers of a sample */
#define SENSOR_RATE MICRONETS_MODEL_MILLIHERTZ /* what sensor_start is given */

typedef micronets_model_sample sensor_sample; /* a number of a sample */

/* Starts the sensor.
 *
 * - millihertz: samples in 1,000 seconds.
 *
 * Returns 0, or another number where it cannot start; it has then told why with output_line. */
int32_t sensor_start(int32_t millihertz);

/* Waits until there are samples, and takes them.
 *
 * - samples: out, at most [most][SENSOR_AXES] numbers, the oldest sample first. MICRONETS_MODEL_UNITS says for each
 *   axis what a number of 1 stands for, in the units of the data that the network was trained on.
 * - most: at least 1.
 * - lost: out, how many samples were lost before these, because nobody took them in time.
 *
 * Returns how many samples it wrote; 0 if the signal has ended, and a negative number where the sensor failed. */
int32_t sensor_read(sensor_sample *samples, int32_t most, uint32_t *lost);

/* Stops the sensor. */
void sensor_stop(void);

#ifdef __cplusplus
}
#endif

#endif

/* The application: samples in, a line for each decision out. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the sensor and begins to listen. Returns 0, or another number where the sensor cannot start. */
int32_t app_start(void);

/* Waits for samples, listens to them, and tells what was heard.
 *
 * Returns 1 while there is more to come, 0 where the signal has ended, and a negative number where the sensor
 * failed. */
int32_t app_step(void);

/* Listens until the signal ends. Returns 0, or another number where the sensor failed. */
int32_t app_run(void);

#ifdef __cplusplus
}
#endif

#endif

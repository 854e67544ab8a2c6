/* The application: samples of a sensor or frames of a camera in, lines out. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the sensor or the camera. Returns 0, or another number where it cannot start. */
int32_t app_start(void);

/* Takes the next samples or the next frame, runs the network where it is due, and shows what was found.
 *
 * Returns 1 while there is more to come, 0 if the signal has ended, and a negative number where the sensor or the
 * camera failed. */
int32_t app_step(void);

/* Starts, and runs app_step until the signal ends. Returns 0, or another number where the sensor or the camera failed.
 *  */
int32_t app_run(void);

#ifdef __cplusplus
}
#endif

#endif

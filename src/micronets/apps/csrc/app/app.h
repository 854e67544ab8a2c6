/* The application: from sensor samples or camera frames to lines of text. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the sensor or the camera. Returns 0, or a nonzero number if it cannot start. */
int32_t app_start(void);

/* Takes the next samples or the next frame, runs the network if it is due, and shows the result.
 *
 * Returns 1 if the signal continues, 0 if it has ended, or a negative number if the sensor or the camera failed. */
int32_t app_step(void);

/* Starts the application and runs app_step until the signal ends. Returns 0, or a nonzero number if the sensor or
 * camera failed.
 *  */
int32_t app_run(void);

#ifdef __cplusplus
}
#endif

#endif

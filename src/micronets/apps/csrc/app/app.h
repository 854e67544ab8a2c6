/* The application: sound in, a line for each word that is heard out. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the microphone and begins to listen. Returns 0, or another number where the microphone cannot start. */
int32_t app_start(void);

/* Waits for a piece of sound, listens to it, and tells what was heard.
 *
 * Returns 1 while there is more to come, 0 where the sound has ended, and a negative number where the microphone
 * failed. */
int32_t app_step(void);

/* Listens until the sound ends. Returns 0, or another number where the microphone failed. */
int32_t app_run(void);

#ifdef __cplusplus
}
#endif

#endif

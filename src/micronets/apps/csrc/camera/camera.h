/* The camera: three functions, which the file of this project that knows the hardware defines.
 *
 * To use another camera, write these three functions for it; nothing else of the application changes. */
#ifndef APP_CAMERA_H
#define APP_CAMERA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the camera, with frames of MICRONETS_MODEL_FRAME_HEIGHT rows of MICRONETS_MODEL_FRAME_WIDTH pixels.
 *
 * Returns 0, or another number where it cannot start; it has then told why with output_line. */
int32_t camera_start(void);

/* Waits for the next row of a frame, and takes it. Rows come from the top; behind the last row of a frame comes the
 * first one of another frame, which begins only when it is asked for: between two frames lies an inference.
 *
 * - row: out, [MICRONETS_MODEL_ROW_BYTES].
 *
 * Returns 1, 0 if there are no more frames, and a negative number where the camera failed. */
int32_t camera_read(uint8_t *row);

/* Stops the camera. */
void camera_stop(void);

#ifdef __cplusplus
}
#endif

#endif

/* The camera: three functions, defined in this project's hardware-specific file.
 *
 * To use another camera, implement these three functions for it; the rest of the application stays the same. */
#ifndef APP_CAMERA_H
#define APP_CAMERA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the camera, with frames of MICRONETS_MODEL_FRAME_HEIGHT rows of MICRONETS_MODEL_FRAME_WIDTH pixels.
 *
 * Returns 0, or a nonzero number if it cannot start; it has then reported the reason with output_line. */
int32_t camera_start(void);

/* Waits for the next row of a frame and takes it. Rows are in order from the top. After the last row of a frame, the
 * next call must start a new frame: an inference runs between two frames.
 *
 * - row: out, [MICRONETS_MODEL_ROW_BYTES].
 *
 * Returns 1, 0 if there are no more frames, or a negative number if the camera failed. */
int32_t camera_read(uint8_t *row);

/* Stops the camera. */
void camera_stop(void);

#ifdef __cplusplus
}
#endif

#endif

/* A file of consecutive raw frames in place of a camera: rows from top to bottom, each MICRONETS_MODEL_ROW_BYTES bytes
 * in the camera's format. */
#include "camera.h"
#include "file.h"
#include "model_frontend.h"
#include "output.h"

int32_t camera_start(void)
{
    if (file_open() != 0) {
        output_line("no frames: name a file of raw frames behind the program, on the command line");
        return -1;
    }
    return 0;
}

int32_t camera_read(uint8_t *row)
{
    const int32_t count = file_read(row, MICRONETS_MODEL_ROW_BYTES);
    if (count > 0 && count < MICRONETS_MODEL_ROW_BYTES) {
        output_line("the file ends within a row; its frames have to be those of the network's camera");
        return -1;
    }
    return count > 0;
}

void camera_stop(void)
{
    file_close();
}

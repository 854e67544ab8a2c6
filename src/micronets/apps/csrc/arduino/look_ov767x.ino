/* Classifies the frames of an OV7670 or OV7675 camera and prints the class of each, on an Arduino Nano 33 BLE with the
 * Arduino_OV767X library. That library's example CameraCapture shows how to connect the camera. */
#include <Arduino_OV767X.h>

#include "app.h"
#include "camera.h"
#include "model_frontend.h"
#include "output.h"

#define FRAMES_A_SECOND 5

static uint8_t frame[MICRONETS_MODEL_FRAME_HEIGHT * MICRONETS_MODEL_ROW_BYTES]; /* the library reads whole frames */
static int32_t next_row;

int32_t camera_start(void)
{
    next_row = 0;
    if (!Camera.begin(CAMERA_SIZE, CAMERA_PIXELS, FRAMES_A_SECOND)) {
        output_line("the camera does not start: is it connected as the example CameraCapture tells?");
        return -1;
    }
    return 0;
}

int32_t camera_read(uint8_t *row)
{
    if (next_row == 0) {
        Camera.readFrame(frame);
    }
    const uint8_t *const from = frame + next_row * MICRONETS_MODEL_ROW_BYTES;
    for (int32_t i = 0; i < MICRONETS_MODEL_ROW_BYTES; i++) {
        row[i] = from[i];
    }
    next_row = next_row + 1 < MICRONETS_MODEL_FRAME_HEIGHT ? next_row + 1 : 0;
    return 1;
}

void camera_stop(void)
{
    Camera.end();
}

void output_line(const char *text)
{
    Serial.println(text);
}

void setup()
{
    Serial.begin(115200);
    while (app_start() != 0) {
        delay(1000);
    }
}

void loop()
{
    app_step();
}

/* Listens to a PDM microphone and prints the words that it detects, on an Arduino Nano 33 BLE Sense or Nano RP2040
 * Connect with the PDM library of the board's package. */
#include <PDM.h>

#include "app.h"
#include "output.h"
#include "sensor.h"

#define RING_LOCK noInterrupts
#define RING_UNLOCK interrupts
#include "ring.h"

static int16_t piece[512];

/* Puts the microphone's samples into the ring; the library calls it in an interrupt when samples are available. */
static void on_samples(void)
{
    while (PDM.available() > 0) {
        const int bytes = PDM.read(piece, sizeof piece);
        if (bytes <= 0) {
            break;
        }
        for (int i = 0; i < bytes / 2; i++) {
            ring_put(piece[i]);
        }
    }
}

int32_t sensor_start(int32_t rate)
{
    PDM.onReceive(on_samples);
    if (!PDM.begin(1, rate)) {
        output_line("the PDM microphone does not start at the rate of the network");
        return -1;
    }
    return 0;
}

int32_t sensor_read(int16_t *samples, int32_t most, uint32_t *lost)
{
    int32_t count = ring_take(samples, most, lost);
    while (count == 0) {
        uint32_t further;
        yield();
        count = ring_take(samples, most, &further);
        *lost += further;
    }
    return count;
}

void sensor_stop(void)
{
    PDM.end();
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

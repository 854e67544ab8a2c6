/* Listens to an I2S microphone (an INMP441 or the like, left channel), and prints the words that it hears: on boards
 * whose package has the library I2S of Arduino's SAMD boards. */
#include <I2S.h>

#include "app.h"
#include "output.h"
#include "sensor.h"

/* Bits by which a sample of 32 bits, whose upper 24 are the microphone's, is shifted right to become one of 16. It is 2
 * less than 16, which is a gain of 12 dB. */
#define MICROPHONE_SHIFT 14

int32_t sensor_start(int32_t rate)
{
    if (!I2S.begin(I2S_PHILIPS_MODE, rate, 32)) {
        output_line("the I2S microphone does not start at the rate of the network");
        return -1;
    }
    I2S.read(); /* the first reading makes the interface a receiver */
    return 0;
}

/* Returns a sample of 32 bits as one of 16, with that gain, clamped to 16 bits. */
static int16_t sample_of(int32_t value)
{
    const int32_t scaled = value / (1L << MICROPHONE_SHIFT);
    return (int16_t)constrain(scaled, -32768L, 32767L);
}

int32_t sensor_read(int16_t *samples, int32_t most, uint32_t *lost)
{
    int32_t count = 0;
    *lost = 0; /* the library does not tell whether it lost any */
    while (count < most) {
        if (I2S.available() < 8) {
            yield();
            continue;
        }
        samples[count++] = sample_of(I2S.read());
        I2S.read(); /* the right channel, which is empty */
    }
    return count;
}

void sensor_stop(void)
{
    I2S.end();
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

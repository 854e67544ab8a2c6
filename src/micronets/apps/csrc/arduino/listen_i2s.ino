/* Listens to an I2S microphone (an INMP441 or similar, left channel) and prints the words that it detects, on boards
 * whose package includes the I2S library of Arduino's SAMD boards. */
#include <I2S.h>

#include "app.h"
#include "output.h"
#include "sensor.h"

/* Right shift from the microphone's 24-bit sample, in the upper bits of a 32-bit word, to 16 bits. It is 2 less than
 * 16, which gives a gain of 12 dB. */
#define MICROPHONE_SHIFT 14

int32_t sensor_start(int32_t rate)
{
    if (!I2S.begin(I2S_PHILIPS_MODE, rate, 32)) {
        output_line("the I2S microphone does not start at the rate of the network");
        return -1;
    }
    I2S.read(); /* the first read makes the interface a receiver */
    return 0;
}

/* Returns a 32-bit sample as a 16-bit one, with that gain, clamped. */
static int16_t sample_of(int32_t value)
{
    const int32_t scaled = value / (1L << MICROPHONE_SHIFT);
    return (int16_t)constrain(scaled, -32768L, 32767L);
}

int32_t sensor_read(int16_t *samples, int32_t most, uint32_t *lost)
{
    int32_t count = 0;
    *lost = 0; /* the library does not report lost samples */
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

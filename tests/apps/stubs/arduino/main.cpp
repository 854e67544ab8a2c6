/* Runs a sketch: while it waits for samples, an interrupt brings the next ones; at their end the program ends. */
#include <string.h>

#include "Arduino_OV767X.h"
#include "I2S.h"
#include "PDM.h"
#include "recording.h"

SerialPort Serial;
Pdm PDM;
I2s I2S;
OV767X Camera;

int Pdm::read(void *to, int bytes)
{
    const int all = 2 * held < bytes ? 2 * held : bytes;
    memcpy(to, samples, (size_t)all);
    held = 0;
    return all;
}

/* The first reading starts the receiver; then left and right channel take turns. */
int I2s::read()
{
    int16_t sample;
    const int32_t number = reads++;
    if (number == 0 || number % 2 == 0) {
        return 0;
    }
    if (recorded(&sample, 1) != 1) {
        exit(0);
    }
    return (int32_t)sample * (1 << 14);
}

/* Two bytes are a sample of the recording. */
void OV767X::readFrame(void *buffer)
{
    if (recorded((int16_t *)buffer, (int32_t)(frame_bytes / 2)) < frame_bytes / 2) {
        exit(0);
    }
}

void yield()
{
    PDM.held = recorded(PDM.samples, 200);
    if (PDM.held == 0) {
        exit(0);
    }
    PDM.callback();
}

void delay(unsigned long) { exit(1); }
void noInterrupts() {}
void interrupts() {}

int main()
{
    setup();
    for (;;) {
        loop();
    }
}

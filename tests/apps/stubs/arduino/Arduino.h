/* What the sketches use of Arduino, on a computer. */
#ifndef STUB_ARDUINO_H
#define STUB_ARDUINO_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
struct SerialPort {
    void begin(unsigned long) {}
    void println(const char *text) { puts(text); }
};
extern SerialPort Serial;
#endif

#define constrain(value, least, most) ((value) < (least) ? (least) : (value) > (most) ? (most) : (value))

void setup();
void loop();
void yield();
void delay(unsigned long milliseconds);
void noInterrupts();
void interrupts();

#endif

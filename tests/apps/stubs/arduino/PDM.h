#include "Arduino.h"

struct Pdm {
    void (*callback)() = nullptr;
    int32_t held = 0;
    int16_t samples[200];
    void onReceive(void (*function)()) { callback = function; }
    int begin(int channels, long rate) { return channels == 1 && rate == 16000; }
    void end() {}
    int available() { return 2 * held; }
    int read(void *to, int bytes);
};
extern Pdm PDM;

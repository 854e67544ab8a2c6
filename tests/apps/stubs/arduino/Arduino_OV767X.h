#include "Arduino.h"

enum { YUV422 = 0, RGB444 = 1, RGB565 = 2, GRAYSCALE = 4 };
enum { VGA = 0, CIF = 1, QVGA = 2, QCIF = 3, QQVGA = 4 };

struct OV767X {
    long frame_bytes = 0;
    int begin(int resolution, int format, int fps)
    {
        const long pixels = resolution == QQVGA ? 160 * 120 : resolution == QCIF ? 176 * 144 : 320 * 240;
        frame_bytes = pixels * (format == GRAYSCALE ? 1 : 2);
        return resolution != VGA && resolution != CIF && format != RGB444 && fps == 5;
    }
    void end() {}
    void readFrame(void *buffer);
};
extern OV767X Camera;

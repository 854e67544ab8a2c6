/* Samples between a microphone's interrupt and the application: a ring that tells how many samples it had no room for.
 */
#ifndef APP_RING_H
#define APP_RING_H

#include <Arduino.h>

#define RING_SAMPLES 4096 /* a power of two: a quarter of a second at 16 kHz */

static int16_t ring[RING_SAMPLES];
static volatile uint32_t ring_written, ring_read, ring_lost;

/* Puts samples into the ring; an interrupt may call it. */
static void ring_put(const int16_t *samples, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (ring_written - ring_read == RING_SAMPLES) {
            ring_lost = ring_lost + 1;
        } else {
            ring[ring_written % RING_SAMPLES] = samples[i];
            ring_written = ring_written + 1;
        }
    }
}

/* Takes samples out of the ring, at most `most`. `lost` tells how many had no room; the ring is emptied then, since
 * what comes next does not join what is in it. */
static int32_t ring_take(int16_t *samples, int32_t most, uint32_t *lost)
{
    noInterrupts();
    *lost = ring_lost;
    if (ring_lost > 0) {
        *lost += ring_written - ring_read;
        ring_read = ring_written;
        ring_lost = 0;
    }
    interrupts();
    int32_t count = 0;
    while (count < most && ring_read != ring_written) {
        samples[count++] = ring[ring_read % RING_SAMPLES];
        ring_read = ring_read + 1;
    }
    return count;
}

#endif

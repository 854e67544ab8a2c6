/* A ring buffer of samples between the microphone's interrupt and the application. It counts the samples that it has no
 * room for.
 *
 * Before including this file, define RING_LOCK() and RING_UNLOCK(), which disable and enable that interrupt.
 *  */
#ifndef APP_RING_H
#define APP_RING_H

#include <stdint.h>

#define RING_SAMPLES 4096 /* a power of two: a quarter of a second at 16 kHz */

static int16_t ring[RING_SAMPLES];
static volatile uint32_t ring_written, ring_read, ring_lost;

/* Puts a sample into the ring; an interrupt calls it. */
static void ring_put(int16_t sample)
{
    if (ring_written - ring_read == RING_SAMPLES) {
        ring_lost = ring_lost + 1;
    } else {
        ring[ring_written % RING_SAMPLES] = sample;
        ring_written = ring_written + 1;
    }
}

/* Takes at most `most` samples from the ring. Returns the number of samples taken.
 *
 * - lost: out, the number of lost samples. If some had no room, those in the ring are discarded too, since the next
 *     samples do not follow them directly. */
static int32_t ring_take(int16_t *samples, int32_t most, uint32_t *lost)
{
    RING_LOCK();
    *lost = ring_lost;
    if (ring_lost > 0) {
        *lost += ring_written - ring_read;
        ring_read = ring_written;
        ring_lost = 0;
    }
    RING_UNLOCK();
    int32_t count = 0;
    while (count < most && ring_read != ring_written) {
        samples[count++] = ring[ring_read % RING_SAMPLES];
        ring_read = ring_read + 1;
    }
    return count;
}

#endif

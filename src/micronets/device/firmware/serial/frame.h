/* Frames for a serial line that may lose, corrupt or insert bytes.
 *
 *   0xA7 0x4E | type | sequence | length, 2 bytes | payload, `length` bytes | CRC-32, 4 bytes
 *
 * Numbers are little-endian. The CRC (IEEE 802.3: polynomial 0xEDB88320 reflected, start and final value 0xFFFFFFFF)
 * covers type to payload. A damaged frame is ignored, and the other side asks again. */
#ifndef MICRONETS_FRAME_H
#define MICRONETS_FRAME_H

#include <stdint.h>

enum { FRAME_PAYLOAD = 512 }; /* the longest payload */

typedef struct {
    uint8_t type, sequence;
    uint16_t length;
    uint8_t payload[FRAME_PAYLOAD];
} frame_t;

/* Waits for the next undamaged frame. Returns 1, or 0 when the line has ended. frame: [out] the frame. */
int frame_receive(frame_t *frame);

/* Sends a frame. payload: [in] `length` bytes. length: 0 .. FRAME_PAYLOAD. */
void frame_send(uint8_t type, uint8_t sequence, const uint8_t *payload, uint16_t length);

#endif

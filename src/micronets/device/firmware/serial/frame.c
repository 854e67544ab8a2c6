/* Sends and receives frames byte by byte; frame.h describes their format. */
#include "frame.h"

#include <string.h>

#include "port.h"

enum { MAGIC_0 = 0xA7, MAGIC_1 = 0x4E, HEAD = 6, TAIL = 4 };

static uint8_t line[HEAD + FRAME_PAYLOAD + TAIL]; /* received bytes that may be the start of a frame */
static uint32_t filled;                           /* number of these bytes */

/* Returns the CRC-32 of `count` bytes. */
static uint32_t crc32(const uint8_t *bytes, uint32_t count)
{
    uint32_t crc = 0xFFFFFFFFu;
    while (count--) {
        crc ^= *bytes++;
        for (int i = 0; i < 8; i++) {
            crc = (crc >> 1) ^ (crc & 1u ? 0xEDB88320u : 0u);
        }
    }
    return ~crc;
}

/* Drops the first `count` bytes of `line`, and the bytes after them that do not begin a frame. */
static void drop(uint32_t count)
{
    while (count < filled) {
        const uint32_t left = filled - count;
        const uint8_t *at = line + count;
        if (at[0] == MAGIC_0 && (left < 2 || at[1] == MAGIC_1) &&
            (left < HEAD || (at[4] | at[5] << 8) <= FRAME_PAYLOAD)) {
            break;
        }
        count++;
    }
    filled -= count;
    memmove(line, line + count, filled);
}

int frame_receive(frame_t *frame)
{
    for (;;) {
        drop(0);
        const uint32_t length = filled < HEAD ? 0 : line[4] | (uint32_t)line[5] << 8;
        const uint32_t size = filled < HEAD ? HEAD : HEAD + length + TAIL;
        if (filled < size) {
            const int byte = port_get();
            if (byte < 0) {
                return 0;
            }
            line[filled++] = (uint8_t)byte;
            continue;
        }
        const uint8_t *tail = line + HEAD + length;
        const uint32_t sent = tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 | (uint32_t)tail[3] << 24;
        if (crc32(line + 2, HEAD - 2 + length) != sent) {
            drop(1); /* a frame may begin within the other bytes */
            continue;
        }
        frame->type = line[2];
        frame->sequence = line[3];
        frame->length = (uint16_t)length;
        memcpy(frame->payload, line + HEAD, length);
        drop(size);
        return 1;
    }
}

void frame_send(uint8_t type, uint8_t sequence, const uint8_t *payload, uint16_t length)
{
    static uint8_t out[HEAD + FRAME_PAYLOAD];
    const uint8_t head[HEAD] = {MAGIC_0, MAGIC_1, type, sequence, (uint8_t)length, (uint8_t)(length >> 8)};
    memcpy(out, head, HEAD);
    if (length) {
        memcpy(out + HEAD, payload, length);
    }
    const uint32_t crc = crc32(out + 2, HEAD - 2u + length);
    for (uint32_t i = 0; i < HEAD + (uint32_t)length; i++) {
        port_put(out[i]);
    }
    for (int i = 0; i < TAIL; i++) {
        port_put((uint8_t)(crc >> 8 * i));
    }
}

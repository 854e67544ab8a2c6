/* A network on a board, worked over a serial line: whoever asks identifies it, writes an input, runs it, reads the
 * output and what each layer took. The firmware never speaks first. An answer has the request's sequence number and
 * its type with the highest bit set, or is REFUSED with a reason.
 *
 *   IDENTIFY  -> version of the protocol (2 bytes), machine, counter, clock_hz, counter_hz, bytes of input, output and
 * arena, of the network's flash image and the code in it (4 each), layers, longest payload (2 each), hash of
 *                the model (8), texts that end with 0: board, toolchain, flags, settings
 *   WRITE     offset (4), bytes -> nothing; in order from 0 on, a piece may come twice
 *   RUN       how often (4) -> nothing, at once. The first run takes the input; those after it take what it left.
 *   RESULT    -> counts of the first run, least and most of all runs, bytes of stack (4 each); after the last run only
 *   READ      offset (4), count (2) -> bytes of the first run's output
 *   LAYERS    first (2), count (2) -> counts of these layers in the first run (4 each)
 */
#include <stdint.h>
#include <string.h>

#include "frame.h"
#include "identity.h"
#include "mark.h"
#include "model.h"
#include "port.h"

enum { PROTOCOL = 1 };
enum { IDENTIFY = 1, WRITE, RUN, RESULT, READ, LAYERS, ANSWER = 0x80, REFUSED = 0x7F };
enum { UNKNOWN_COMMAND = 1, BAD_REQUEST, NO_INPUT, NO_RESULT };
#define INPUT_BYTES (MICRONETS_INPUT_COUNT * (uint32_t)sizeof *micronets_input(firmware_arena))
#ifdef MICRONETS_OUTPUTS
#define OUTPUT_BYTES ((uint32_t)MICRONETS_OUTPUT_BYTES)
#else
#define OUTPUT_BYTES (MICRONETS_OUTPUT_COUNT * (uint32_t)sizeof *micronets_output(firmware_arena))
#endif

#ifdef __ELF__
__attribute__((section(".arena"), aligned(16), used))
#else
__attribute__((aligned(16)))
#endif
uint8_t firmware_arena[MICRONETS_ARENA_BYTES];

static frame_t request;
static uint8_t answer[FRAME_PAYLOAD];
static uint16_t answer_length;
static uint32_t have_input;                /* how many bytes of the input have come, from the first on */
static int have_result, run_sequence = -1; /* the sequence number of the last RUN */
static uint8_t output[OUTPUT_BYTES];
static uint32_t counts[MICRONETS_LAYERS];
static uint32_t first, least, most, stack_bytes;
static uint32_t mark_layer, mark_begin; /* the layer that runs, and the count at which it began */
static int keep_counts;

/* Layers that run in patches come more than once. */
void micronets_mark(uint32_t index)
{
    const uint32_t now = port_count();
    if (keep_counts && mark_layer < MICRONETS_LAYERS) {
        counts[mark_layer] += now - mark_begin;
    }
    mark_layer = index;
    mark_begin = port_count();
}

static void put(uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        answer[answer_length++] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t get(uint32_t at, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value |= (uint32_t)request.payload[at + (uint32_t)i] << 8 * i;
    }
    return value;
}

static void put_text(const char *text)
{
    do {
        put((uint8_t)*text, 1);
    } while (*text++ && answer_length < FRAME_PAYLOAD);
}

static void identify(void)
{
    static const uint8_t model[8] = FIRMWARE_MODEL;
    const port_info_t info = port_info();
    put(PROTOCOL, 2);
    put(info.machine, 1);
    put(info.counter, 1);
    const uint32_t numbers[] = {info.clock_hz,         info.counter_hz,      INPUT_BYTES,        OUTPUT_BYTES,
                                MICRONETS_ARENA_BYTES, FIRMWARE_FLASH_BYTES, FIRMWARE_CODE_BYTES};
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        put(numbers[i], 4);
    }
    put(MICRONETS_LAYERS, 2);
    put(FRAME_PAYLOAD, 2);
    for (int i = 0; i < 8; i++) {
        put(model[i], 1);
    }
    put_text(FIRMWARE_BOARD);
    put_text(FIRMWARE_TOOLCHAIN);
    put_text(FIRMWARE_FLAGS);
    put_text(info.settings);
}

static int write_input(void)
{
    if (request.length < 4) {
        return BAD_REQUEST;
    }
    const uint32_t offset = get(0, 4), count = request.length - 4u;
    if (offset > have_input) {
        return NO_INPUT; /* a piece before it is missing */
    }
    if (offset > INPUT_BYTES || count > INPUT_BYTES - offset) {
        return BAD_REQUEST;
    }
    have_result = 0;
    run_sequence = -1;
    memcpy((uint8_t *)micronets_input(firmware_arena) + offset, request.payload + 4, count);
    have_input = offset + count;
    return 0;
}

static int may_run(void)
{
    if (request.length != 4 || get(0, 4) == 0) {
        return BAD_REQUEST;
    }
    return run_sequence == request.sequence || have_input == INPUT_BYTES ? 0 : NO_INPUT;
}

/* Copies the outputs, one behind the other. */
static void keep_output(void)
{
#ifdef MICRONETS_OUTPUTS
    uint8_t *end = output;
    for (int32_t i = 0; i < MICRONETS_OUTPUTS; i++) {
        memcpy(end, micronets_output_at(firmware_arena, i), (size_t)micronets_output_size(i));
        end += micronets_output_size(i);
    }
#else
    memcpy(output, micronets_output(firmware_arena), OUTPUT_BYTES);
#endif
}

static void run(uint32_t runs)
{
    have_input = 0; /* the network overwrites it */
    for (uint32_t i = 0; i < runs; i++) {
        keep_counts = i == 0;
        mark_layer = MICRONETS_LAYERS; /* none yet */
        if (i == 0) {
            memset(counts, 0, sizeof counts);
            port_paint_stack();
        }
        const uint32_t begin = port_count();
        micronets_invoke(firmware_arena);
        const uint32_t taken = port_count() - begin;
        if (i == 0) {
            stack_bytes = port_stack_bytes();
            keep_output();
            first = least = most = taken;
        }
        if (taken < least) {
            least = taken;
        }
        if (taken > most) {
            most = taken;
        }
    }
    have_result = 1;
}

static int tell_result(void)
{
    if (!have_result) {
        return NO_RESULT;
    }
    put(first, 4);
    put(least, 4);
    put(most, 4);
    put(stack_bytes, 4);
    return 0;
}

static int read_output(void)
{
    if (!have_result) {
        return NO_RESULT;
    }
    if (request.length != 6) {
        return BAD_REQUEST;
    }
    const uint32_t offset = get(0, 4), count = get(4, 2);
    if (count > FRAME_PAYLOAD || offset > OUTPUT_BYTES || count > OUTPUT_BYTES - offset) {
        return BAD_REQUEST;
    }
    for (uint32_t i = 0; i < count; i++) {
        put(output[offset + i], 1);
    }
    return 0;
}

static int tell_layers(void)
{
    if (!have_result) {
        return NO_RESULT;
    }
    if (request.length != 4) {
        return BAD_REQUEST;
    }
    const uint32_t from = get(0, 2), count = get(2, 2);
    if (count > FRAME_PAYLOAD / 4 || from + count > MICRONETS_LAYERS) {
        return BAD_REQUEST;
    }
    for (uint32_t i = 0; i < count; i++) {
        put(counts[from + i], 4);
    }
    return 0;
}

static int obey(void)
{
    switch (request.type) {
    case IDENTIFY:
        identify();
        return 0;
    case WRITE:
        return write_input();
    case RUN:
        return may_run();
    case RESULT:
        return tell_result();
    case READ:
        return read_output();
    case LAYERS:
        return tell_layers();
    default:
        return UNKNOWN_COMMAND;
    }
}

int main(void)
{
    port_start();
    while (frame_receive(&request)) {
        answer_length = 0;
        const int reason = obey();
        if (reason) {
            answer_length = 0;
            put((uint32_t)reason, 1);
        }
        frame_send(reason ? REFUSED : request.type | ANSWER, request.sequence, answer, answer_length);
        /* A RUN that comes twice, because its answer was lost, runs once. */
        if (request.type == RUN && !reason && run_sequence != request.sequence) {
            run_sequence = request.sequence;
            run(get(0, 4));
        }
    }
    return 0;
}

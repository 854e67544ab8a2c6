/* Runs a network on a board, controlled by a computer over a serial line. The computer identifies the network, writes
 * an input, runs it, and reads the output and each layer's time. The firmware only answers requests. An answer has the
 * sequence number of its request, and either the request's type with the highest bit set, or the type REFUSED and a
 * reason. Requests and answers contain these numbers, with their sizes in bytes in parentheses:
 *
 *   IDENTIFY  answer: version of the protocol (2), machine, counter (1 each), clock_hz, counter_hz, bytes of the input,
 *             of the output and of the arena, bytes of the network's image in flash and of the code in it (4 each),
 *             layers, longest payload (2 each), hash of the model (8), and four texts that end with 0: board,
 *             toolchain, flags, settings
 *   WRITE     request: offset (4), then bytes of the input. They come in order from 0; a piece may be repeated.
 *   RUN       request: how many inferences (4). The answer is sent at once. The first inference takes the input, the
 *             others what the previous one left of it.
 *   RESULT    answer, once all inferences are done: count of the first inference, least and greatest count of all,
 *             bytes of stack (4 each)
 *   READ      request: offset (4), count (2); answer: these bytes of the first inference's output
 *   LAYERS    request: first layer (2), count (2); answer: the times of these layers in the first inference (4 each)
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
#ifdef MICRONETS_MODEL_INPUTS
#define INPUT_BYTES ((uint32_t)MICRONETS_MODEL_INPUT_BYTES)
#define INPUT ((uint8_t *)micronets_model_input_at(firmware_arena, 0)) /* the others follow it */
#else
#define INPUT_BYTES (MICRONETS_MODEL_INPUT_COUNT * (uint32_t)sizeof *micronets_model_input(firmware_arena))
#define INPUT ((uint8_t *)micronets_model_input(firmware_arena))
#endif
#ifdef MICRONETS_MODEL_OUTPUTS
#define OUTPUT_BYTES ((uint32_t)MICRONETS_MODEL_OUTPUT_BYTES)
#else
#define OUTPUT_BYTES (MICRONETS_MODEL_OUTPUT_COUNT * (uint32_t)sizeof *micronets_model_output(firmware_arena))
#endif

#ifdef __ELF__
__attribute__((section(".arena"), aligned(16), used))
#else
__attribute__((aligned(16)))
#endif
uint8_t firmware_arena[MICRONETS_MODEL_ARENA_BYTES];

static frame_t request;                         /* the current request */
static uint8_t answer[FRAME_PAYLOAD];           /* its answer so far */
static uint16_t answer_length;                  /* bytes of it */
static uint32_t have_input;                     /* number of bytes of the input received so far */
static int have_result;                         /* 1 once all inferences of a RUN are done */
static int run_sequence = -1;                   /* the sequence number of the last RUN */
static uint8_t output[OUTPUT_BYTES];            /* output of the first inference */
static uint32_t counts[MICRONETS_MODEL_LAYERS]; /* time of each layer in the first inference */
static uint32_t first, least, most;             /* times of the first, the fastest and the slowest inference */
static uint32_t stack_bytes;                    /* stack that the first inference used */
static uint32_t mark_layer, mark_begin;         /* the current layer, and the count at its start */
static int keep_counts;                         /* 1 during the first inference */

/* Adds the elapsed time to the layer that ends; a layer in patches begins and ends more than once. */
void micronets_mark(uint32_t index)
{
    const uint32_t now = port_count();
    if (keep_counts && mark_layer < MICRONETS_MODEL_LAYERS) {
        counts[mark_layer] += now - mark_begin;
    }
    mark_layer = index;
    mark_begin = port_count();
}

/* Appends a number to the answer, its lowest byte first. */
static void put(uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        answer[answer_length++] = (uint8_t)(value >> 8 * i);
    }
}

/* Returns the number at byte `at` of the request, whose lowest byte comes first. */
static uint32_t get(uint32_t at, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value |= (uint32_t)request.payload[at + (uint32_t)i] << 8 * i;
    }
    return value;
}

/* Appends a zero-terminated text to the answer, truncated to the available room. */
static void put_text(const char *text)
{
    do {
        put((uint8_t)*text, 1);
    } while (*text++ && answer_length < FRAME_PAYLOAD);
}

/* Answers IDENTIFY. */
static void identify(void)
{
    static const uint8_t model[8] = FIRMWARE_MODEL;
    const port_info_t info = port_info();
    put(PROTOCOL, 2);
    put(info.machine, 1);
    put(info.counter, 1);
    const uint32_t numbers[] = {
        info.clock_hz,        info.counter_hz,    INPUT_BYTES, OUTPUT_BYTES, MICRONETS_MODEL_ARENA_BYTES,
        FIRMWARE_FLASH_BYTES, FIRMWARE_CODE_BYTES};
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        put(numbers[i], 4);
    }
    put(MICRONETS_MODEL_LAYERS, 2);
    put(FRAME_PAYLOAD, 2);
    for (int i = 0; i < 8; i++) {
        put(model[i], 1);
    }
    put_text(FIRMWARE_BOARD);
    put_text(FIRMWARE_TOOLCHAIN);
    put_text(FIRMWARE_FLAGS);
    put_text(info.settings);
}

/* Executes WRITE. Returns 0 or a reason to refuse it. */
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
    memcpy(INPUT + offset, request.payload + 4, count);
    have_input = offset + count;
    return 0;
}

/* Returns 0 if a RUN can be executed, else a reason to refuse it. */
static int may_run(void)
{
    if (request.length != 4 || get(0, 4) == 0) {
        return BAD_REQUEST;
    }
    return run_sequence == request.sequence || have_input == INPUT_BYTES ? 0 : NO_INPUT;
}

/* Copies the network's outputs to `output`, one after another. */
static void keep_output(void)
{
#ifdef MICRONETS_MODEL_OUTPUTS
    uint8_t *end = output;
    for (int32_t i = 0; i < MICRONETS_MODEL_OUTPUTS; i++) {
        memcpy(end, micronets_model_output_at(firmware_arena, i), (size_t)micronets_model_output_size(i));
        end += micronets_model_output_size(i);
    }
#else
    memcpy(output, micronets_model_output(firmware_arena), OUTPUT_BYTES);
#endif
}

/* Runs `runs` inferences, at least one, and keeps their times. */
static void run(uint32_t runs)
{
    have_input = 0; /* the network overwrites it */
    for (uint32_t i = 0; i < runs; i++) {
        keep_counts = i == 0;
        mark_layer = MICRONETS_MODEL_LAYERS; /* none yet */
        if (i == 0) {
            memset(counts, 0, sizeof counts);
            port_paint_stack();
        }
        const uint32_t begin = port_count();
        micronets_model_invoke(firmware_arena);
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

/* Answers RESULT. Returns 0 or a reason to refuse it. */
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

/* Answers READ. Returns 0 or a reason to refuse it. */
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

/* Answers LAYERS. Returns 0 or a reason to refuse it. */
static int tell_layers(void)
{
    if (!have_result) {
        return NO_RESULT;
    }
    if (request.length != 4) {
        return BAD_REQUEST;
    }
    const uint32_t from = get(0, 2), count = get(2, 2);
    if (count > FRAME_PAYLOAD / 4 || from + count > MICRONETS_MODEL_LAYERS) {
        return BAD_REQUEST;
    }
    for (uint32_t i = 0; i < count; i++) {
        put(counts[from + i], 4);
    }
    return 0;
}

/* Executes the request, except for the inferences of a RUN, which follow its answer. Returns 0 or a reason to refuse
 * it. */
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
        /* A RUN that is repeated because its answer was lost runs once. */
        if (request.type == RUN && !reason && run_sequence != request.sequence) {
            run_sequence = request.sequence;
            run(get(0, 4));
        }
    }
    return 0;
}

/* Runs the network in an endless loop. The simulator or emulator stops the processor in firmware_ready, to write an
 * input, and in firmware_done, to read the output; it reads several outputs one at a time, in order. */
#include <stdint.h>

#include "mark.h"
#include "model.h"

__attribute__((section(".arena"), aligned(16), used)) uint8_t firmware_arena[MICRONETS_MODEL_ARENA_BYTES];

/* The empty assembly in these functions keeps the compiler from removing calls of them and their arguments. */
__attribute__((noinline, used)) void firmware_ready(void *input)
{
    __asm volatile("" : : "r"(input) : "memory");
}

__attribute__((noinline, used)) void firmware_done(const void *output)
{
    __asm volatile("" : : "r"(output) : "memory");
}

#ifdef MICRONETS_MODEL_OUTPUTS
/* The simulator cannot stop in the same function twice in a row, so it stops here between two outputs. */
__attribute__((noinline, used)) void firmware_next(void)
{
    __asm volatile("" : : : "memory");
}
#endif

__attribute__((noinline, used)) void micronets_mark(uint32_t index)
{
    __asm volatile("" : : "r"(index) : "memory");
}

#ifdef MICRONETS_MODEL_STATE_BYTES
static uint8_t state[MICRONETS_MODEL_STATE_BYTES] __attribute__((aligned(16)));
#endif

int main(void)
{
#ifdef MICRONETS_MODEL_STATE_BYTES
    micronets_model_reset(state);
#endif
    for (;;) {
#ifdef MICRONETS_MODEL_INPUTS
        firmware_ready(micronets_model_input_at(firmware_arena, 0)); /* the others follow it */
#else
        firmware_ready(micronets_model_input(firmware_arena));
#endif
#ifdef MICRONETS_MODEL_STATE_BYTES
        micronets_model_invoke(firmware_arena, state);
#else
        micronets_model_invoke(firmware_arena);
#endif
#ifdef MICRONETS_MODEL_OUTPUTS
        for (int32_t i = 0; i < MICRONETS_MODEL_OUTPUTS; i++) {
            firmware_done(micronets_model_output_at(firmware_arena, i));
            firmware_next();
        }
#else
        firmware_done(micronets_model_output(firmware_arena));
#endif
    }
}

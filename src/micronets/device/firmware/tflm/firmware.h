// What main.cc, which runs TFLM, and support.cc share, and what the simulator or emulator reads of them.
#ifndef MICRONETS_FIRMWARE_H
#define MICRONETS_FIRMWARE_H

#include <cstddef>
#include <cstdint>

#define FIRMWARE_LOG_BYTES 256

extern "C" {

extern uint8_t firmware_arena[];
extern void (*firmware_init_begin[])(); // constructors of static objects
extern void (*firmware_init_end[])();

// Read by the simulator: how many operators TFLM told its profiler of in the last inference, and how many bytes of the
// arena it used.
extern volatile uint32_t firmware_events, firmware_arena_used;
extern char firmware_log[FIRMWARE_LOG_BYTES]; // the first line that TFLM logged

// The simulator stops in firmware_ready to write an input, and in firmware_done to read the output. micronets_mark
// tells it that the layer `index` begins; FIRMWARE_LAYERS stands for what belongs to no layer.
void firmware_ready(void *input);
void firmware_done(const void *output);
void micronets_mark(uint32_t index);

// Stops for good; firmware_failure says why.
[[noreturn]] void firmware_failed(const char *why);
extern const char *volatile firmware_failure;
}

#endif

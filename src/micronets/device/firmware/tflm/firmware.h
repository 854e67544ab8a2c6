// Declarations that main.cc, which runs TFLM, and support.cc share, and variables that the simulator or emulator reads.
#ifndef MICRONETS_FIRMWARE_H
#define MICRONETS_FIRMWARE_H

#include <cstddef>
#include <cstdint>

#define FIRMWARE_LOG_BYTES 256

extern "C" {

extern uint8_t firmware_arena[];
extern void (*firmware_init_begin[])(); // constructors of static objects
extern void (*firmware_init_end[])();

// Read by the simulator: the number of operators that TFLM reported to its profiler in the last inference, and the
// bytes of the arena that it used.
extern volatile uint32_t firmware_events, firmware_arena_used;
extern char firmware_log[FIRMWARE_LOG_BYTES]; // the first line that TFLM logged

// The simulator stops in firmware_ready to write an input, and in firmware_done to read the output. micronets_mark
// reports the start of layer `index`; FIRMWARE_LAYERS stands for code outside all layers.
void firmware_ready(void *input);
void firmware_done(const void *output);
void micronets_mark(uint32_t index);

// Stops forever; firmware_failure holds the reason.
[[noreturn]] void firmware_failed(const char *why);
extern const char *volatile firmware_failure;
}

#endif

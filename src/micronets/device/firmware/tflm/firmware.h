// What TFLM's firmware (main.cc) and what stands under it (support.cc) share with whoever drives the processor.
#ifndef MICRONETS_FIRMWARE_H
#define MICRONETS_FIRMWARE_H

#include <cstddef>
#include <cstdint>

#define FIRMWARE_LOG_BYTES 256

extern "C" {

extern uint8_t firmware_arena[];
extern void (*firmware_init_begin[])(); // constructors of static objects
extern void (*firmware_init_end[])();

// Read by whoever drives the processor: operators of the last inference that TFLM told of, and bytes of the arena that
// it used.
extern volatile uint32_t firmware_events, firmware_arena_used;
extern char firmware_log[FIRMWARE_LOG_BYTES]; // the first line that TFLM logged

void firmware_ready(void *input);
void firmware_done(const void *output);
void micronets_mark(uint32_t index);

// Stops for good; firmware_failure says why.
[[noreturn]] void firmware_failed(const char *why);
extern const char *volatile firmware_failure;
}

#endif

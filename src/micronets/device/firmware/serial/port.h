/* The functions that the firmware needs from a machine. A port is one C file that defines them. */
#ifndef MICRONETS_PORT_H
#define MICRONETS_PORT_H

#include <stdint.h>

enum { MACHINE_BOARD = 1, MACHINE_EMULATOR = 2, MACHINE_HOST = 3 };
enum { COUNTER_CYCLES = 1, COUNTER_TICKS = 2, COUNTER_NANOSECONDS = 3 }; /* only the first counts the core's cycles */

typedef struct {
    uint8_t machine, counter;
    uint32_t clock_hz;    /* actual clock of the core; 0 if unknown */
    uint32_t counter_hz;  /* counts per second */
    const char *settings; /* clock source, wait states, caches: one readable line */
} port_info_t;

/* Sets up clock, caches, counter and serial line. */
void port_start(void);

/* Returns a description of the machine, after port_start. */
port_info_t port_info(void);

/* Waits for the next byte from the line and returns it, 0 to 255; returns -1 if the line has ended. */
int port_get(void);

/* Sends a byte over the line. */
void port_put(uint8_t byte);

/* Returns the counter, which wraps at 2^32. */
uint32_t port_count(void);

/* Fills the unused stack with a pattern. */
void port_paint_stack(void);

/* Returns the bytes of stack below the caller that were used since then; 0xFFFFFFFF if unknown. */
uint32_t port_stack_bytes(void);

#endif

/* What the firmware needs of a machine. Every port is one C file that defines these functions. */
#ifndef MICRONETS_PORT_H
#define MICRONETS_PORT_H

#include <stdint.h>

enum { MACHINE_BOARD = 1, MACHINE_EMULATOR = 2, MACHINE_HOST = 3 };
enum { COUNTER_CYCLES = 1, COUNTER_TICKS = 2, COUNTER_NANOSECONDS = 3 }; /* only the first counts the core's cycles */

typedef struct {
    uint8_t machine, counter;
    uint32_t clock_hz;    /* clock of the core, as it was really set; 0 if it is not known */
    uint32_t counter_hz;  /* counts in a second */
    const char *settings; /* clock source, wait states, caches: one line for people */
} port_info_t;

/* Sets clock, caches, counter and serial line. */
void port_start(void);

/* Returns what the machine is, after port_start. */
port_info_t port_info(void);

/* Waits for the next byte from the line and returns it, 0 to 255; returns -1 when the line has ended for good. */
int port_get(void);

/* Sends a byte over the line. */
void port_put(uint8_t byte);

/* Returns the counter, which wraps at 2^32. */
uint32_t port_count(void);

/* Fills the unused stack with a pattern. */
void port_paint_stack(void);

/* Returns the bytes of stack below the caller that were used since then; 0xFFFFFFFF where this is not known. */
uint32_t port_stack_bytes(void);

#endif

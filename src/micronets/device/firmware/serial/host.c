/* The port of a process on a computer: the line is its standard input and output, and the counter is the computer's
 * clock. Compile it with -D_POSIX_C_SOURCE=199309L. */
#include <time.h>
#include <unistd.h>

#include "port.h"

void port_start(void)
{
}

port_info_t port_info(void)
{
    const port_info_t info = {MACHINE_HOST, COUNTER_NANOSECONDS, 0, 1000000000u, "a process on a computer"};
    return info;
}

int port_get(void)
{
    uint8_t byte;
    return read(0, &byte, 1) == 1 ? byte : -1;
}

void port_put(uint8_t byte)
{
    while (write(1, &byte, 1) == 0) {
    }
}

uint32_t port_count(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}

void port_paint_stack(void)
{
}

uint32_t port_stack_bytes(void)
{
    return 0xFFFFFFFFu;
}

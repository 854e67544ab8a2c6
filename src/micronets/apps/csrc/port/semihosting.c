/* The application on a bare-metal core, with the files and terminal of the computer that runs the debugger or emulator.
 *
 * The debugger or emulator performs the requested services, see Arm's "Semihosting for AArch32 and AArch64" and "RISC-V
 * Semihosting", which uses the same numbers. Without one, the processor stops at the first request. */
#include <stdint.h>

#include "app.h"
#include "file.h"
#include "output.h"

#define SYS_OPEN 0x01
#define SYS_CLOSE 0x02
#define SYS_WRITE0 0x04
#define SYS_READ 0x06
#define SYS_GET_CMDLINE 0x15
#define SYS_EXIT_EXTENDED 0x20
#define OPEN_READ_BINARY 1
#define APPLICATION_EXIT 0x20026u

static uintptr_t handle;

/* Requests a service.
 *
 * - operation: the number of the service.
 * - argument: the address of its arguments, or its only argument. */
static uintptr_t ask(uintptr_t operation, const void *argument)
{
#if defined(__riscv)
    register uintptr_t a0 __asm("a0") = operation;
    register uintptr_t a1 __asm("a1") = (uintptr_t)argument;
    /* A debugger recognises these three instructions. They must not be compressed and must lie on one page. */
    __asm volatile(".option push\n\t"
                   ".option norvc\n\t"
                   ".balign 16\n\t"
                   "slli x0, x0, 0x1f\n\t"
                   "ebreak\n\t"
                   "srai x0, x0, 7\n\t"
                   ".option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
    return a0;
#else
    register uintptr_t r0 __asm("r0") = operation;
    register uintptr_t r1 __asm("r1") = (uintptr_t)argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
#endif
}

int32_t file_open(void)
{
    static char line[256];
    const uintptr_t command[2] = {(uintptr_t)line, sizeof line};
    if (ask(SYS_GET_CMDLINE, command) != 0) {
        return -1;
    }
    const char *path = line; /* the program's own name, a blank, and the recording */
    while (*path && *path != ' ') {
        path++;
    }
    while (*path == ' ') {
        path++;
    }
    uintptr_t length = 0;
    while (path[length]) {
        length++;
    }
    const uintptr_t file[3] = {(uintptr_t)path, OPEN_READ_BINARY, length};
    handle = length == 0 ? UINTPTR_MAX : ask(SYS_OPEN, file);
    return handle == UINTPTR_MAX ? -1 : 0;
}

int32_t file_read(void *to, int32_t bytes)
{
    const uintptr_t read[3] = {handle, (uintptr_t)to, (uintptr_t)bytes};
    const uintptr_t missing = ask(SYS_READ, read); /* number of bytes that were not read */
    return missing > (uintptr_t)bytes ? 0 : bytes - (int32_t)missing;
}

void file_close(void)
{
    const uintptr_t file[1] = {handle};
    ask(SYS_CLOSE, file);
}

void output_line(const char *text)
{
    ask(SYS_WRITE0, text);
    ask(SYS_WRITE0, "\n");
}

int main(void)
{
    const uintptr_t end[2] = {APPLICATION_EXIT, app_run() != 0};
    ask(SYS_EXIT_EXTENDED, end);
    for (;;) {
    }
}

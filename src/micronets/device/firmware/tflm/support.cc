// The functions that C++ and its library need on a board without an operating system or a heap, whose main does not
// return.
#include "firmware.h"

extern "C" {

__attribute__((section(".arena"), aligned(16), used)) uint8_t firmware_arena[FIRMWARE_ARENA_BYTES];

volatile uint32_t firmware_events, firmware_arena_used;
char firmware_log[FIRMWARE_LOG_BYTES];
const char *volatile firmware_failure;

// The empty assembly in these functions keeps the compiler from removing calls of them and their arguments.
__attribute__((noinline, used)) void firmware_ready(void *input)
{
    __asm volatile("" : : "r"(input) : "memory");
}

__attribute__((noinline, used)) void firmware_done(const void *output)
{
    __asm volatile("" : : "r"(output) : "memory");
}

__attribute__((noinline, used)) void micronets_mark(uint32_t index)
{
    __asm volatile("" : : "r"(index) : "memory");
}

__attribute__((noinline, used)) void firmware_failed(const char *why)
{
    firmware_failure = why;
    for (;;) {
        __asm volatile("udf #0" : : : "memory"); // a fault: the simulator sees it and reads the reason
    }
}

// TFLM calls abort in unexpected states.
void abort()
{
    firmware_failed("TFLM aborts");
}
void _exit(int)
{
    firmware_failed("TFLM exits");
}
void __cxa_pure_virtual()
{
    firmware_failed("TFLM calls a pure virtual function");
}

// No object is destroyed, since main does not return.
void *__dso_handle = nullptr;
int __aeabi_atexit(void *, void (*)(void *), void *)
{
    return 0;
}
int __cxa_atexit(void (*)(void *), void *, void *)
{
    return 0;
}

// System calls of the C library: there is neither memory to allocate nor a file.
void *_sbrk(ptrdiff_t)
{
    return reinterpret_cast<void *>(-1);
}
int _write(int, const void *, size_t bytes)
{
    return static_cast<int>(bytes);
}
int _read(int, void *, size_t)
{
    return -1;
}
int _close(int)
{
    return -1;
}
int _lseek(int, int, int)
{
    return -1;
}
int _fstat(int, void *)
{
    return -1;
}
int _isatty(int)
{
    return 0;
}
int _kill(int, int)
{
    return -1;
}
int _getpid()
{
    return 1;
}
}

void operator delete(void *) noexcept
{
}
void operator delete(void *, size_t) noexcept
{
}

/* The part of C's string.h that the network needs, for compilers without a C library. */
#ifndef MICRONETS_FIRMWARE_STRING_H
#define MICRONETS_FIRMWARE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

#endif

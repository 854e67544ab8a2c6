/* Relations of two values. */
#ifndef MICRONETS_RELATIONS_H
#define MICRONETS_RELATIONS_H

#include "micronets_kernels.h"

/* Returns 1 if `relation` holds between two numbers, else 0. */
MICRONETS_INLINE uint8_t micronets_related(int32_t a, int32_t b, micronets_relation relation)
{
    switch (relation) {
    case MICRONETS_EQUAL:
        return a == b;
    case MICRONETS_NOT_EQUAL:
        return a != b;
    case MICRONETS_GREATER:
        return a > b;
    default: /* MICRONETS_GREATER_OR_EQUAL */
        return a >= b;
    }
}

#endif

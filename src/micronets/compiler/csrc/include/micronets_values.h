/* Values of a type that is known only at run time. */
#ifndef MICRONETS_VALUES_H
#define MICRONETS_VALUES_H

#include "micronets_kernels.h"

/* Returns element `index` of an array of integers of type `type`. */
MICRONETS_INLINE int32_t micronets_load(const void *values, micronets_type type, int32_t index)
{
    switch (type) {
    case MICRONETS_INT8:
        return ((const int8_t *)values)[index];
    case MICRONETS_UINT8:
    case MICRONETS_BOOL:
        return ((const uint8_t *)values)[index];
    case MICRONETS_INT16:
        return ((const int16_t *)values)[index];
    default:
        return ((const int32_t *)values)[index];
    }
}

/* Stores an integer as element `index` of an array of integers of type `type`, truncated to that type; a MICRONETS_BOOL
 * is 0 for 0, else 1. */
MICRONETS_INLINE void micronets_store(void *values, micronets_type type, int32_t index, int32_t value)
{
    switch (type) {
    case MICRONETS_INT8:
        ((int8_t *)values)[index] = (int8_t)value;
        break;
    case MICRONETS_UINT8:
        ((uint8_t *)values)[index] = (uint8_t)value;
        break;
    case MICRONETS_INT16:
        ((int16_t *)values)[index] = (int16_t)value;
        break;
    case MICRONETS_BOOL:
        ((uint8_t *)values)[index] = value != 0;
        break;
    default:
        ((int32_t *)values)[index] = value;
        break;
    }
}

/* Returns the least value of an integer type. */
MICRONETS_INLINE int32_t micronets_least(micronets_type type)
{
    return type == MICRONETS_INT8 ? -128 : type == MICRONETS_UINT8 ? 0 : type == MICRONETS_INT16 ? -32768 : INT32_MIN;
}

/* Returns the greatest value of an integer type. */
MICRONETS_INLINE int32_t micronets_greatest(micronets_type type)
{
    return type == MICRONETS_INT8 ? 127 : type == MICRONETS_UINT8 ? 255 : type == MICRONETS_INT16 ? 32767 : INT32_MAX;
}

#endif

#include "micronets_root.h"

#include <stdint.h>
#include <string.h>

/* Returns the largest integer whose square is at most `value`; value: below 2^50. */
static uint32_t whole_root(uint64_t value)
{
    uint32_t root = 0;
    for (uint32_t bit = (uint32_t)1 << 24; bit > 0; bit /= 2) {
        const uint32_t more = root + bit;
        root = (uint64_t)more * more <= value ? more : root;
    }
    return root;
}

float micronets_root(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (!(x > 0.0f) || bits >= 0x7f800000u) {
        bits = x < 0.0f ? 0x7fc00000u : bits; /* zeros, infinity, and NaN stay */
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    int32_t exponent = (int32_t)(bits >> 23);
    uint64_t mantissa = bits & 0x7fffffu;
    if (exponent == 0) { /* without the one in front */
        exponent = 1;
        for (; mantissa < 0x800000u; mantissa *= 2u) {
            exponent--;
        }
    }
    mantissa |= 0x800000u;
    /* x = mantissa * 2^(exponent - 150), where the exponent becomes even, and the mantissa has 25 or 26 bits. */
    const int32_t up = exponent & 1 ? 1 : 2;
    mantissa <<= up;
    const uint32_t root = (whole_root(mantissa << 24) + 1u) / 2u; /* of 24 bits, or a one and 24 zeros */
    bits = ((uint32_t)((exponent - up - 150) / 2 + 139) << 23) + (root - 0x800000u);
    memcpy(&x, &bits, sizeof x);
    return x;
}

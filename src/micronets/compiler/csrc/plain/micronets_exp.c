#include "micronets_exp.h"

#include <stdint.h>

#define HALF 32
#define LOW_HALF 0xffffffffu
#define LOG2_E INT64_C(3098164009)      /* the logarithm of e to the base 2, with 31 fractional bits, rounded down */
#define LN_2 INT64_C(49946518145322874) /* the natural logarithm of 2, with 56 fractional bits */
#define TERMS 18

/* 1 / n!, with 62 fractional bits: the factors of the series of e^r. */
static const uint64_t factors[TERMS] = {
    UINT64_C(4611686018427387904),
    UINT64_C(4611686018427387904),
    UINT64_C(2305843009213693952),
    UINT64_C(768614336404564650),
    UINT64_C(192153584101141162),
    UINT64_C(38430716820228232),
    UINT64_C(6405119470038038),
    UINT64_C(915017067148291),
    UINT64_C(114377133393536),
    UINT64_C(12708570377059),
    UINT64_C(1270857037705),
    UINT64_C(115532457973),
    UINT64_C(9627704831),
    UINT64_C(740592679),
    UINT64_C(52899477),
    UINT64_C(3526631),
    UINT64_C(220414),
    UINT64_C(12965),
};

/* Returns the upper half of a product. */
static uint64_t high_half(uint64_t a, uint64_t b)
{
    const uint64_t middle = (a >> HALF) * (b & LOW_HALF) + ((a & LOW_HALF) * (b & LOW_HALF) >> HALF);
    const uint64_t other = (a & LOW_HALF) * (b >> HALF) + (middle & LOW_HALF);
    return (a >> HALF) * (b >> HALF) + (middle >> HALF) + (other >> HALF);
}

/* e^x = 2^k * e^r, where k = floor(x / ln 2) and r = x - k * ln 2. */
float micronets_exp(float x)
{
    if (x != x) {
        return x;
    }
    const float limited = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x; /* beyond them the result is 0 or infinite */
    const int64_t fixed = (int64_t)(limited * 72057594037927936.0f);     /* with 56 fractional bits */
    int32_t k = (int32_t)((fixed >> HALF) * LOG2_E >> 55);
    int64_t rest = fixed - k * LN_2;
    if (rest < 0) {
        rest += LN_2;
        k--;
    }
    if (k < -150) {
        return 0.0f;
    }
    const uint64_t argument = (uint64_t)rest << 8;
    uint64_t power = factors[TERMS - 1]; /* with 62 fractional bits, 1 to 2 */
    for (int32_t i = TERMS - 2; i >= 0; i--) {
        power = factors[i] + high_half(argument, power);
    }
    if (power >> 63) {
        power >>= 1;
        k++;
    }
    const int32_t least = k < -126 ? -126 : k; /* the exponent of the smallest normal number */
    const int32_t shift = 39 + least - k;
    const uint32_t mantissa = (uint32_t)((power + (UINT64_C(1) << (shift - 1))) >> shift);
    union {
        uint32_t bits;
        float value;
    } result;
    result.bits = ((uint32_t)(least + 126) << 23) + mantissa;
    result.bits = result.bits > 0x7f800000u ? 0x7f800000u : result.bits;
    return result.value;
}

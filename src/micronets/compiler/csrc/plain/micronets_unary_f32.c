#include "micronets_exp.h"
#include "micronets_kernels.h"
#include "micronets_root.h"

/* Returns the largest whole number that is at most x. */
static float whole_below(float x)
{
    if (!(x > -8388608.0f && x < 8388608.0f)) {
        return x; /* a whole number, or not a number */
    }
    const float cut = (float)(int32_t)x;
    return cut > x ? cut - 1.0f : cut < x ? cut : x;
}

/* Returns the whole number nearest to x; of two that are equally near, the even one. */
static float nearest(float x)
{
    const float below = whole_below(x), rest = x - below;
    if (!(x > -8388608.0f && x < 8388608.0f) || rest < 0.5f) {
        return below;
    }
    return rest > 0.5f || (int32_t)below % 2 != 0 ? below + 1.0f : below;
}

/* Returns the value of a function. */
static float value_of(float x, micronets_number_function kind)
{
    switch (kind) {
    case MICRONETS_NEGATE:
        return -x;
    case MICRONETS_SQUARE:
        return x * x;
    case MICRONETS_ROOT:
        return micronets_root(x);
    case MICRONETS_ROOT_RECIPROCAL:
        return 1.0f / micronets_root(x);
    case MICRONETS_EXPONENTIAL:
        return micronets_exp(x);
    case MICRONETS_FLOOR:
        return whole_below(x);
    case MICRONETS_CEIL:
        return -whole_below(-x);
    default: /* MICRONETS_ROUND */
        return nearest(x);
    }
}

void micronets_unary_f32(const float *input, float *output, int32_t count, micronets_number_function kind)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = value_of(input[i], kind);
    }
}

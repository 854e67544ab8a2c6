#include "micronets_exp.h"
#include "micronets_kernels.h"

#define ONE_ABOVE 16.619047164916992188f /* above it TFLM's logistic function is 1 */
#define SMALL_BELOW (-9.0f)              /* below it TFLM's logistic function is the exponential */

/* Returns a number within limits; one that is not a number stays. */
static float limited(float x, float lowest, float highest)
{
    return x < lowest ? lowest : x > highest ? highest : x;
}

static float logistic(float x)
{
    if (x > ONE_ABOVE) {
        return 1.0f;
    }
    return x < SMALL_BELOW ? micronets_exp(x) : 1.0f / (1.0f + micronets_exp(-x));
}

/* Returns the value of a function. */
static float value_of(float x, micronets_function kind, float slope)
{
    switch (kind) {
    case MICRONETS_RELU:
        return x < 0.0f ? 0.0f : x;
    case MICRONETS_RELU6:
        return limited(x, 0.0f, 6.0f);
    case MICRONETS_LEAKY_RELU:
        return x > 0.0f ? x : x * slope;
    case MICRONETS_LOGISTIC:
        return logistic(x);
    case MICRONETS_ABS:
        return x < 0.0f ? -x : x + 0.0f; /* -0 + 0 is 0 */
    default:                             /* MICRONETS_HARD_SWISH */
        return x * limited(x + 3.0f, 0.0f, 6.0f) / 6.0f;
    }
}

void micronets_function_f32(const float *input, float *output, int32_t count, micronets_function kind, float slope)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = value_of(input[i], kind, slope);
    }
}

#include "micronets_exp.h"
#include "micronets_kernels.h"

void micronets_softmax_f32(const float *input, float *output, int32_t rows, int32_t columns, float beta)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        float largest = input[0];
        for (int32_t i = 1; i < columns; i++) {
            largest = largest < input[i] ? input[i] : largest;
        }
        float sum = 0.0f;
        for (int32_t i = 0; i < columns; i++) {
            output[i] = micronets_exp((input[i] - largest) * beta);
            sum += output[i];
        }
        for (int32_t i = 0; i < columns; i++) {
            output[i] = output[i] / sum;
        }
    }
}

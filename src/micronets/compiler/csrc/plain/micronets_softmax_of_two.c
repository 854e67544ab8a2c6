#include "micronets_kernels.h"

void micronets_softmax_of_two(const int8_t *input, int8_t *output, const int8_t *table, int32_t most, int32_t rows)
{
    for (; rows > 0; rows--, input += 2, output += 2) {
        const int32_t difference = input[0] - input[1], least = difference < -most ? -most : difference;
        const int32_t place = least > most ? most : least;
        output[0] = table[most + place];
        output[1] = table[most - place];
    }
}

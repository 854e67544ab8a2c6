/* The softmax kernels. A file defines MICRONETS_SOFTMAX, the name of the function, MICRONETS_CODE, the type of its
 * output, and MICRONETS_CODE_BITS, the bits of that type, and includes this header, which undefines them. */
#include "micronets_fixed_point.h"
#include "micronets_kernels.h"
#include "micronets_target.h"

/* The smallest code, which is the zero point, and the number of codes above it. */
#define MICRONETS_LEAST_CODE (-(1 << (MICRONETS_CODE_BITS - 1)))
#define MICRONETS_CODES_ABOVE ((1 << MICRONETS_CODE_BITS) - 1)

MICRONETS_SMALL
void MICRONETS_SOFTMAX(const int8_t *input, MICRONETS_CODE *output, const int32_t *exponentials, int32_t entries,
                       int32_t rows, int32_t columns)
{
    for (int32_t row = 0; row < rows; row++, input += columns, output += columns) {
        int32_t top = -128;
        for (int32_t i = 0; i < columns; i++) {
            top = input[i] > top ? input[i] : top;
        }
        uint32_t total = 0;
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            total += d < entries ? (uint32_t)micronets_shifted(exponentials[d], 12) : 0u;
        }
        const int32_t zeros = micronets_leading_zeros(total); /* the total is at least 2^19 */
        const int32_t reciprocal = micronets_one_over_one_plus((int32_t)((total << zeros) - 0x80000000u));
        for (int32_t i = 0; i < columns; i++) {
            const int32_t d = top - input[i];
            const int32_t p = d < entries ? micronets_shifted(micronets_high_product(reciprocal, exponentials[d]),
                                                              43 - MICRONETS_CODE_BITS - zeros)
                                          : 0;
            output[i] = (MICRONETS_CODE)(p > MICRONETS_CODES_ABOVE ? MICRONETS_CODES_ABOVE + MICRONETS_LEAST_CODE
                                                                   : p + MICRONETS_LEAST_CODE);
        }
    }
}

#undef MICRONETS_SOFTMAX
#undef MICRONETS_CODE
#undef MICRONETS_CODE_BITS
#undef MICRONETS_LEAST_CODE
#undef MICRONETS_CODES_ABOVE

#include "micronets_kernels.h"
#include "micronets_target.h"

#if MICRONETS_MVE

void micronets_lookup(const int8_t *input, int8_t *output, const int8_t *table, int32_t count)
{
    /* Codes become indices where their upper bit is flipped. What lies behind the last code is neither read nor
     * written. */
    __asm__ volatile("vmov.i8 q1, #128\n\t"
                     "wlstp.8 lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[input]], #16\n\t"
                     "veor q0, q0, q1\n\t"
                     "vldrb.u8 q2, [%[table], q0]\n\t"
                     "vstrb.8 q2, [%[output]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [input] "+r"(input), [output] "+r"(output)
                     : [table] "r"(table), [count] "r"(count)
                     : "q0", "q1", "q2", "lr", "memory");
}

#endif

#include "micronets_kernels.h"

typedef struct {
    uint32_t words[8];
} eight_words;

const uint32_t *micronets_copy_words(uint32_t *copy, const uint32_t *words, int32_t count)
{
    uint32_t *to = copy;
    int32_t left = count;
    for (; left >= 8; left -= 8, to += 8, words += 8) {
        *(eight_words *)to = *(const eight_words *)words; /* loads and stores of several registers */
    }
    for (; left > 0; left--) {
        *to++ = *words++;
    }
    return copy;
}

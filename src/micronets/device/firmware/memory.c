/* memcpy, memmove and memset of the C standard. This file is compiled without the optimisation that replaces loops by
 * calls of these functions, since each of them would then call itself. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word_t;

/* Returns whether two addresses have the same remainder modulo four. */
static int same_alignment(const void *a, const void *b)
{
    return (((uintptr_t)a ^ (uintptr_t)b) & 3u) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if (bytes >= 8 && same_alignment(t, f)) {
        for (; (uintptr_t)t & 3u; bytes--) {
            *t++ = *f++;
        }
        word_t *tw = (word_t *)(void *)t;
        const word_t *fw = (const word_t *)(const void *)f;
        for (; bytes >= 16; bytes -= 16, tw += 4, fw += 4) {
            const uint32_t a = fw[0], b = fw[1], c = fw[2], d = fw[3];
            tw[0] = a;
            tw[1] = b;
            tw[2] = c;
            tw[3] = d;
        }
        for (; bytes >= 4; bytes -= 4) {
            *tw++ = *fw++;
        }
        t = (unsigned char *)tw;
        f = (const unsigned char *)fw;
    }
    for (; bytes; bytes--) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)t - (uintptr_t)f < bytes) { /* a forward copy would overwrite bytes before they are read */
        while (bytes--) {
            t[bytes] = f[bytes];
        }
        return to;
    }
    return memcpy(to, from, bytes);
}

void *memset(void *to, int value, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char byte = (unsigned char)value;
    for (; bytes && ((uintptr_t)t & 3u); bytes--) {
        *t++ = byte;
    }
    const uint32_t four = byte * 0x01010101u;
    word_t *tw = (word_t *)(void *)t;
    for (; bytes >= 16; bytes -= 16, tw += 4) {
        tw[0] = four;
        tw[1] = four;
        tw[2] = four;
        tw[3] = four;
    }
    for (; bytes >= 4; bytes -= 4) {
        *tw++ = four;
    }
    for (t = (unsigned char *)tw; bytes; bytes--) {
        *t++ = byte;
    }
    return to;
}

/* The names of these functions in the Arm ABI; a number in a name guarantees an alignment. */
#define ALIAS(name)                                       \
    void *name(void *to, const void *from, size_t bytes); \
    void *name(void *to, const void *from, size_t bytes)  \
    {                                                     \
        return memcpy(to, from, bytes);                   \
    }
ALIAS(__aeabi_memcpy)
ALIAS(__aeabi_memcpy4)
ALIAS(__aeabi_memcpy8)
#undef ALIAS
#define ALIAS(name)                                       \
    void *name(void *to, const void *from, size_t bytes); \
    void *name(void *to, const void *from, size_t bytes)  \
    {                                                     \
        return memmove(to, from, bytes);                  \
    }
ALIAS(__aeabi_memmove)
ALIAS(__aeabi_memmove4)
ALIAS(__aeabi_memmove8)
#undef ALIAS
#define ALIAS(name)                                \
    void *name(void *to, size_t bytes, int value); \
    void *name(void *to, size_t bytes, int value)  \
    {                                              \
        return memset(to, value, bytes);           \
    }
ALIAS(__aeabi_memset)
ALIAS(__aeabi_memset4)
ALIAS(__aeabi_memset8)
#undef ALIAS
#define ALIAS(name)                     \
    void *name(void *to, size_t bytes); \
    void *name(void *to, size_t bytes)  \
    {                                   \
        return memset(to, 0, bytes);    \
    }
ALIAS(__aeabi_memclr)
ALIAS(__aeabi_memclr4)
ALIAS(__aeabi_memclr8)

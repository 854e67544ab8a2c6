#include <string.h>

#include "micronets_kernels.h"

void micronets_patch_keep_rows(int8_t *buffer, int32_t row_bytes, const micronets_patch *patch)
{
    const int8_t *source = buffer + patch->moved * row_bytes;
    const int8_t *const end = source + patch->kept * row_bytes;
    if (source == buffer) {
        return;
    }
    /* Rows move to lower addresses, so that bytes are only written below those that are still to be read. */
    while (end - source >= 8) {
        uint32_t first, second;
        memcpy(&first, source, 4);
        memcpy(&second, source + 4, 4);
        memcpy(buffer, &first, 4);
        memcpy(buffer + 4, &second, 4);
        buffer += 8;
        source += 8;
    }
    while (source < end) {
        *buffer++ = *source++;
    }
}

#include "micronets_copy_rows.h"
#include "micronets_kernels.h"

void micronets_update_box(const int8_t *input, const int8_t *box, int8_t *output, int32_t bytes,
                          const micronets_copy_params *params)
{
    const micronets_copy_params *const n = params;
    micronets_copy_rows(output, bytes, input, bytes, 1, bytes);
    for (int32_t a = 0; a < n->count[0]; a++) {
        for (int32_t b = 0; b < n->count[1]; b++) {
            for (int32_t c = 0; c < n->count[2]; c++) {
                int8_t *to = output + n->start + a * n->step[0] + b * n->step[1] + c * n->step[2];
                for (int32_t d = 0; d < n->count[3]; d++, to += n->step[3], box += n->count[4] * n->run) {
                    micronets_copy_rows(to, n->step[4], box, n->run, n->count[4], n->run);
                }
            }
        }
    }
}

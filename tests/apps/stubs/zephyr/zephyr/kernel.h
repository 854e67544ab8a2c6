#ifndef STUB_ZEPHYR_KERNEL_H
#define STUB_ZEPHYR_KERNEL_H

#include <stdint.h>
#include <stdlib.h>

struct k_mem_slab {
    int32_t used;
};
#define K_MEM_SLAB_DEFINE_STATIC(name, bytes, count, align) static struct k_mem_slab name
static inline void k_mem_slab_free(struct k_mem_slab *slab, void *block)
{
    slab->used--;
    free(block);
}

#endif

/* The start-up work of every core between reset and main. */
#ifndef MICRONETS_INITIALISE_H
#define MICRONETS_INITIALISE_H

#include <stdint.h>

extern uint32_t firmware_data_begin[], firmware_data_end[], firmware_bss_begin[], firmware_bss_end[];
extern const uint32_t firmware_data_image[];

/* Copies initial values from flash to SRAM and clears all other variables. */
static inline void firmware_initialise(void)
{
    const uint32_t *from = firmware_data_image;
    for (uint32_t *to = firmware_data_begin; to < firmware_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = firmware_bss_begin; to < firmware_bss_end; to++) {
        *to = 0;
    }
}

#endif

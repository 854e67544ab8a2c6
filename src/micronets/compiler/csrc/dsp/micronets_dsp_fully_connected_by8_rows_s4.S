/* void micronets_fully_connected_by8_rows_s4(...), for 4-bit weights; micronets_dsp_fully_connected_by8_rows_s4.h
 * describes the arguments. */
#define KERNEL micronets_fully_connected_by8_rows_s4
#define FOUR_BITS 1
#include "micronets_dsp_fully_connected_by8_rows.inc"

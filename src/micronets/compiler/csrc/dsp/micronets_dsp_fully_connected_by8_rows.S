/* void micronets_fully_connected_by8_rows(...), for 8-bit weights; micronets_dsp_fully_connected_by8_rows.h describes
 * the arguments. */
#define KERNEL micronets_fully_connected_by8_rows
#define FOUR_BITS 0
#include "micronets_dsp_fully_connected_by8_rows.inc"

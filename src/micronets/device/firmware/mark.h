/* Included before everything else: the network tells which of its layers begins. */
#ifndef MICRONETS_MARK_H
#define MICRONETS_MARK_H

#include <stdint.h>

/* Tells that a layer begins; index: the number of the layer, or the number of layers after the last one. */
void micronets_mark(uint32_t index);

#define MICRONETS_LAYER(index) micronets_mark((uint32_t)(index))

#endif

/* Makes the network tell which of its layers begins. The compiler includes it before everything else (-include). */
#ifndef MICRONETS_MARK_H
#define MICRONETS_MARK_H

#include <stdint.h>

/* Is called when a layer begins.
 *
 * index: the number of the layer, from 0 on; after the last layer, the number of layers. */
void micronets_mark(uint32_t index);

#define MICRONETS_LAYER(index) micronets_mark((uint32_t)(index))

#endif

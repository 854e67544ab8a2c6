/* Makes the network report the start of each layer. The compiler includes this file first (-include). */
#ifndef MICRONETS_MARK_H
#define MICRONETS_MARK_H

#include <stdint.h>

/* Called at the start of a layer.
 *
 * index: the index of the layer, from 0; after the last layer, the number of layers. */
void micronets_mark(uint32_t index);

#define MICRONETS_LAYER(index) micronets_mark((uint32_t)(index))

#endif

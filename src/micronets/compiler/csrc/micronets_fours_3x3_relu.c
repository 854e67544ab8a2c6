#define NAME micronets_fours_3x3_relu
#define RELU
#include "micronets_fours_3x3.h"

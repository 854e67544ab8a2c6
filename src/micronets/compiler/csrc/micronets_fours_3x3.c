#define NAME micronets_fours_3x3
#include "micronets_fours_3x3.h"

/* Damage to a model: one change, chosen by a random number. */
#ifndef TFP_TESTS_MUTATE_H_
#define TFP_TESTS_MUTATE_H_

#include "model.h"

/* Both follow from the seed alone. */
void mutate_seed(uint32_t seed);
uint32_t mutate_random(uint32_t end); /* below `end`; 0 where that is 0 */

void mutate(model *m);

#endif

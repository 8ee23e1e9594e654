#ifndef TFP_SUM_S8_H_
#define TFP_SUM_S8_H_

#include "../tfp_kernels.h"
#include "tfp_target.h"

/* The sum of `count` numbers. In 16 bits first, as far as these suffice: twice as many fit into a
 * vector register. */
TFP_INLINE int32_t tfp_sum_s8(const int8_t *values, size_t count) {
  enum { kFit = 256 };
  int32_t sum = 0;
  while (count > 0) {
    const size_t some = count < kFit ? count : kFit;
    int16_t part = 0;
    for (size_t i = 0; i < some; ++i) part = (int16_t)(part + values[i]);
    sum += part;
    values += some;
    count -= some;
  }
  return sum;
}

#endif

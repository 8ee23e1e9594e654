/* Breaks a promise that callers make to the kernels; tests/native/test_driver.py expects the
 * assertion that notices. */
#include "../ops/common/tfp_packed.h"
#include "driver.h"

int main(void) {
  static _Alignas(TFP_ALIGNMENT) unsigned char memory[4096];
  const size_t batch = (size_t)TFP_MAX_BATCH + (next() > 0 ? 1 : 0);
  int8_t *x = fresh(batch * 16);
  int32_t *acc = fresh(batch * TFP_ROW_BLOCK * sizeof *acc);
  const tfp_weight_format format = {.bits = 8};
  tfp_arena arena = {memory, 0};
  const tfp_packed packed = tfp_packed_layout(tfp_get_variant(0), &format, 16, 1, &arena);
  tfp_packed_multiply(&packed, 0, 1, batch, x, 16, acc, TFP_ROW_BLOCK);
  free(x);
  free(acc);
  return allocations == 2 ? 0 : 1;
}

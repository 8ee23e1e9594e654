#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#if TFP_AARCH64
#include "tfp_bytes_neon.h"

void tfp_output_s32u8_neon(const int32_t *acc, size_t count, tfp_output_u8 to, uint8_t *y) {
  const tfp_bytes_neon bytes = tfp_prepare_bytes_neon(to);
  for (size_t i = 0; i < count; i += 8) vst1_u8(y + i, tfp_to_8_bytes_neon(acc + i, bytes));
}

#else
typedef int tfp_not_on_this_architecture;
#endif

#include "../common/tfp_target.h"
#include "../tfp_kernels.h"
#include "tfp_levels_c.h"
#if TFP_ARMV7_NEON
#include "tfp_outputs_neonv7.h"

/* This unit takes subnormal numbers for 0. A row whose range counts (TFP_SMALLEST_RANGE) has the
 * same ends and levels with them as without. */
tfp_affine tfp_quantize_f32s8_neonv7(const float *x, size_t count, int8_t *q) {
  float32x4_t lowest = vdupq_n_f32(0.0f), highest = lowest;
  const size_t whole = count / 8 * 8;
  for (size_t i = 0; i < whole; i += 4) {
    const float32x4_t v = vld1q_f32(x + i);
    lowest = vminq_f32(lowest, v);
    highest = vmaxq_f32(highest, v);
  }
  const float32x2_t low_pair = vpmin_f32(vget_low_f32(lowest), vget_high_f32(lowest));
  const float32x2_t high_pair = vpmax_f32(vget_low_f32(highest), vget_high_f32(highest));
  float low = vget_lane_f32(vpmin_f32(low_pair, low_pair), 0);
  float high = vget_lane_f32(vpmax_f32(high_pair, high_pair), 0);
  for (size_t i = whole; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  const tfp_row_levels levels = tfp_row_levels_c(low, high);
  const tfp_levels_neonv7 to =
      tfp_prepare_levels_neonv7(levels.low, levels.high, levels.affine.zero_point);
  for (size_t i = 0; i < whole; i += 8) {
    const float32x4_t a = vmulq_n_f32(vld1q_f32(x + i), levels.inverse);
    const float32x4_t b = vmulq_n_f32(vld1q_f32(x + i + 4), levels.inverse);
    vst1_s8(q + i, tfp_round_levels_neonv7(a, b, to));
  }
  for (size_t i = whole; i < count; ++i) q[i] = tfp_level_c(x[i], levels);
  return levels.affine;
}

#else
typedef int tfp_not_on_this_architecture;
#endif

// Multiplies uint8 matrices with gemmlowp, for test_gemmlowp.py.
//
// Standard input: 9 int32 (rows, depth, batch, zero points of x, W and y, multiplier, left and right
// shift), then the bias as int32, W [rows][depth] and x [batch][depth]. Standard output: the sums
// without bias as int32 [batch][rows], and the outputs as uint8 [batch][rows].
#include <cstdint>
#include <cstdio>
#include <tuple>
#include <vector>

#include "public/gemmlowp.h"
#include "public/output_stages.h"

namespace {

template <typename T>
std::vector<T> Read(std::size_t count) {
  std::vector<T> values(count);
  if (std::fread(values.data(), sizeof(T), count, stdin) != count) std::exit(2);
  return values;
}

}  // namespace

int main() {
  const auto h = Read<std::int32_t>(9);
  const int rows = h[0], depth = h[1], batch = h[2];
  const auto bias = Read<std::int32_t>(rows);
  const auto w = Read<std::uint8_t>(static_cast<std::size_t>(rows) * depth);
  const auto x = Read<std::uint8_t>(static_cast<std::size_t>(batch) * depth);
  std::vector<std::int32_t> sums(static_cast<std::size_t>(rows) * batch);
  std::vector<std::uint8_t> y(sums.size());
  using gemmlowp::MapOrder;
  const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::RowMajor> lhs(w.data(), rows, depth);
  const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::ColMajor> rhs(x.data(), depth, batch);
  gemmlowp::MatrixMap<std::int32_t, MapOrder::ColMajor> raw(sums.data(), rows, batch);
  gemmlowp::MatrixMap<std::uint8_t, MapOrder::ColMajor> out(y.data(), rows, batch);
  gemmlowp::GemmContext context;
  context.set_max_num_threads(1);
  gemmlowp::GemmWithOutputPipeline<std::uint8_t, std::int32_t,
                                   gemmlowp::DefaultL8R8BitDepthParams>(
      &context, lhs, rhs, &raw, -h[4], -h[3], std::make_tuple());
  gemmlowp::OutputStageBiasAddition<
      gemmlowp::VectorMap<const std::int32_t, gemmlowp::VectorShape::Col>>
      add_bias;
  add_bias.bias_vector =
      gemmlowp::VectorMap<const std::int32_t, gemmlowp::VectorShape::Col>(bias.data(), rows);
  gemmlowp::OutputStageScaleInt32ByFixedPointAndExponent scale;
  scale.result_fixedpoint_multiplier = h[6];
  scale.result_exponent = h[7] - h[8];
  scale.result_offset_after_shift = h[5];
  gemmlowp::GemmWithOutputPipeline<std::uint8_t, std::uint8_t,
                                   gemmlowp::DefaultL8R8BitDepthParams>(
      &context, lhs, rhs, &out, -h[4], -h[3],
      std::make_tuple(add_bias, scale, gemmlowp::OutputStageSaturatingCastToUint8()));
  std::fwrite(sums.data(), sizeof(std::int32_t), sums.size(), stdout);
  std::fwrite(y.data(), 1, y.size(), stdout);
  return 0;
}

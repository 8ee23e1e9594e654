// uint8 matrix products by gemmlowp, from the headers in Debian's libgemmlowp-dev, for
// fully_connected.py: weights (rows, depth) times `batch` vectors, requantized to uint8.
#include <cstdint>
#include <gemmlowp/public/gemmlowp.h>
#include <gemmlowp/public/output_stages.h>
#include <tuple>

namespace {
gemmlowp::GemmContext context;
}

extern "C" void bench_gemmlowp(const std::uint8_t *weights, const std::uint8_t *x, std::uint8_t *y,
                               int rows, int depth, int batch, int threads) {
  using gemmlowp::MapOrder;
  context.set_max_num_threads(threads);
  const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::RowMajor> lhs(weights, rows, depth);
  const gemmlowp::MatrixMap<const std::uint8_t, MapOrder::ColMajor> rhs(x, depth, batch);
  gemmlowp::MatrixMap<std::uint8_t, MapOrder::ColMajor> result(y, rows, batch);
  gemmlowp::OutputStageQuantizeDownInt32ToUint8ScaleByFixedPoint scale;
  scale.result_fixedpoint_multiplier = 1 << 30;
  scale.result_shift = 8;
  scale.result_offset_after_shift = 128;
  const auto stages = std::make_tuple(scale, gemmlowp::OutputStageSaturatingCastToUint8());
  gemmlowp::GemmWithOutputPipeline<std::uint8_t, std::uint8_t,
                                   gemmlowp::DefaultL8R8BitDepthParams>(&context, lhs, rhs, &result,
                                                                        -121, -133, stages);
}

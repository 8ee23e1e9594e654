// Evaluates gemmlowp's sigmoid of all int16 numbers with 3 integer bits, and its tanh of those with 0
// to 6, for test_gemmlowp.py. Standard output: 8 times 65536 int16, from -32768 on.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "fixedpoint/fixedpoint.h"

namespace {

template <int Bits>
void Write(bool sigmoid) {
  using F = gemmlowp::FixedPoint<std::int16_t, Bits>;
  std::vector<std::int16_t> values;
  for (int i = -32768; i < 32768; ++i) {
    const F x = F::FromRaw(static_cast<std::int16_t>(i));
    values.push_back(sigmoid ? gemmlowp::logistic(x).raw() : gemmlowp::tanh(x).raw());
  }
  std::fwrite(values.data(), sizeof(std::int16_t), values.size(), stdout);
}

}  // namespace

int main() {
  Write<3>(true);
  Write<0>(false);
  Write<1>(false);
  Write<2>(false);
  Write<3>(false);
  Write<4>(false);
  Write<5>(false);
  Write<6>(false);
  return 0;
}

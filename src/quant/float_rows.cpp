#include "quant/float_rows.h"

#include <algorithm>

namespace glm_image::quant {
namespace {

constexpr int64_t kBandValues = int64_t{1} << 20;

/// Reads the rows from number `first` on into `to`; of each row, what `columns` names.
void read_into(const Tensor& to,
               const ReadFloats& read,
               int64_t first,
               int64_t in,
               const io::WeightCut* columns) {
  const int64_t at_once = std::clamp<int64_t>(kBandValues / in, 1, to.size(0));
  const auto band = at::empty({at_once, in}, at::kFloat);
  for (int64_t row = 0; row < to.size(0); row += at_once) {
    const int64_t rows = std::min(at_once, to.size(0) - row);
    const auto values = band.narrow(0, 0, rows);
    read(first + row, rows, values.data_ptr<float>());
    to.narrow(0, row, rows).copy_(columns == nullptr ? values : io::apply_cut(values, *columns));
  }
}

}  // namespace

Tensor read_values(const ReadFloats& read, int64_t out, int64_t in, at::ScalarType type) {
  auto values = at::empty({out, in}, type);
  read_into(values, read, /*first=*/0, in, /*columns=*/nullptr);
  return values;
}

Tensor read_part(const ReadFloats& read, const io::WeightCut& cut, at::ScalarType type) {
  const int64_t out = cut.shape.at(0), in = cut.shape.at(1);
  if (cut.dimension == 1) {
    auto values = at::empty({out, cut.count()}, type);
    read_into(values, read, /*first=*/0, in, &cut);
    return values;
  }
  auto values = at::empty({cut.count(), in}, type);
  int64_t row = 0;
  for (const auto& range : cut.ranges) {
    read_into(values.narrow(0, row, range.count), read, range.first, in, /*columns=*/nullptr);
    row += range.count;
  }
  return values;
}

}  // namespace glm_image::quant

#include "quant/integer_weight.h"

#include <algorithm>

namespace glm_image::quant {
namespace {

using ReadRows = nn::QuantisedMatrix::ReadRows;

/// Reads the rows of a part, which are ranges of the whole's.
ReadRows rows_of(const ReadRows& whole, const std::vector<io::IndexRange>& ranges, int64_t in) {
  return [=](int64_t first, int64_t rows, int8_t* integers) {
    int64_t begin = 0;  // of the range in the part
    for (const auto& range : ranges) {
      const int64_t from = std::max(first, begin);
      const int64_t end = std::min(first + rows, begin + range.count);
      if (from < end) {
        whole(range.first + from - begin, end - from, integers + (from - first) * in);
      }
      begin += range.count;
    }
  };
}

/// Reads the columns of a part.
ReadRows columns_of(const ReadRows& whole, const std::vector<io::IndexRange>& ranges, int64_t in) {
  return [=](int64_t first, int64_t rows, int8_t* integers) {
    std::vector<int8_t> all(static_cast<size_t>(rows * in));
    whole(first, rows, all.data());
    for (int64_t row = 0; row < rows; ++row) {
      for (const auto& range : ranges) {
        integers = std::copy_n(all.data() + row * in + range.first, range.count, integers);
      }
    }
  };
}

/// The same cut of the scales, whose columns are groups; nothing if it divides a group.
std::optional<io::WeightCut> cut_in_groups(io::WeightCut cut, int64_t group) {
  for (auto& range : cut.ranges) {
    if (range.first % group != 0 || range.count % group != 0) return std::nullopt;
    range = {range.first / group, range.count / group};
  }
  return cut;
}

}  // namespace

std::optional<IntegerWeight> integer_weight(int64_t out,
                                            int64_t in,
                                            int bits,
                                            const Tensor& scales,
                                            nn::QuantisedMatrix::ReadRows read,
                                            std::optional<nn::StoredWords> words) {
  const int64_t groups = scales.size(1);
  if (groups < 1 || in % groups != 0) return std::nullopt;
  IntegerWeight weight{
      {out, in, bits, in / groups, scales.scalar_type()}, scales, std::move(read), {}};
  if (!weight.form.is_supported()) return std::nullopt;
  const bool fits =
      words && in % 8 == 0 && static_cast<int64_t>(words->bytes.nbytes()) == out * in / 8 * bits;
  if (fits) weight.words = std::move(words);
  return weight;
}

std::optional<IntegerWeight> byte_weight(const Tensor& integers,
                                         const Tensor& scales,
                                         const Tensor& mapped) {
  const int64_t out = integers.size(0), in = integers.size(1);
  const auto read = [integers, in](int64_t first, int64_t rows, int8_t* values) {
    std::copy_n(integers.data_ptr<int8_t>() + first * in, rows * in, values);
  };
  return integer_weight(out,
                        in,
                        /*bits=*/8,
                        scales,
                        read,
                        nn::StoredWords{mapped, /*by_rows=*/true, /*is_signed=*/true});
}

std::optional<IntegerWeight> cut_integers(const IntegerWeight& whole, const io::WeightCut& cut) {
  const auto& form = whole.form;
  if (cut.dimension == 0) {
    return integer_weight(cut.count(),
                          form.in,
                          form.bits,
                          io::apply_cut(whole.scales, cut),
                          rows_of(whole.read, cut.ranges, form.in));
  }
  auto scales = whole.scales;
  if (form.groups() > 1) {
    const auto groups = cut_in_groups(cut, form.group);
    if (!groups) return std::nullopt;
    scales = io::apply_cut(scales, *groups);
  }
  return integer_weight(
      form.out, cut.count(), form.bits, scales, columns_of(whole.read, cut.ranges, form.in));
}

}  // namespace glm_image::quant

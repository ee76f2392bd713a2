#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/torch.h"

namespace glm_image::io {

/// `count` rows, columns, heads, … from `first` on.
struct IndexRange {
  int64_t first = 0, count = 0;

  int64_t end() const { return first + count; }
};

/// The part of a stored tensor that a parameter holds, where a rank holds a share of a model's
/// weights: ranges of rows or of columns, one behind the other.
struct WeightCut {
  std::vector<int64_t> shape;  ///< of the stored tensor
  int64_t dimension = 0;       ///< that is cut: 0 for rows, 1 for columns
  std::vector<IndexRange> ranges;

  /// Rows or columns that the parameter holds.
  int64_t count() const;
  /// The parameter's share of the bytes of the stored tensor.
  int64_t share_of(int64_t bytes) const { return bytes * count() / shape[dimension]; }
};

/// Cuts by the names of parameters. A parameter without a cut holds the whole tensor.
using WeightCuts = std::map<std::string, WeightCut>;

/// Null if the parameter is not cut.
const WeightCut* find_cut(const WeightCuts& cuts, const std::string& parameter);

/// The ranges of a tensor along the cut's dimension, contiguous. One range of rows is a view,
/// everything else a copy, in huge pages where the system has them. The other dimensions may differ
/// from the cut's shape.
Tensor apply_cut(const Tensor& whole, const WeightCut& cut);

}  // namespace glm_image::io

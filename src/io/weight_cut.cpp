#include "io/weight_cut.h"

namespace glm_image::io {

int64_t WeightCut::count() const {
  int64_t count = 0;
  for (const auto& range : ranges) count += range.count;
  return count;
}

const WeightCut* find_cut(const WeightCuts& cuts, const std::string& parameter) {
  const auto found = cuts.find(parameter);
  return found == cuts.end() ? nullptr : &found->second;
}

Tensor apply_cut(const Tensor& whole, const WeightCut& cut) {
  std::vector<Tensor> parts;
  for (const auto& range : cut.ranges) {
    parts.push_back(whole.narrow(cut.dimension, range.first, range.count));
  }
  return parts.size() == 1 ? parts.front().contiguous() : at::cat(parts, cut.dimension);
}

}  // namespace glm_image::io

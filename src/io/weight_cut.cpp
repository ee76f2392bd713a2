#include "io/weight_cut.h"

#include <memory>

#include "core/large_memory.h"

namespace glm_image::io {
namespace {

/// Decoding reads every weight for each token; in small pages, finding the pages takes a part of
/// that time.
Tensor empty_in_huge_pages(at::IntArrayRef sizes, const at::TensorOptions& options) {
  constexpr int64_t kHugePage = int64_t{2} << 20;
  const int64_t bytes =
      c10::multiply_integers(sizes) * static_cast<int64_t>(options.dtype().itemsize());
  if (bytes < kHugePage) return at::empty(sizes, options);
  auto memory = std::make_shared<LargeMemory>(static_cast<std::size_t>(bytes));
  return at::from_blob(
      memory->data(), sizes, [memory](void*) {}, options);
}

}  // namespace

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
  const auto range_of = [&](const IndexRange& range) {
    return whole.narrow(cut.dimension, range.first, range.count);
  };
  if (cut.ranges.size() == 1) {
    const auto only = range_of(cut.ranges.front());
    if (only.is_contiguous()) return only;
  }
  auto sizes = whole.sizes().vec();
  sizes.at(static_cast<std::size_t>(cut.dimension)) = cut.count();
  auto copy = empty_in_huge_pages(sizes, whole.options());
  int64_t first = 0;
  for (const auto& range : cut.ranges) {
    copy.narrow(cut.dimension, first, range.count).copy_(range_of(range));
    first += range.count;
  }
  return copy;
}

}  // namespace glm_image::io

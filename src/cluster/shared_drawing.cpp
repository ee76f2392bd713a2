#include "cluster/shared_drawing.h"

#include "cluster/gathered_tensor.h"
#include "cluster/rounded_heads.h"
#include "core/error.h"

namespace glm_image::cluster {
namespace {

/// Of the two evaluations, the group's first rank computes the one with the condition.
constexpr int kConditional = 0, kUnconditional = 1;

void append(const TokenGrid& grid, std::vector<int64_t>& numbers) {
  numbers.insert(numbers.end(),
                 {grid.height, grid.width, static_cast<int64_t>(grid.tokens.size())});
  numbers.insert(numbers.end(), grid.tokens.begin(), grid.tokens.end());
}

/// Reads numbers in the order in which they were appended.
class NumberReader {
 public:
  explicit NumberReader(const Tensor& numbers)
      : next_(numbers.data_ptr<int64_t>()), end_(next_ + numbers.numel()) {}
  int64_t number() {
    GLM_IMAGE_CHECK(next_ != end_, "a composition of another rank is too short");
    return *next_++;
  }
  TokenGrid grid() {
    TokenGrid grid;
    grid.height = number();
    grid.width = number();
    const int64_t count = number();
    GLM_IMAGE_CHECK(count >= 0 && count <= end_ - next_, "a grid of another rank is too short");
    grid.tokens.assign(next_, next_ + count);
    next_ += count;
    return grid;
  }

 private:
  const int64_t* next_;
  const int64_t* end_;
};

}  // namespace

std::pair<int64_t, int64_t> GatheredTokens::own(int64_t image_tokens) const {
  const int64_t first = image_tokens * group_.rank() / group_.size();
  return {first, image_tokens * (group_.rank() + 1) / group_.size() - first};
}

std::function<Tensor()> GatheredTokens::begin_gather(const Tensor& heads, int64_t image_tokens) {
  constexpr int64_t kTokenDimension = 1;
  if (wire_ == Wire::kExact) {
    return begin_gather_along(group_, heads, kTokenDimension, image_tokens);
  }
  return [options = heads.options(),
          wait = begin_gather_along(group_, rounded_heads(heads), kTokenDimension, image_tokens)] {
    return heads_of_rounded(wait(), options);
  };
}

Tensor GatheredTokens::gather(const Tensor& outputs, int64_t image_tokens) {
  return gather_along(group_, outputs, /*dimension=*/1, image_tokens);
}

void SharedDrawing::share(std::vector<Composition>& compositions) {
  std::vector<int64_t> numbers = {static_cast<int64_t>(compositions.size())};
  for (const auto& composition : compositions) {
    append(composition.picture, numbers);
    append(composition.preview, numbers);
    numbers.push_back(static_cast<int64_t>(composition.conditions.size()));
    for (const auto& condition : composition.conditions) append(condition, numbers);
  }
  auto size = torch::tensor({static_cast<int64_t>(numbers.size())}, at::kLong);
  group_.broadcast(size, /*root=*/0);
  auto all = leads() ? torch::tensor(numbers, at::kLong)
                     : at::empty({size.item<int64_t>()}, at::TensorOptions(at::kLong));
  group_.broadcast(all, /*root=*/0);
  if (leads()) return;
  NumberReader reader(all);
  compositions.resize(static_cast<size_t>(reader.number()));
  for (auto& composition : compositions) {
    composition.picture = reader.grid();
    composition.preview = reader.grid();
    composition.conditions.resize(static_cast<size_t>(reader.number()));
    for (auto& condition : composition.conditions) condition = reader.grid();
  }
}

bool SharedDrawing::agree(bool answer) {
  auto number = torch::tensor({int64_t{answer}}, at::kLong);
  group_.broadcast(number, /*root=*/0);
  return number.item<int64_t>() != 0;
}

diffusion::EvaluatePair SharedDrawing::pair() {
  if (way_ != Way::kGuidance) return {};
  return [this](const std::function<Tensor(bool)>& evaluate) {
    const auto own = evaluate(/*is_conditional=*/group_.rank() == kConditional);
    const auto all = all_gather(group_, own);
    return std::pair(all.at(kConditional), all.at(kUnconditional));
  };
}

}  // namespace glm_image::cluster

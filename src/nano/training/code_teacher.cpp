#include "nano/training/code_teacher.h"

#include <numeric>

#include "nano/training/token_parts.h"

namespace glm_image::nano {
namespace {

int64_t sum_of(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

}  // namespace

CodeTeacherImpl::CodeTeacherImpl(int64_t kinds,
                                 std::vector<int64_t> parts,
                                 int64_t pixels,
                                 int64_t hidden,
                                 int64_t dim,
                                 const at::TensorOptions& options)
    : counts_(std::move(parts)) {
  counts_.insert(counts_.begin(), kinds);
  from_content =
      register_module("from_content", nn::Linear(sum_of(counts_) + pixels, hidden, options));
  to_vectors = register_module("to_vectors", nn::Linear(hidden, dim, options));
}

Tensor CodeTeacherImpl::forward(const TokenContent& content) const {
  const auto flags = content_flags(content.kinds, content.parts, counts_);
  const auto is_ground = (content.kinds == 0).unsqueeze(1);
  const auto x =
      at::cat({flags, content.pixels * is_ground}, 1).to(from_content->weight.scalar_type());
  const auto vectors = to_vectors->forward(at::gelu(from_content->forward(x))).to(at::kFloat);
  return vectors / vectors.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-6);
}

CodeReaderImpl::CodeReaderImpl(int64_t kinds,
                               std::vector<int64_t> parts,
                               int64_t pixels,
                               int64_t features,
                               const at::TensorOptions& options) {
  const int64_t hidden = 2 * features;
  to_hidden = register_module("to_hidden", nn::Linear(features, hidden, options));
  to_pixels = register_module("to_pixels", nn::Linear(hidden, pixels, options));
  to_kinds =
      register_module("to_kinds", ClassifierHead(hidden, std::vector<int64_t>{kinds}, options));
  to_parts = register_module("to_parts", ClassifierHead(hidden, std::move(parts), options));
}

CodeReaderImpl::Reading CodeReaderImpl::forward(const Tensor& features) const {
  const auto x = at::gelu(to_hidden->forward(at::layer_norm(features, {features.size(-1)})));
  return {to_pixels->forward(x).to(at::kFloat), to_kinds->logits(x).front(), to_parts->logits(x)};
}

}  // namespace glm_image::nano

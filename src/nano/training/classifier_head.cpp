#include "nano/training/classifier_head.h"

#include <numeric>

namespace glm_image::nano {

ClassifierHeadImpl::ClassifierHeadImpl(int64_t hidden,
                                       std::vector<int64_t> classes,
                                       const at::TensorOptions& options)
    : LinearImpl(hidden, std::accumulate(classes.begin(), classes.end(), int64_t{0}), options),
      classes_(std::move(classes)) {}

std::vector<Tensor> ClassifierHeadImpl::logits(const Tensor& hidden) const {
  return forward(hidden).to(at::kFloat).flatten(0, -2).split_with_sizes(classes_, /*dim=*/1);
}

std::vector<Tensor> ClassifierHeadImpl::normed_logits(const Tensor& hidden) const {
  return logits(at::layer_norm(hidden, {hidden.size(-1)}));
}

Classified classify(const Tensor& logits, const Tensor& targets) {
  return {at::cross_entropy_loss(logits, targets, /*weight=*/{}, at::Reduction::None, kNoAnswer),
          (logits.detach().argmax(1) == targets).to(at::kFloat),
          (targets != kNoAnswer).to(at::kFloat)};
}

}  // namespace glm_image::nano

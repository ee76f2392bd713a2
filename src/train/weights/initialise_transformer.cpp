#include "train/weights/initialise_transformer.h"

#include <cmath>

#include "train/weights/initialise.h"

namespace glm_image::train {
namespace {

bool has(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

}  // namespace

void initialise_transformer_weight(const std::string& name,
                                   int64_t d_kv,
                                   Tensor& weight,
                                   at::Generator& random) {
  initialise_weight(name, weight, random);
  // adaLN-Zero: blocks start as the identity, and the output as zero (Peebles and Xie 2023).
  if (has(name, "norm1.linear") || has(name, "norm_out.linear") || has(name, "proj_out")) {
    weight.zero_();
  }
  // T5 does not scale its attention scores, so its queries start smaller by √d_kv (Raffel et al.
  // 2020).
  if (has(name, "SelfAttention.q.")) weight.div_(std::sqrt(static_cast<double>(d_kv)));
}

}  // namespace glm_image::train

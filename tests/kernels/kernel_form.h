#pragma once

// A form of a product or of attention: the bfloat16 kernel, or the float32 kernel of one
// instruction set for values of either type.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/text_format.h"
#include "core/torch.h"
#include "kernels/bfloat16_dot_product.h"
#include "kernels/element.h"
#include "kernels/highway_targets.h"

namespace glm_image::kernels {

struct KernelForm {
  bool dot_products;  ///< the bfloat16 kernel
  bool tiles;         ///< uses tiles if possible
  at::ScalarType type;
  int64_t target;
};

inline std::vector<KernelForm> kernel_forms() {
  std::vector<KernelForm> forms;
  if (has_bfloat16_dot_product()) forms.push_back({true, false, at::kBFloat16, 0});
  if (has_bfloat16_tiles()) forms.push_back({true, true, at::kBFloat16, 0});
  for (const int64_t target : highway_targets()) {
    forms.push_back({false, false, at::kFloat, target});
    forms.push_back({false, false, at::kBFloat16, target});
  }
  return forms;
}

inline std::string form_name(const testing::TestParamInfo<KernelForm>& info) {
  if (info.param.dot_products) return info.param.tiles ? "Tiles" : "DotProducts";
  return concat(highway_target_name(info.param.target), info.param.type);
}

class KernelFormTest : public testing::TestWithParam<KernelForm> {
 protected:
  void SetUp() override {
    at::manual_seed(5);
    use_highway_target(GetParam().target);
    allow_bfloat16_tiles(GetParam().tiles);
  }
  void TearDown() override {
    use_highway_target(0);
    allow_bfloat16_tiles(true);
  }

  Tensor random(at::IntArrayRef shape) const { return at::randn(shape).to(GetParam().type); }
  Element element() const {
    return GetParam().type == at::kFloat ? Element::kFloat32 : Element::kBfloat16;
  }
  /// Tolerance of a result that is rounded once, or twice if attention weights are bfloat16 too.
  double tolerance() const { return GetParam().type == at::kFloat ? 1e-6 : 1.0 / 256; }

 private:
  at::NoGradGuard no_grad_;
};

/// Also more threads than this machine may have. Each partition must cover the output exactly once.
inline const std::vector<int64_t> kThreadCounts = {1, 2, 3, 16, 200};

}  // namespace glm_image::kernels

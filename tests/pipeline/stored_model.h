#pragma once

#include "pipeline/checkpoint.h"
#include "support/packed_copy.h"
#include "support/quantised_copy.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {

/// A form of the toy model, and the type that it computes in.
struct StoredForm {
  const char* name;
  const char* weights;  ///< of a quantised copy, or "gptq"; "" for the toy model itself
  DataType dtype;
};

/// The toy model in one of its forms.
class StoredModel : public testing::TestWithParam<StoredForm> {
 protected:
  void SetUp() override {
    auto model = tiny_model_dir();
    const std::string weights = GetParam().weights;
    if (!weights.empty()) {
      const auto copy = folder_.path() / "copy";
      if (weights == "gptq") {
        write_packed_copy(model, weights, copy);
      } else {
        write_quantised_copy(model, weights, copy);
      }
      model = copy;
    }
    PipelineOptions options;
    options.dtype = GetParam().dtype;
    checkpoint_ = pipeline::Checkpoint::open(model, options);
  }

  const torch::NoGradGuard no_grad_;
  const TemporaryDirectory folder_;
  pipeline::Checkpoint checkpoint_;
};

}  // namespace glm_image::test

#pragma once

#include <memory>

#include "io/weight_binding.h"
#include "pipeline/weight_plan.h"
#include "quant/quantised_weights.h"

namespace glm_image::pipeline {

/// The weight files of a component and what is quantised in them.
struct StoredWeights {
  static std::shared_ptr<const StoredWeights> open(const std::filesystem::path& component);

  io::WeightSet set;
  std::unique_ptr<const quant::QuantisedWeights> packed;  ///< null if nothing is quantised
};

/// Binds the weights that stay, and hooks the block lists of the module so that the weights of the
/// other blocks are bound while their block runs. The module keeps `weights` as long as it lives,
/// and computes the same values as with all weights bound.
///
/// `lists` are those that the plan counts. `options.wanted` may leave out parameters as in
/// bind_weights, `options.packed` is set here. `drop_cached`: files do not fit into memory, so that
/// the kernel need not keep what was read. Throws as bind_weights does. Call with gradients
/// disabled, here and when the module runs.
void stream_weights(torch::nn::Module& module,
                    std::shared_ptr<const StoredWeights> weights,
                    io::BindingOptions options,
                    const std::vector<BlockListBytes>& lists,
                    const WeightPlan& plan,
                    bool drop_cached);

}  // namespace glm_image::pipeline

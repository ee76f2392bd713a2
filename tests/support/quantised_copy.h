#pragma once

#include <filesystem>
#include <string>

#include "pipeline/quantise_checkpoint.h"

namespace glm_image::test {

/// Writes a quantised copy of a model. `weights` and `rules`: as for `glm-image quantize`.
inline void write_quantised_copy(const std::filesystem::path& model,
                                 const std::string& weights,
                                 const std::filesystem::path& output,
                                 const std::string& rules = "",
                                 uint64_t shard_bytes = uint64_t{1} << 30) {
  const auto plan =
      pipeline::plan_quantisation(model, quant::FormRules(weights, rules), shard_bytes);
  pipeline::write_quantised(plan, output, /*threads=*/0, {});
}

}  // namespace glm_image::test

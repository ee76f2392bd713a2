#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/sharded_weights.h"
#include "quant/quantise.h"
#include "random_checkpoint/checkpoint_files.h"

/// Writes checkpoints in the published layout with random weights and any sizes.
namespace glm_image::random_checkpoint {

struct QuantisedLayer {
  std::string name;
  int64_t out = 0, in = 0;
  quant::WeightForm form;
};

struct Component {
  std::string folder;
  std::string stem;                                   ///< of the names of its weight files
  io::ElementType type = io::ElementType::kBFloat16;  ///< of what is not quantised
  quant::LayerForms layers;                           ///< all linear layers
  std::map<std::string, QuantisedLayer> quantised;    ///< by the name of the first tensor
  std::vector<io::WeightFile> files;
  uint64_t parameters = 0;

  uint64_t bytes() const;
  uint64_t tensors() const;
  /// The types of its tensors, "BF16" or "BF16, I8".
  std::string types() const;
};

/// Returns the components that the configs describe: the names and shapes of the modules'
/// parameters, in the modules' order, split into files of at most `shard_bytes` of tensors. A
/// larger tensor has a file of its own. Layers that `rules` quantise are stored as
/// `glm-image quantize` stores them. Throws as the readers of the configs do.
std::vector<Component> plan_components(const ConfigFiles& configs,
                                       const quant::FormRules& rules,
                                       uint64_t shard_bytes);

/// Called with the bytes written so far and in total; may throw to stop.
using WriteProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Writes a checkpoint atomically (AtomicFolder). Memory use does not grow with the weights. The
/// same configs and seed give the same bytes, and the same values before they are quantised. Throws
/// kOutput, in particular if `output` exists or the disk is too small.
void write_checkpoint(const ConfigFiles& configs,
                      const std::vector<Component>& components,
                      uint64_t seed,
                      const std::filesystem::path& output,
                      const WriteProgress& progress);

}  // namespace glm_image::random_checkpoint

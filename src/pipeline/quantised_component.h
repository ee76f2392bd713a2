#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/sharded_weights.h"
#include "pipeline/weight_stream.h"
#include "quant/quantise.h"

/// What `quantize` makes of the tensors of a component.
namespace glm_image::pipeline {

/// A tensor or a layer of the copy.
struct CopiedWeight {
  enum class Action {
    kKeep,      ///< the tensor, as it is stored
    kQuantise,  ///< the values of a layer, in `form`
    kIntegers,  ///< integers and scales as they are, which have `form`
    kUnpack     ///< the values of a quantised parameter, as bfloat16
  };
  Action action = Action::kKeep;
  std::string name;  ///< of the stored tensor; of a layer, its parameter
  std::vector<int64_t> shape;
  quant::WeightForm form;
};

struct QuantisedComponent {
  std::string name;
  std::string stem;  ///< of its weight files
  quant::LayerForms layers;
  std::vector<io::WeightFile> files;
  std::map<std::string, CopiedWeight> weights;  ///< by the first tensor that they write
  uint64_t bytes_before = 0;
  uint64_t bytes_after() const;
  /// Parameters that become, or stay, integers of 8 and of 4 bits, and all others.
  int64_t parameters_8 = 0, parameters_4 = 0, parameters_kept = 0;
  int64_t chosen_layers = 0;  ///< to which the rules give a quantised form
  /// Layers that are rounded a second time, by the form that they are stored in ("sdnq, 4 bits,
  /// groups of 64").
  std::map<std::string, int64_t> rounded_twice;
};

/// Throws as QuantisedWeights does for weights that do not fit.
QuantisedComponent plan_component(const std::string& name,
                                  const torch::nn::Module& module,
                                  const StoredWeights& stored,
                                  const quant::FormRules& rules,
                                  uint64_t shard_bytes);

/// Writes the weight files of a component into `folder`. Calls `written` with the bytes of each
/// piece.
void write_component(const QuantisedComponent& component,
                     const StoredWeights& stored,
                     const std::filesystem::path& folder,
                     const std::function<void(uint64_t)>& written);

}  // namespace glm_image::pipeline

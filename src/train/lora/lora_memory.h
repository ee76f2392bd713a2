#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "train/data/folder_dataset.h"
#include "train/lora/lora_options.h"

/// Predicts the memory of `train lora` before any weight is read.
namespace glm_image::train {

/// The numbers of a data set on which the memory depends: largest values over its rows.
struct LoraDataSizes {
  int64_t references = 0;     ///< of a row
  int64_t prompt_tokens = 0;  ///< of a caption, without visual tokens
  int64_t glyph_tokens = 0;   ///< of the texts that a caption quotes

  static LoraDataSizes of(const FolderDataset& data, const pipeline::Checkpoint& checkpoint);
  /// The sizes of two data sets together.
  LoraDataSizes with(const LoraDataSizes& other) const;
};

/// The bytes of one phase of a run.
struct LoraPhase {
  std::string name;      ///< "training the transformer", …
  std::string base;      ///< form of the base weights in training: "as stored", "q8" or "q4"
  int64_t resident = 0;  ///< base weights and other weights of the phase
  int64_t adapter = 0;   ///< updates, their gradients and the optimiser's state
  int64_t working = 0;   ///< upper bound of everything else
  int64_t total() const;
};

struct LoraMemory {
  int64_t allowed = 0;  ///< 0 without a limit
  bool is_given = false;
  std::vector<LoraPhase> phases;
  /// LoadPlan::quantise_to of the parts' base weights.
  std::string transformer_base, generator_base;

  /// The phase that trains a part, "transformer" or "generator".
  const LoraPhase& training(const std::string& part) const;
};

/// LoadPlan::quantise_to of the parts' base weights, where another rank has chosen it.
struct LoraBases {
  std::string transformer, generator;
};

/// Plans a run and chooses the form of the base weights: that of `options.base` or, for "auto", as
/// stored. If max_memory_bytes was given and the run does not fit, "auto" takes q8, then q4. Throws
/// kInvalidInput for weights that cannot have the form, and for a phase that needs more than is
/// allowed: naming it, what it needs, what is allowed, and the least that works. `bases` replaces
/// the choice.
LoraMemory plan_lora_memory(const pipeline::Checkpoint& checkpoint,
                            const LoraDataSizes& data,
                            const LoraOptions& options,
                            const LoraBases* bases = nullptr);

}  // namespace glm_image::train

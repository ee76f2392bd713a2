#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/generator/generation_model.h"
#include "models/glyph_encoder/t5_encoder.h"
#include "models/transformer/transformer_model.h"
#include "text/byte_tokenizer.h"
#include "text/grid.h"
#include "train/batch/picture_codes.h"
#include "train/data/training_data.h"
#include "train/objectives/token_prediction.h"
#include "train/stage.h"

/// What a data set may add to a stage: modules that are used only in training, tensors of a batch,
/// losses. The stages need none of it.
namespace glm_image::train {

/// Losses in addition to the objective's, already weighted, and their metrics.
struct AuxiliaryLosses {
  std::vector<Tensor> terms;  ///< scalars float32
  std::map<std::string, Tensor> metrics;
};

/// The interface that all auxiliaries share.
class Auxiliary {
 public:
  virtual ~Auxiliary() = default;
  /// Modules with a weight above 0. They follow the stage's own modules.
  virtual std::vector<TrainedModule> modules() { return {}; }
  /// Called after the stage initialised a weight of any module; may overwrite it.
  virtual void initialise(const std::string& /*name*/, Tensor& /*weight*/) {}
};

/// The inputs from which the stage "transformer" creates its auxiliary.
struct TransformerParts {
  const models::TransformerConfig& transformer;
  const models::T5Config& glyph_encoder;
  const text::ByteTokenizer& byte_tokenizer;
  const PictureCodes& codes;  ///< outlives the auxiliary
  at::TensorOptions options;  ///< of trained modules
  int64_t patch_side;         ///< of a latent patch, in pixels
  /// Encodes pictures [B, 3, H, W] to normalised latents, [B, C, H/f, W/f] float32.
  std::function<Tensor(const Tensor& pictures)> latents;
};

/// The state of a step of the stage "transformer" after its forward pass. N examples: B pictures,
/// `repeats` times each.
struct TransformerStep {
  const Batch& batch;
  const std::vector<Tensor>& blocks;  ///< outputs of all DiT blocks, [N, text + image tokens, D]
  Tensor glyph_tokens;                ///< [N, text tokens, D'], outputs of the glyph encoder
  Tensor glyph_seen;                  ///< [N, text tokens] bool
  Tensor noise_levels;                ///< [N] float32 in [0, 1), before timestep_density
  Tensor tops;                        ///< [B] int64, first token row of each crop
  int64_t rows, columns;              ///< of the crop, in tokens
  int64_t repeats;
};

class TransformerAuxiliary : public Auxiliary {
 public:
  /// Adds tensors to a batch, on a loader thread. `drop` [B] bool: the examples without codes and
  /// texts. A tensor "codes" [B, tokens] int64 replaces the tokenizer's codes where it is not −1.
  virtual void prepare(int64_t batch_index,
                       const std::vector<TrainingExamplePtr>& examples,
                       const Tensor& drop,
                       Batch& batch) = 0;
  /// The first token row of a crop of `rows` token rows.
  virtual int64_t crop_top(TrainingExample& example, int64_t rows, at::Generator& random) = 0;
  /// Changes the codes [B, tokens] that condition the DiT.
  virtual Tensor augment(const Batch& /*batch*/, Tensor codes, at::Generator& /*random*/) {
    return codes;
  }
  virtual bool needs_blocks() const = 0;
  virtual AuxiliaryLosses losses(const TransformerStep& step) = 0;
};
using TransformerAuxiliaryMaker =
    std::function<std::unique_ptr<TransformerAuxiliary>(const TransformerParts& parts)>;

/// The inputs from which the stage "generator" creates its auxiliary.
struct GeneratorParts {
  const models::VisionLanguageConfig& config;
  const PictureCodes& codes;  ///< outlives the auxiliary
  at::TensorOptions options;  ///< of trained modules
  /// The prompt's token ids of a caption.
  std::function<std::vector<int64_t>(const std::string& caption, const text::Grid& target)> prompt;
};

/// Prompts and grids of a batch of the stage "generator".
struct GeneratorExamples {
  const std::vector<TrainingExamplePtr>& examples;
  const std::vector<std::vector<int64_t>>& prompts;  ///< token ids
  text::Grid preview, target;
};

/// The state of a step of the stage "generator" after its forward pass through the layers.
struct GeneratorStep {
  const models::GlmImageForConditionalGeneration& model;
  const Batch& batch;
  const TokenPredictionBatch& sequences;  ///< the slots are those of `codes`, then the end marker
  const TokenStates& states;              ///< with the states of the auxiliary's taps
  Tensor codes;                           ///< [B, preview's and target's tokens] int64
  text::Grid preview, target;
};

class GeneratorAuxiliary : public Auxiliary {
 public:
  /// Adds tensors to a batch, on a loader thread. A tensor "codes" [B, preview's and target's
  /// tokens] int64 takes the place of the tokenizer's codes. A tensor "weights" of this shape,
  /// float32, weights the loss on codes; without it, the weights are 1.
  virtual void prepare(int64_t batch_index, const GeneratorExamples& examples, Batch& batch) = 0;
  /// Whether `prepare` adds "codes".
  virtual bool gives_codes() const = 0;
  /// Numbers of layers after which `losses` needs the hidden states.
  virtual std::vector<int64_t> taps() const = 0;
  virtual AuxiliaryLosses losses(const GeneratorStep& step) = 0;
};
using GeneratorAuxiliaryMaker =
    std::function<std::unique_ptr<GeneratorAuxiliary>(const GeneratorParts& parts)>;

}  // namespace glm_image::train

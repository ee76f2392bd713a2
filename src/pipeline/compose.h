#pragma once

#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "pipeline/preview.h"
#include "pipeline/run_monitor.h"

/// The first stage: from a prompt (and condition pictures) to grids of visual tokens.
namespace glm_image::pipeline {

struct ComposeInput {
  std::string prompt;
  text::Grid target;
  std::vector<ConditionPicture> conditions;
  models::SamplingOptions sampling;
  std::vector<uint64_t> seeds;  ///< one for each composition
  bool draft = false;           ///< write the preview grid only
  TokenGrid preview;            ///< of a draft that is to be completed; 0×0 if none
  std::vector<AdapterUse> adapters;
  LoadPlan load;  ///< of the generator
  /// The other ranks, if this one holds a share of the generator's weights: all of them call
  /// compose with the same input. Null otherwise.
  models::GeneratorShare* share = nullptr;
  /// Used as it is in place of one that is loaded with `adapters`; may be empty. It has no vision
  /// encoder.
  models::GlmImageForConditionalGeneration generator{nullptr};
};

/// The generator's input ids for a prompt; `<|image|>` placeholders are not yet replaced.
struct PromptIds {
  std::vector<int64_t> ids;
  std::vector<text::Grid> conditions;
  std::vector<text::Grid> generated;  ///< in the order of generation; the target is last
  int64_t generated_tokens() const;
};

/// Returns the number of tokens of a prompt for `target` with this number of condition pictures,
/// without the pictures' visual tokens. Throws kInvalidInput for a prompt that contains an image
/// marker.
int64_t text_tokens(const Checkpoint& checkpoint,
                    const std::string& prompt,
                    size_t condition_images,
                    const text::Grid& target);

/// Builds the ids of a prompt. Throws kInvalidInput if the prompt and the grids do not fit into the
/// context, or if the prompt contains an image marker.
PromptIds prompt_ids(const Checkpoint& checkpoint, const ComposeInput& input);

/// Generates one composition per seed. `prompt` is prompt_ids() of the input; the generator reads
/// it once for all seeds. `previewer` receives each preview grid when it is complete. With a share,
/// every rank returns the compositions of rank 0.
std::vector<Composition> compose(const Checkpoint& checkpoint,
                                 const ComposeInput& input,
                                 PromptIds prompt,
                                 RunMonitor& monitor,
                                 Previewer& previewer);

/// Returns the visual tokens of a picture, one for 32×32 pixels. Throws as Pipeline::tokens_of
/// does.
TokenGrid tokens_of(const Checkpoint& checkpoint, const Image& image);

}  // namespace glm_image::pipeline

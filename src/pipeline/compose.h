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
  std::vector<uint64_t> seeds;  ///< one composition each
};

/// The ids of a prompt as the generator reads them, `<|image|>` placeholders not yet replaced.
struct PromptIds {
  std::vector<int64_t> ids;
  std::vector<text::Grid> conditions;
  std::vector<text::Grid> generated;  ///< in the order in which they are drawn; the target is last
  int64_t generated_tokens() const;
};

/// Tokens of a prompt to draw `target` from so many condition pictures, without the pictures' own.
/// Throws kInvalidInput for a prompt that contains the marker of a picture.
int64_t text_tokens(const Checkpoint& checkpoint,
                    const std::string& prompt,
                    size_t condition_images,
                    const text::Grid& target);

/// Builds and checks them. Throws kInvalidInput for a prompt that does not fit the context together
/// with the grids, or that contains the marker of a picture.
PromptIds prompt_ids(const Checkpoint& checkpoint, const ComposeInput& input);

/// Draws the tokens, one composition a seed; the prompt (`prompt_ids` of the input) is read once
/// for all. Each preview grid is shown to the previewer when it is complete.
std::vector<Composition> compose(const Checkpoint& checkpoint,
                                 const ComposeInput& input,
                                 PromptIds prompt,
                                 RunMonitor& monitor,
                                 Previewer& previewer);

/// The visual tokens of a picture, one for 32×32 pixels. Throws as Pipeline::tokens_of.
TokenGrid tokens_of(const Checkpoint& checkpoint, const Image& image);

}  // namespace glm_image::pipeline

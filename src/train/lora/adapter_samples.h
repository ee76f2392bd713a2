#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "train/lora/lora_options.h"

namespace glm_image::train {

/// The request of a sample prompt, not yet resolved.
Request sample_request(const LoraOptions& options, const std::string& prompt);

/// Draws the sample grids of a run of `train lora`. Pictures equal those of `generate`.
class AdapterSamples {
 public:
  /// Called with the pictures drawn and in total; may throw to stop.
  using DrawProgress = std::function<void(int64_t done, int64_t total)>;
  /// Called while a picture is drawn; returning true throws kCancelled.
  using ShouldStop = std::function<bool()>;

  /// Throws kInvalidInput for a prompt that cannot be drawn.
  AdapterSamples(const LoraOptions& options,
                 const pipeline::Checkpoint& checkpoint,
                 DrawProgress progress,
                 ShouldStop should_stop);

  bool empty() const { return requests_.empty(); }
  /// Draws the grid with the base model and keeps its visual tokens for draw_tokens_of_base.
  Image draw_base(const pipeline::Checkpoint& checkpoint);
  /// Draws the grid from the base model's visual tokens, so that it shows only what training has
  /// changed in the transformer.
  Image draw_tokens_of_base(const pipeline::Checkpoint& checkpoint,
                            const pipeline::LoadedModules& loaded);
  /// Samples new visual tokens. Modules missing from `loaded` are loaded with the checkpoint's
  /// adapters.
  Image draw(const pipeline::Checkpoint& checkpoint, const pipeline::LoadedModules& loaded);

 private:
  Image draw_all(const pipeline::Checkpoint& checkpoint,
                 const pipeline::LoadedModules& loaded,
                 const std::vector<Composition>& given,
                 std::vector<Composition>* drawn);

  std::vector<Request> requests_;
  std::vector<Composition> of_base_;
  DrawProgress progress_;
  ShouldStop should_stop_;
};

}  // namespace glm_image::train

#pragma once

#include <vector>

#include "diffusion/sampler.h"
#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"
#include "pipeline/spell.h"

/// The last stages: from compositions to latents, and between latents and pictures.
namespace glm_image::pipeline {

struct PaintInput {
  int64_t height = 0;  ///< pixels
  int64_t width = 0;
  int64_t steps = 0;
  diffusion::SamplingOptions sampling;
  double step_cache = 0;  ///< threshold of models::StepCache
  Glyphs glyphs;
  std::vector<Tensor> condition_latents;  ///< normalised, [1, C, h, w], one per condition picture
  std::vector<Composition> compositions;  ///< one per picture
  std::vector<uint64_t> seeds;            ///< of the noise, one per picture
  std::vector<AdapterUse> adapters;
  LoadPlan load;  ///< of the transformer
  /// Used as it is in place of one that is loaded with `adapters`; may be empty.
  models::GlmImageTransformer2DModel transformer{nullptr};
};

/// Returns the input that paints preview grids of one shape at their own size, in few steps and
/// without guidance.
PaintInput draft_input(const std::vector<TokenGrid>& previews,
                       Glyphs glyphs,
                       std::vector<uint64_t> seeds,
                       std::vector<AdapterUse> adapters);

class Previewer;
class RankGroup;

/// Runs the denoising loop. Returns the normalised latents of each picture, [1, C, H/f, W/f]
/// float32. At the steps that `previewer` asks for, it receives the predicted clean latents. With
/// `ranks`, all of them run this loop and get the same latents.
std::vector<Tensor> paint(const Checkpoint& checkpoint,
                          const PaintInput& input,
                          RunMonitor& monitor,
                          Previewer* previewer = nullptr,
                          RankGroup* ranks = nullptr);

/// Returns the normalised latents of the condition pictures (posterior mode, no sampling).
std::vector<Tensor> encode_conditions(const Checkpoint& checkpoint,
                                      const std::vector<ConditionPicture>& conditions,
                                      RunMonitor& monitor,
                                      const LoadPlan& load = {});

/// Decodes normalised latents to pictures.
std::vector<Image> decode(const Checkpoint& checkpoint,
                          const std::vector<Tensor>& latents,
                          RunMonitor& monitor,
                          const LoadPlan& load = {});

}  // namespace glm_image::pipeline

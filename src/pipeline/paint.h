#pragma once

#include <vector>

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"
#include "pipeline/spell.h"

/// The last stages: from compositions to latents, and between latents and pictures.
namespace glm_image::pipeline {

struct PaintInput {
  int64_t height = 0;  ///< pixels
  int64_t width = 0;
  int64_t steps = 0;
  double guidance = 1;
  Glyphs glyphs;
  std::vector<Tensor> condition_latents;  ///< normalised, [1, C, h, w], one a condition picture
  std::vector<Composition> compositions;  ///< one a picture
  std::vector<uint64_t> seeds;            ///< of the noise, one a picture
};

class Previewer;

/// Denoises; returns the normalised latents of each picture, [1, C, H/f, W/f] float32. A previewer
/// is shown what the denoiser expects at the steps at which it wants to look.
std::vector<Tensor> paint(const Checkpoint& checkpoint,
                          const PaintInput& input,
                          RunMonitor& monitor,
                          Previewer* previewer = nullptr);

/// Normalised latents of the condition pictures (posterior mode, no sampling).
std::vector<Tensor> encode_conditions(const Checkpoint& checkpoint,
                                      const std::vector<ConditionPicture>& conditions,
                                      RunMonitor& monitor);

/// Pictures of normalised latents.
std::vector<Image> decode(const Checkpoint& checkpoint,
                          const std::vector<Tensor>& latents,
                          RunMonitor& monitor);

}  // namespace glm_image::pipeline

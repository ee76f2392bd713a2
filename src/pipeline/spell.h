#pragma once

#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"

/// The glyph stage: from the texts to spell to the DiT's text tokens.
namespace glm_image::pipeline {

struct Glyphs {
  Tensor texts;  ///< [1, tokens, d_model]: all texts, concatenated
  Tensor empty;  ///< [1, tokens, d_model]: the empty text, for the unconditional branch
};

/// Encodes the texts; an empty list counts as one empty text.
Glyphs spell(const Checkpoint& checkpoint,
             const std::vector<std::string>& texts,
             RunMonitor& monitor,
             const LoadPlan& load = {});

}  // namespace glm_image::pipeline

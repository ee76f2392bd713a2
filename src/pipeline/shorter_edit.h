#pragma once

#include <optional>

#include "pipeline/duration_estimate.h"

namespace glm_image::pipeline {

/// How an edit can be made shorter: by reading its pictures at fewer pixels.
struct ShorterEdit {
  int64_t reference_pixels = 0;            ///< to ask for
  std::optional<double> seconds;           ///< of the edit as it is, if known
  std::optional<double> seconds_if_asked;  ///< with these reference_pixels
};

/// Returns what makes a request shorter that a CPU takes long for, if that is the size at which the
/// model reads its pictures: the size of the picture to draw. `request` is as Pipeline::check
/// returned it; its condition images are not needed. Nothing if the request bounds that size
/// itself, or if it takes less than minutes: by the estimate, or, before anything was measured, by
/// the size of the model.
std::optional<ShorterEdit> shorter_edit(Request request,
                                        const ModelInfo& model,
                                        const DurationEstimate& estimate);

}  // namespace glm_image::pipeline

#pragma once

#include "glm_image/image.h"
#include "train/run_folder.h"

namespace glm_image::train {

/// The curves of a run over its steps, one panel for each value, each smoothed and with its last
/// value written beside it.
Image draw_loss_plot(const std::vector<Metrics>& history);

}  // namespace glm_image::train

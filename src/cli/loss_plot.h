#pragma once

#include "train/run/run_folder.h"

namespace glm_image::cli {

/// Plots the metrics of a run over its steps to loss.png in its folder, if there are at least two
/// lines of them. Each metric has a panel with a smoothed curve and its last value. Throws kOutput
/// if the file cannot be written.
void write_loss_plot(const train::RunFolder& folder);

}  // namespace glm_image::cli

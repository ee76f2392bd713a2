#pragma once

#include <cstdint>
#include <string>

#include "train/run/training_loop.h"

namespace glm_image::cli {

/// "step 20 of 1000  loss 0.1234  2.0 samples/s  12:30 left"; `batch`: samples a step.
std::string training_progress_text(const train::LoopProgress& progress, int64_t batch);

}  // namespace glm_image::cli

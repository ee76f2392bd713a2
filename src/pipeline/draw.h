#pragma once

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"

namespace glm_image::pipeline {

/// The texts that a picture of this request must spell: those that the prompt quotes, then those
/// given beside it.
std::vector<std::string> texts_to_spell(const Request& request);

/// A request from beginning to end, one stage after the other: each reads its weights and lets them
/// go before the next.
Result draw(const Checkpoint& checkpoint, const Request& request, RunMonitor& monitor);

}  // namespace glm_image::pipeline

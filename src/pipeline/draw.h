#pragma once

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"

namespace glm_image::pipeline {

/// Everything that can be wrong with a request, found before anything is computed; its fields come
/// back resolved (request_check).
Request check_request(const Checkpoint& checkpoint, const Request& request);

/// A request from beginning to end, one stage after the other: each reads its weights and, unless
/// they stay in memory, lets them go before the next.
Result draw(const Checkpoint& checkpoint,
            const Request& request,
            RunMonitor& monitor,
            const PreviewCallback& preview = {});

}  // namespace glm_image::pipeline

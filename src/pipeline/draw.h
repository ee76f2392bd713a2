#pragma once

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"

namespace glm_image::pipeline {

/// Checks everything about a request before any computation. Returns it resolved (request_check).
/// Throws kUnsupported for a request with `verify` if no verifier can read its texts.
Request check_request(const Checkpoint& checkpoint,
                      const Request& request,
                      const TextVerifier* verifier = nullptr);

class RankGroup;

/// Runs all stages of a request, one after the other. Each stage reads its weights and releases
/// them at its end unless they stay in memory. With `ranks`, this is one of several ranks that draw
/// the request together; only the leader's result has pictures. Modules of `loaded` are used in
/// place of those of the checkpoint. Throws as Pipeline::generate does.
Result draw(const Checkpoint& checkpoint,
            const Request& request,
            RunMonitor& monitor,
            const PreviewCallback& preview = {},
            TextVerifier* verifier = nullptr,
            RankGroup* ranks = nullptr,
            const LoadedModules* loaded = nullptr);

}  // namespace glm_image::pipeline

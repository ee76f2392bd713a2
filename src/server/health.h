#pragma once

#include "glm_image/pipeline.h"
#include "io/json_text.h"
#include "server/job_queue.h"

namespace glm_image::server {

struct ServerOptions;

/// The body of GET /health: the state of the queue, and the defaults and limits of requests.
io::OrderedJson health_json(const ModelInfo& model,
                            const ServerOptions& options,
                            const JobQueue::Load& load,
                            bool closed);

}  // namespace glm_image::server

#pragma once

#include "glm_image/pipeline.h"
#include "pipeline/checkpoint.h"

/// Predicts the memory of a request and decides how each stage loads its weights.
namespace glm_image::pipeline {

struct RequestPlan {
  MemoryPlan memory;
  LoadPlan compose, encode, spell, paint, decode;
  /// Whether every stage has room for all components.
  bool all_stay = true;
};

/// Plans a request that resolve_request returned. A stage that does not run is not in the plan.
/// `loaded`: modules that the caller has loaded. Their bytes count, and they are not loaded again.
/// `shard`: the share of the generator's weights that is held, of which rank 0 alone reads
/// condition pictures.
RequestPlan plan_request(const Checkpoint& checkpoint,
                         const Request& request,
                         const LoadedModules* loaded = nullptr,
                         const models::GeneratorShard& shard = {});

/// Throws kInvalidInput naming the first stage that needs more memory than is allowed, what it
/// needs and what is allowed.
void require_memory(const MemoryPlan& plan, const Request& request);

/// How the vision encoder and the codebook are loaded alone, to read pictures of at most this size.
LoadPlan plan_reading(const Checkpoint& checkpoint, const text::Grid& picture);

}  // namespace glm_image::pipeline

#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/checkpoint.h"
#include "text/grid.h"

/// The memory that each stage needs beside its weights.
namespace glm_image::pipeline {

/// Bytes that the program and its libraries take before a model runs.
inline constexpr int64_t kProgramBytes = int64_t{256} << 20;

/// The numbers of a request on which its memory depends.
struct Workload {
  text::Grid picture;            ///< that is painted: of a draft, the preview grid
  int64_t prompt_tokens = 0;     ///< with the tokens of condition pictures
  int64_t generated_tokens = 0;  ///< of one picture; 0 if the generator does not run
  int64_t pictures = 1;
  std::vector<text::Grid> conditions;
  int64_t spelled_tokens = 0;  ///< of all texts
  int64_t longest_text = 0;    ///< in tokens
  bool step_cache = false;
  bool previews = false;
  std::vector<AdapterUse> adapters;
};

/// Measures a request that resolve_request returned. A short prompt counts as one of usual length.
Workload workload_of(const Checkpoint& checkpoint, const Request& request);

/// Bytes by stage: upper bounds of what tensors, caches and kernels' workspaces take at the same
/// time, on the CPU. 0 for a stage that does not run.
struct WorkingMemory {
  int64_t read = 0;  ///< condition pictures, by the vision encoder; part of compose
  int64_t compose = 0;
  int64_t encode = 0;
  int64_t spell = 0;
  int64_t paint = 0;
  int64_t decode = 0;
};
WorkingMemory working_memory(const Checkpoint& checkpoint, const Workload& work);

}  // namespace glm_image::pipeline

#pragma once

#include "cli/commands.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

void add_max_memory_option(CLI::App& command, std::optional<std::string>& max_memory);
/// The bytes that --max-memory names; 0 without it. Throws kInvalidInput.
int64_t parse_max_memory(const std::optional<std::string>& text);

/// The options as PipelineOptions, without the model's folder (locate_model).
PipelineOptions pipeline_options(const ModelOptions& options);

/// Loads the model that the options name and prints its warnings to standard error. Throws Error.
Pipeline load_pipeline(const ModelOptions& options);
/// The same with options that were changed since pipeline_options.
Pipeline load_pipeline(const ModelOptions& options, const PipelineOptions& pipeline_options);

}  // namespace glm_image::cli

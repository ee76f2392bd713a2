#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "glm_image/request.h"

namespace glm_image::cli {

/// How a picture is denoised, as written on the command line.
struct DenoisingOptions {
  std::optional<int64_t> steps;
  std::optional<double> guidance, step_cache;
  std::optional<int64_t> guidance_every;
  std::optional<std::string> speed, solver, guidance_interval;
};

void add_denoising_options(CLI::App& command, DenoisingOptions& options);

/// Sets what the options name. A speed also takes back what the request had of its parts. Throws
/// kInvalidInput naming the option.
void apply(const DenoisingOptions& options, Request& request);

}  // namespace glm_image::cli

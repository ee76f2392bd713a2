#include "cli/denoising_options.h"

#include <locale>
#include <sstream>

#include "cli/whole_number.h"
#include "core/error.h"
#include "glm_image/limits.h"
#include "pipeline/speed.h"

namespace glm_image::cli {
namespace {

/// "0:0.6"
GuidanceInterval parse_interval(const std::string& text) {
  std::istringstream in(text);
  in.imbue(std::locale::classic());
  GuidanceInterval interval;
  char colon = 0;
  if (in >> interval.begin >> colon >> interval.end && colon == ':' && in.peek() == EOF) {
    return interval;
  }
  fail(ErrorCode::kInvalidInput,
       "--guidance-interval must be two numbers A:B, like 0:0.6; found '",
       text,
       "'");
}

}  // namespace

void add_denoising_options(CLI::App& command, DenoisingOptions& options) {
  command.add_option("--steps", options.steps, "Denoising steps (default: the model's own)")
      ->transform(whole_number<int64_t>(1, limits::kMaxSteps))
      ->type_name("N");
  command
      .add_option("--guidance",
                  options.guidance,
                  "How closely to follow the prompt; 1 is fastest (default: the model's own)")
      ->type_name("X");
  command
      .add_option("--speed",
                  options.speed,
                  "exact, balanced or fast: presets of steps and the next four (default: exact)")
      ->check(CLI::IsMember(pipeline::speed_names()))
      ->type_name("S");
  command.add_option("--solver", options.solver, "euler or multistep, which needs fewer steps")
      ->check(CLI::IsMember(pipeline::solver_names()))
      ->type_name("S");
  command
      .add_option("--guidance-interval",
                  options.guidance_interval,
                  "Guide only this part of the steps, from 0 to 1, e.g. 0:0.6")
      ->type_name("A:B");
  command
      .add_option("--guidance-every",
                  options.guidance_every,
                  "Compute guidance anew in every Nth step and reuse it in between; 1 is exact")
      ->transform(whole_number<int64_t>(1, limits::kMaxSteps))
      ->type_name("N");
  command
      .add_option("--step-cache",
                  options.step_cache,
                  "Reuse block outputs while they change by less than X (0: off, 0.1: moderate)")
      ->type_name("X");
}

void apply(const DenoisingOptions& options, Request& request) {
  if (options.speed) {
    request.speed = pipeline::speed_named(*options.speed);
    request.steps.reset();
    request.solver.reset();
    request.guided.reset();
    request.guidance_every.reset();
    request.step_cache.reset();
  }
  if (options.steps) request.steps = options.steps;
  if (options.guidance) request.guidance = options.guidance;
  if (options.solver) request.solver = pipeline::solver_named(*options.solver);
  if (options.guidance_interval) request.guided = parse_interval(*options.guidance_interval);
  if (options.guidance_every) request.guidance_every = options.guidance_every;
  if (options.step_cache) request.step_cache = options.step_cache;
}

}  // namespace glm_image::cli

#include <memory>

#include "cli/plan_run.h"
#include "cli/whole_number.h"
#include "glm_image/limits.h"

namespace glm_image::cli {

void add_plan_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("plan", "Predict how long several machines will draw, and in which way");
  const auto options = std::make_shared<PlanOptions>();
  command->add_option("--world", options->world, "Machines, with this one")
      ->transform(whole_number<int64_t>(1, 1024))
      ->capture_default_str()
      ->type_name("N");
  add_network_options(*command, options->network);
  command->add_option("--count", options->count, "Pictures to draw")
      ->transform(whole_number<int64_t>(1, limits::kMaxCount))
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--size", options->size, "Pixels, multiples of 32 (default: the model's own)")
      ->type_name("WxH");
  add_denoising_options(*command, options->denoising);
  add_model_options(*command, options->model);
  command->add_flag("--json", options->json, "Print JSON");
  command->footer(
      "The prediction takes the rates that this machine has learned from the pictures it has "
      "drawn\n"
      "with the model, and assumes that all machines are as fast. With --cluster, the same "
      "numbers\n"
      "decide which way is taken.\n\n"
      "Examples:\n"
      "  glm-image plan --world 4 --bandwidth 1Gbit --latency 0.5ms\n"
      "  glm-image plan --world 20 --count 20 --size 1024x1024 --model models/glm-image-q4");
  command->callback([options] { run_plan(*options); });
}

}  // namespace glm_image::cli

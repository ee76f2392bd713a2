#include <memory>

#include "cli/info_run.h"
#include "cli/whole_number.h"
#include "glm_image/limits.h"

namespace glm_image::cli {

void add_info_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("info", "Show the parts of a model and the memory that it takes");
  const auto options = std::make_shared<InfoOptions>();
  add_model_options(*command, options->model);
  command
      ->add_option("--size", options->size, "Plan the memory for this size (default: the model's)")
      ->type_name("WxH");
  command->add_option("--images", options->images, "Plan an edit of N pictures of this size")
      ->transform(whole_number<int64_t>(0, limits::kMaxConditionImages))
      ->type_name("N");
  command->add_flag("--json", options->json, "Print JSON");
  command->footer(
      "Examples:\n"
      "  glm-image info --model models/glm-image\n"
      "  glm-image info --model models/glm-image-q4 --max-memory 8GB --size 1024x1024 --images 1");
  command->callback([options] { run_info(*options); });
}

}  // namespace glm_image::cli

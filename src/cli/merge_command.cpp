#include <memory>

#include "cli/merge_run.h"
#include "glm_image/limits.h"

namespace glm_image::cli {

void add_merge_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("merge", "Write a copy of a model with adapters folded into its weights");
  const auto options = std::make_shared<MergeOptions>();
  command->add_option("--model", options->model, "Folder of the checkpoint (else $GLM_IMAGE_MODEL)")
      ->type_name("DIR");
  add_lora_option(*command, options->loras);
  command->get_option("--lora")->required();
  command->add_option("-o,--output", options->output, "The folder to write")
      ->required()
      ->type_name("DIR");
  command->add_option("--threads", options->threads, "CPU threads (0: one per core)")
      ->check(CLI::Range(0, limits::kMaxThreads))
      ->capture_default_str();
  command->add_flag("--quiet,-q", options->quiet, "No progress");
  command->footer(
      "A merged copy draws as the model with --lora does, within rounding, and a little faster.\n"
      "Quantise after merging.\n\n"
      "Examples:\n"
      "  glm-image merge --model models/glm-image --lora style.safetensors -o models/style\n"
      "  glm-image merge --lora style.safetensors:0.8 --lora symbol.safetensors -o models/both");
  command->callback([options] { run_merge(*options); });
}

}  // namespace glm_image::cli

#include <memory>

#include "cli/export_run.h"

namespace glm_image::cli {

void add_export_command(CLI::App& app) {
  auto* command = app.add_subcommand("export", "Write a trained model in the published layout");
  const auto options = std::make_shared<ExportOptions>();
  command->add_option("--run", options->runs, "The folder that holds the runs of all stages")
      ->required();
  command->add_option(
      "--base", options->base, "A model that gives the parts of stages without a run");
  command->add_option("-o,--output", options->output, "The model's folder")->required();
  command->footer(
      "A model that is in the folder is replaced once the new one is whole.\n\n"
      "Examples:\n"
      "  glm-image export --run runs/nano -o models/nano\n"
      "  glm-image export --run runs/adapt --base models/nano -o models/mine");
  command->callback([options] { run_export(*options); });
}

}  // namespace glm_image::cli

#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "train/export.h"

namespace glm_image::cli {

void add_export_command(CLI::App& app) {
  struct ExportOptions {
    std::string runs, output;
  };
  auto* command = app.add_subcommand("export", "Write a trained model in the published layout");
  const auto options = std::make_shared<ExportOptions>();
  command->add_option("--run", options->runs, "The folder that holds the runs of all stages")
      ->required();
  command->add_option("-o,--output", options->output, "The model's folder")->required();
  command->footer(
      "A model that is in the folder is replaced once the new one is whole.\n\n"
      "Example:\n"
      "  glm-image export --run runs/nano -o models/nano\n"
      "  glm-image info --model models/nano");
  command->callback([options] {
    train::export_checkpoint(options->runs, options->output);
    std::cout << options->output << '\n';
  });
}

}  // namespace glm_image::cli

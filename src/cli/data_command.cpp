#include <memory>

#include "cli/data_run.h"
#include "cli/training_options.h"

namespace glm_image::cli {

void add_data_command(CLI::App& app) {
  auto* command = app.add_subcommand("data", "Check pictures and captions to train on");
  command->require_subcommand(1);
  auto* check = command->add_subcommand(
      "check", "List which pictures of a folder will be used, and why others will not");
  const auto options = std::make_shared<DataCheckOptions>();
  check->add_option("folder", options->folder, "Folder of pictures with captions")
      ->required()
      ->type_name("FOLDER");
  check
      ->add_option("--model",
                   options->model,
                   "Model to train, to find captions that are too long (else $GLM_IMAGE_MODEL)")
      ->type_name("DIR");
  add_picture_options(*check, options->size, options->trigger);
  check->add_option("-o,--output", options->sheet, "The contact sheet to write")
      ->capture_default_str()
      ->type_name("FILE.png");
  check->footer(
      "Captions: name.txt beside each PNG, JPEG or WebP file, or metadata.jsonl or metadata.csv\n"
      "with file_name, text and, for editing, reference. docs/fine-tuning.md has the details.\n\n"
      "Example:\n"
      "  glm-image data check photos --size 512 --trigger zorblax -o photos-sheet.png");
  check->callback([options] { run_data_check(*options); });
}

}  // namespace glm_image::cli

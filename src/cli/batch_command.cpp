#include <iostream>
#include <memory>

#include "cli/batch_run.h"
#include "cli/whole_number.h"

namespace glm_image::cli {

void add_batch_command(CLI::App& app) {
  auto* command = app.add_subcommand("batch", "Draw all requests of a file, one a line");
  const auto options = std::make_shared<BatchOptions>();
  command->add_option("FILE", options->file, "Requests as JSON, one a line; - is standard input")
      ->required()
      ->type_name("");
  command->add_option("-o,--output", options->folder, "Folder for the pictures")
      ->required()
      ->type_name("DIR");
  command->add_option("--format", options->format, "png, jpg or webp")
      ->check(CLI::IsMember({"png", "jpg", "webp"}))
      ->capture_default_str()
      ->type_name("F");
  command->add_option("--quality", options->quality, "Quality of a JPEG or WebP, 1 to 100")
      ->transform(whole_number(1, 100))
      ->capture_default_str()
      ->type_name("N");
  command->add_flag("--check", options->only_check, "Check all lines and draw nothing");
  command->add_flag_callback(
      "--no-metadata",
      [options] { options->metadata = false; },
      "Do not store prompt and settings in the pictures (they stay marked as generated)");
  add_lora_option(*command, options->loras);
  command
      ->add_option("--lora-dir",
                   options->loras.folder,
                   "Folder of adapters that lines may apply by their names")
      ->type_name("DIR");
  add_model_options(*command, options->model);
  command->add_flag("--json", options->json, "Print the summary as JSON");
  command->add_flag("--quiet,-q", options->quiet, "No progress and no warnings");
  command->footer(
      "A line is a JSON object with the fields of a picture's parameters: prompt (required), "
      "texts,\n"
      "glyph_rules, width, height, steps, guidance, seed, solver, guidance_interval,\n"
      "guidance_every, step_cache, temperature, top_p, composition, reference_pixels; and\n"
      "references (paths of pictures to start from, relative to FILE), count, size "
      "(\"1024x768\"),\n"
      "speed, verify (true), best_of, name (begins the names of its pictures) and loras, like\n"
      "[{\"name\": \"style\", \"scale\": 0.8}] (adapters of --lora-dir; without it, those of "
      "--lora).\n"
      "All lines are checked before the first is drawn. A line that is wrong or fails does not "
      "stop\n"
      "the others; the exit code is then 1. Run the command again to draw what is missing: lines\n"
      "whose pictures exist are skipped, failed ones are tried again.\n\n"
      "Examples:\n"
      "  glm-image batch posters.jsonl -o posters\n"
      "  echo '{\"prompt\": \"A blue poster with a cow and the title \\\"MILK\\\"\", \"count\": "
      "4}' \\\n"
      "    | glm-image batch - -o milk --format webp");
  command->callback([options] { run_batch(*options); });
}

}  // namespace glm_image::cli

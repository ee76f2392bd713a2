#include <memory>

#include "cli/evaluate_run.h"
#include "cli/shipped_files.h"
#include "cli/whole_number.h"
#include "core/error.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

}  // namespace

fs::path locate_data(const std::string& given) {
  constexpr const char* kMark = "posters/colours.json";
  if (!given.empty()) return given;
  if (fs::exists(fs::path("data") / kMark)) return "data";
  auto shipped = find_shipped("data", kMark);
  if (!shipped.empty()) return shipped;
  fail(ErrorCode::kNotFound,
       "the folder data of this project, with posters/ and suites/ in it, was not found: name it "
       "with --data");
}

fs::path suite_file(const std::string& suite, const fs::path& data) {
  if (suite.find('/') != std::string::npos || fs::path(suite).extension() == ".json") return suite;
  return data / "suites" / (suite + ".json");
}

void add_evaluate_command(CLI::App& app) {
  auto* command = app.add_subcommand("evaluate", "Score a model's pictures of a suite of prompts");
  const auto options = std::make_shared<EvaluateOptions>();
  add_model_options(*command, options->model);
  command->add_option("--suite", options->suite, "A suite of the data folder, or its file")
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--data", options->data, "Folder with posters/ and suites/")
      ->type_name("DIR");
  command->add_option("--tier", options->tier, "Only this tier")
      ->transform(whole_number<int64_t>(1, 3))
      ->type_name("N");
  command->add_option("--count", options->count, "Prompts of each tier (else all)")
      ->transform(whole_number<int64_t>(1))
      ->type_name("N");
  add_denoising_options(*command, options->denoising);
  add_lora_option(*command, options->loras);
  command
      ->add_option("--seed",
                   options->drawing.request.seed,
                   "Seed of the first prompt; each later prompt has the next seed")
      ->transform(whole_number<uint64_t>(0))
      ->capture_default_str()
      ->type_name("S");
  command->add_option("-o,--output", options->output, "Folder of pictures, report and sheets")
      ->capture_default_str()
      ->type_name("DIR");
  auto* pictures =
      command->add_option("--pictures", options->pictures, "Score ID.png of this folder instead")
          ->type_name("DIR");
  command
      ->add_flag("--truth",
                 options->truth,
                 "Score the ground truth alone: the most that the scorer can find")
      ->excludes(pictures);
  command
      ->add_flag("--true-tokens",
                 options->true_tokens,
                 "Paint the ground truth's visual tokens, not the generator's")
      ->excludes(pictures)
      ->excludes("--truth");
  command->footer(
      "An evaluation that was stopped continues when the same command is given again: pictures "
      "that\n"
      "exist are not drawn again. docs/evaluation.md explains the scores.\n\n"
      "Examples:\n"
      "  glm-image evaluate --model models/nano --count 20 -o out/evaluation\n"
      "  glm-image evaluate --model models/nano --suite edits -o out/edits\n"
      "  glm-image evaluate --model models/nano --lora symbol.safetensors -o out/symbol");
  command->callback([options] { run_evaluate(*options); });
}

}  // namespace glm_image::cli

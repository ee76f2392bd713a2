#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/model_options.h"
#include "cli/shipped_files.h"
#include "cli/status_line.h"
#include "cli/whole_number.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "evaluate/drawn_pictures.h"
#include "evaluate/evaluation.h"
#include "glm_image/limits.h"
#include "posters/random_stream.h"
#include "posters/renderer.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

struct EvaluateOptions {
  ModelOptions model;
  std::string suite = "posters";
  std::string data;
  evaluate::DrawingSettings drawing;
  std::optional<int64_t> count;
  std::optional<int> tier;
  std::string output = "evaluation";
  std::string pictures;
  bool truth = false;
  bool true_tokens = false;
};

/// The project's data: --data, ./data, or what comes with the program.
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

/// A name is a file in data/suites; what has a slash or ends in .json is a file.
fs::path suite_file(const std::string& suite, const fs::path& data) {
  if (suite.find('/') != std::string::npos || fs::path(suite).extension() == ".json") return suite;
  return data / "suites" / (suite + ".json");
}

std::string progress_text(int64_t done, int64_t total, double seconds_each) {
  char text[160];
  std::snprintf(text,
                sizeof text,
                "picture %ld of %ld  %.2f s each  %s left",
                static_cast<long>(done),
                static_cast<long>(total),
                seconds_each,
                clock_text(seconds_each * static_cast<double>(total - done)).c_str());
  return text;
}

/// All stages stay in memory where they fit: hundreds of pictures follow one another.
Pipeline load_model(const ModelOptions& options) {
  auto pipeline = pipeline_options(options);
  pipeline.residency = Residency::kAuto;
  return load_pipeline(options, pipeline);
}

void run(const EvaluateOptions& options) {
  const auto data = locate_data(options.data);
  const auto suite = posters::Suite::load(suite_file(options.suite, data));
  const auto posters = posters::PosterSource::load(data / "posters");
  std::optional<Pipeline> model;
  std::optional<evaluate::DrawnPictures> drawn;
  evaluate::PictureSource pictures;
  io::Json source = {{"truth", true}};
  if (!options.pictures.empty()) {
    source = {{"folder", options.pictures}};
    pictures = evaluate::pictures_in(options.pictures);
  } else if (!options.truth) {
    model.emplace(load_model(options.model));
    auto drawing = options.drawing;
    if (options.true_tokens) {
      const auto renderer = std::make_shared<posters::Renderer>(posters);
      drawing.tokens_from = [renderer](const posters::SuitePrompt& prompt) {
        return renderer->render(prompt.scene, prompt.width, prompt.height);
      };
    }
    // Another suite of this name has other prompts under the same numbers.
    const auto state = posters::stable_hash(suite.to_json().dump());
    drawn.emplace(*model, concat(suite.name, ", state ", state), drawing, options.output);
    source = drawn->description();
    pictures = [&](const posters::SuitePrompt& prompt, std::size_t number) {
      return drawn->picture(prompt, number, [](const Progress&) { return interrupted_by() == 0; });
    };
  }

  StatusLine status;
  const auto began = ProgressDisplay::Clock::now();
  evaluate::EvaluationCallbacks callbacks;
  callbacks.progress = [&](int64_t done, int64_t total) {
    const std::chrono::duration<double> passed = ProgressDisplay::Clock::now() - began;
    status.show(progress_text(done, total, passed.count() / static_cast<double>(done)),
                done == total);
  };
  callbacks.should_stop = [] { return interrupted_by() != 0; };
  const auto scored = evaluate::evaluate(
      suite, posters, pictures, {options.tier, options.count, options.output}, callbacks);
  const auto report = fs::path(options.output) / "report.json";
  write_file_atomically(report, evaluate::report_json(suite.name, source, scored).dump(1) + "\n");
  std::cout << evaluate::report_table(scored) << report.string() << '\n';
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  auto* command = app.add_subcommand("evaluate", "Score a model's pictures of a suite of prompts");
  const auto options = std::make_shared<EvaluateOptions>();
  add_model_options(*command, options->model);
  command->add_option("--suite", options->suite, "A suite of the data folder, or its file")
      ->capture_default_str()
      ->type_name("NAME");
  command->add_option("--data", options->data, "Folder with posters/ and suites/")
      ->type_name("DIR");
  command->add_option("--tier", options->tier, "Only this one")
      ->transform(whole_number<int64_t>(1, 3))
      ->type_name("N");
  command->add_option("--count", options->count, "Prompts of each tier (else all)")
      ->transform(whole_number<int64_t>(1))
      ->type_name("N");
  command
      ->add_option("--steps", options->drawing.steps, "Denoising steps (default: the model's own)")
      ->transform(whole_number<int64_t>(1, limits::kMaxSteps))
      ->type_name("N");
  command
      ->add_option("--guidance",
                   options->drawing.guidance,
                   "Classifier-free guidance (default: the model's own)")
      ->check(CLI::Range(limits::kMinGuidance, limits::kMaxGuidance))
      ->type_name("X");
  command->add_option("--seed", options->drawing.seed, "Of the first prompt; the next ones follow")
      ->transform(whole_number<uint64_t>(0))
      ->capture_default_str()
      ->type_name("S");
  command->add_option("-o,--output", options->output, "Folder of pictures, report and sheets")
      ->capture_default_str()
      ->type_name("DIR");
  auto* pictures =
      command->add_option("--pictures", options->pictures, "Score ID.png of this folder instead")
          ->type_name("DIR");
  command->add_flag("--truth", options->truth, "Score the ground truth alone: the readers' ceiling")
      ->excludes(pictures);
  command
      ->add_flag("--true-tokens",
                 options->true_tokens,
                 "Paint the ground truth's visual tokens, not the generator's")
      ->excludes(pictures)
      ->excludes("--truth");
  command->footer(
      "An evaluation that was stopped goes on when the same command is given again: pictures that\n"
      "are there are not drawn again. docs/evaluation.md tells what is measured.\n\n"
      "Example:\n"
      "  glm-image evaluate --model models/nano --count 20 -o out/evaluation");
  command->callback([options] { run(*options); });
}

}  // namespace glm_image::cli

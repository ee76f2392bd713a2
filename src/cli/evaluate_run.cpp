#include "cli/evaluate_run.h"

#include <cstdio>
#include <iostream>
#include <memory>

#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/status_line.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/random_stream.h"
#include "evaluate/edit_evaluation.h"
#include "nano/posters/renderer.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

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

/// Keeps all stages that fit in memory, because hundreds of pictures follow one another.
Pipeline load_model(const EvaluateOptions& options) {
  auto pipeline = pipeline_options(options.model);
  pipeline.residency = Residency::kAuto;
  pipeline.adapters = given_adapters(options.loras);
  return load_pipeline(options.model, pipeline);
}

/// Where the pictures of a suite come from.
struct SuitePictures {
  std::optional<Pipeline> model;
  std::optional<evaluate::DrawnPictures> drawn;
  evaluate::PictureSource source;  ///< empty for the ground truth
  io::Json description = {{"truth", true}};
};

/// Opens the folder, or loads the model that draws. `suite` names the suite and its content:
/// another suite of this name has other prompts under the same numbers.
void open_pictures(const EvaluateOptions& options,
                   const std::string& suite,
                   evaluate::DrawingSettings drawing,
                   SuitePictures& pictures) {
  if (!options.pictures.empty()) {
    pictures.description = {{"folder", options.pictures}};
    pictures.source = evaluate::pictures_in(options.pictures);
    return;
  }
  if (options.truth) return;
  pictures.model.emplace(load_model(options));
  apply(options.denoising, drawing.request);
  pictures.drawn.emplace(*pictures.model, suite, drawing, options.output);
  pictures.description = pictures.drawn->description();
  pictures.source = [&drawn = *pictures.drawn](const posters::SuitePrompt& prompt,
                                               std::size_t number) {
    return drawn.picture(prompt, number, [](const Progress&) { return interrupted_by() == 0; });
  };
}

std::string suite_state(const std::string& name, const io::Json& content) {
  return concat(name, ", state ", stable_hash(content.dump()));
}

evaluate::EvaluationCallbacks callbacks_of(StatusLine& status) {
  evaluate::EvaluationCallbacks callbacks;
  const auto began = ProgressDisplay::Clock::now();
  callbacks.progress = [&status, began](int64_t done, int64_t total) {
    const std::chrono::duration<double> passed = ProgressDisplay::Clock::now() - began;
    status.show(progress_text(done, total, passed.count() / static_cast<double>(done)),
                done == total);
  };
  callbacks.should_stop = [] { return interrupted_by() != 0; };
  return callbacks;
}

void write_report(const EvaluateOptions& options, const io::Json& json, const std::string& table) {
  const auto report = fs::path(options.output) / "report.json";
  write_file_atomically(report, json.dump(1) + "\n");
  std::cout << table << report.string() << '\n';
}

void evaluate_edits(const EvaluateOptions& options,
                    const posters::EditSuite& suite,
                    const posters::PosterSource& posters) {
  if (options.tier || options.true_tokens) {
    fail(ErrorCode::kInvalidInput,
         options.tier ? "--tier" : "--true-tokens",
         ": the suite ",
         suite.name,
         " is of edits; this option is for suites of posters");
  }
  auto drawing = options.drawing;
  const auto renderer = std::make_shared<posters::Renderer>(posters);
  drawing.references = [renderer, &suite](std::size_t number) {
    const auto& prompt = suite.prompts[number];
    std::vector<Image> references;
    for (const auto& scene : prompt.edit.references) {
      references.push_back(renderer->render(scene, prompt.width, prompt.height));
    }
    return references;
  };
  SuitePictures pictures;
  open_pictures(options, suite_state(suite.name, suite.to_json()), drawing, pictures);
  StatusLine status;
  const auto scored = evaluate::evaluate_edits(suite,
                                               posters,
                                               pictures.source,
                                               {std::nullopt, options.count, options.output},
                                               callbacks_of(status));
  write_report(options,
               evaluate::edit_report_json(suite.name, pictures.description, scored),
               evaluate::edit_report_table(scored));
}

}  // namespace

void run_evaluate(const EvaluateOptions& options) {
  const auto data = locate_data(options.data);
  const auto file = suite_file(options.suite, data);
  if (posters::EditSuite::is_one(file)) {
    const auto suite = posters::EditSuite::load(file);
    evaluate_edits(options, suite, posters::PosterSource::load(data / "posters"));
    return;
  }
  const auto suite = posters::Suite::load(file);
  const auto posters = posters::PosterSource::load(data / "posters");
  auto drawing = options.drawing;
  if (options.true_tokens) {
    const auto renderer = std::make_shared<posters::Renderer>(posters);
    drawing.tokens_from = [renderer](const posters::SuitePrompt& prompt) {
      return renderer->render(prompt.scene, prompt.width, prompt.height);
    };
  }
  SuitePictures pictures;
  open_pictures(options, suite_state(suite.name, suite.to_json()), drawing, pictures);
  StatusLine status;
  const auto scored = evaluate::evaluate(suite,
                                         posters,
                                         pictures.source,
                                         {options.tier, options.count, options.output},
                                         callbacks_of(status));
  write_report(options,
               evaluate::report_json(suite.name, pictures.description, scored),
               evaluate::report_table(scored));
}

}  // namespace glm_image::cli

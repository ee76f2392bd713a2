#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/draw_options.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/progress_display.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "image/codec.h"
#include "io/json_text.h"
#include "pipeline/json_exchange.h"
#include "pipeline/recipe.h"

namespace glm_image::cli {
namespace {

/// Refuses what could only fail after the drawing: hours may lie between.
void check_outputs(const DrawOptions& options, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const auto picture = numbered_path(options.output, i, count);
    check_writable(picture);
    if (options.save_tokens.empty()) continue;
    const auto tokens = numbered_path(options.save_tokens, i, count);
    if (tokens == picture) {
      fail(ErrorCode::kInvalidInput, tokens, ": is named for the picture and for its tokens");
    }
    check_writable(tokens);
  }
}

Result run(Pipeline& pipeline, const Request& request, bool quiet) {
  std::optional<ProgressDisplay> display;
  if (!quiet) display.emplace(std::cerr, ::isatty(STDERR_FILENO) != 0);
  return pipeline.generate(request, [&](const Progress& progress) {
    if (display) display->show(progress);
    return interrupted_by() == 0;
  });
}

nlohmann::ordered_json report(const DrawOptions& options,
                              const Request& request,
                              const std::vector<Warning>& warnings,
                              const Result& result,
                              const ModelInfo& model,
                              const std::vector<std::string>& files) {
  auto pictures = nlohmann::ordered_json::array();
  for (size_t i = 0; i < files.size(); ++i) {
    const auto& picture = result.pictures[i];
    pictures.push_back({{"file", files[i]},
                        {"seed", picture.seed},
                        {"width", picture.image.width},
                        {"height", picture.image.height}});
    if (!options.save_tokens.empty()) {
      pictures.back()["tokens_file"] = numbered_path(
          options.save_tokens, static_cast<int64_t>(i), static_cast<int64_t>(files.size()));
    }
  }
  auto stages = nlohmann::ordered_json::array();
  for (const auto& stage : result.stages) {
    stages.push_back({{"stage", stage_name(stage.stage)},
                      {"seconds", stage.seconds},
                      {"peak_memory_bytes", stage.peak_memory_bytes}});
  }
  auto messages = nlohmann::ordered_json::array();
  for (const auto& warning : warnings) messages.push_back(warning.message);
  return {{"pictures", pictures},
          {"prompt", request.prompt},
          {"spelled_texts", result.spelled_texts},
          {"steps", *request.steps},
          {"guidance", *request.guidance},
          {"warnings", messages},
          {"model", model.directory.string()},
          {"device", model.device},
          {"dtype", model.dtype},
          {"version", version()},
          {"stages", stages}};
}

}  // namespace

void draw_pictures(const DrawOptions& options) {
  image::format_from_path(options.output);
  auto request = make_request(options);
  check_outputs(options, request.count);
  auto pipeline = load_pipeline(options.model);
  request = pipeline.check(request);
  const auto warnings = pipeline.warnings(request);
  if (!options.quiet) {
    for (const auto& warning : warnings) std::cerr << "warning: " << warning.message << '\n';
  }
  const auto result = run(pipeline, request, options.quiet);

  // A recipe names how many there were; the pictures themselves would be copied into each.
  const auto condition_images = static_cast<int64_t>(request.condition_images.size());
  request.condition_images.clear();
  std::vector<std::string> files;
  const auto count = static_cast<int64_t>(result.pictures.size());
  for (int64_t i = 0; i < count; ++i) {
    const auto& picture = result.pictures[i];
    image::EncodeOptions encode;
    encode.quality = options.quality;
    encode.text = pipeline::recipe_texts(
        pipeline::recipe_of(request, condition_images, picture, pipeline.info()));
    files.push_back(numbered_path(options.output, i, count));
    image::write_image(files.back(), picture.image, encode);
    if (!options.save_tokens.empty()) {
      pipeline::save_composition(numbered_path(options.save_tokens, i, count), picture.composition);
    }
  }
  if (options.json) {
    std::cout << io::json_text(report(options, request, warnings, result, pipeline.info(), files),
                               2)
              << '\n';
  } else {
    for (const auto& file : files) std::cout << file << '\n';
  }
}

}  // namespace glm_image::cli

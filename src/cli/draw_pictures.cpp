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
#include "pipeline/json_exchange.h"

namespace glm_image::cli {
namespace {

/// Refuses what could only fail after the drawing: hours may lie between.
void check_outputs(const DrawOptions& options) {
  image::format_from_path(options.output);
  check_writable(options.output);
  if (!options.save_tokens.empty()) check_writable(options.save_tokens);
}

Result run(Pipeline& pipeline, const Request& request, bool quiet) {
  std::optional<ProgressDisplay> display;
  if (!quiet) display.emplace(std::cerr, ::isatty(STDERR_FILENO) != 0);
  return pipeline.generate(request, [&](const Progress& progress) {
    if (display) display->show(progress);
    return interrupted_by() == 0;
  });
}

/// How one picture of a request is made again: its own seed, and no others beside it.
pipeline::Recipe recipe_of(const Request& request, const Picture& picture, const ModelInfo& model) {
  pipeline::Recipe recipe;
  recipe.request = request;
  recipe.request.seed = picture.seed;
  recipe.request.width = picture.image.width;
  recipe.request.height = picture.image.height;
  recipe.condition_images = static_cast<int64_t>(request.condition_images.size());
  recipe.model = std::filesystem::weakly_canonical(model.directory).filename().string();
  recipe.version = version();
  return recipe;
}

nlohmann::ordered_json report(const DrawOptions& options,
                              const Request& request,
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
  return {{"pictures", pictures},
          {"prompt", request.prompt},
          {"spelled_texts", result.spelled_texts},
          {"steps", request.steps},
          {"guidance", request.guidance},
          {"model", model.directory.string()},
          {"device", model.device},
          {"dtype", model.dtype},
          {"version", version()},
          {"stages", stages}};
}

}  // namespace

void draw_pictures(const DrawOptions& options) {
  check_outputs(options);
  const auto request = make_request(options);
  auto pipeline = load_pipeline(options.model);
  const auto result = run(pipeline, request, options.quiet);

  std::vector<std::string> files;
  const auto count = static_cast<int64_t>(result.pictures.size());
  for (int64_t i = 0; i < count; ++i) {
    const auto& picture = result.pictures[i];
    const auto recipe = recipe_of(request, picture, pipeline.info());
    image::EncodeOptions encode;
    encode.quality = options.quality;
    encode.text = {{pipeline::kParametersKey, pipeline::recipe_line(recipe)},
                   {pipeline::kRecipeKey, pipeline::recipe_json(recipe)}};
    files.push_back(numbered_path(options.output, i, count));
    image::write_image(files.back(), picture.image, encode);
    if (!options.save_tokens.empty()) {
      pipeline::save_composition(numbered_path(options.save_tokens, i, count), picture.composition);
    }
  }
  if (options.json) {
    std::cout << report(options, request, result, pipeline.info(), files)
                     .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
              << '\n';
  } else {
    for (const auto& file : files) std::cout << file << '\n';
  }
}

}  // namespace glm_image::cli

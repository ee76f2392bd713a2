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
#include "image/resize.h"
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

/// Says which size was chosen where the options leave it open and the first picture's does not do.
void tell_size(const DrawOptions& options, const Request& asked, const Request& checked) {
  if (asked.width != 0 || asked.composition || asked.condition_images.empty()) return;
  const auto& first = asked.condition_images.front();
  if (first.width == checked.width && first.height == checked.height) return;
  std::cerr << "drawing " << checked.width << 'x' << checked.height
            << " pixels: " << options.images.front() << " has " << first.width << 'x'
            << first.height << '\n';
}

Result run(Pipeline& pipeline, const Request& request, bool quiet) {
  std::optional<ProgressDisplay> display;
  if (!quiet) display.emplace(std::cerr, ::isatty(STDERR_FILENO) != 0);
  return pipeline.generate(request, [&](const Progress& progress) {
    if (display) display->show(progress);
    return interrupted_by() == 0;
  });
}

/// A picture as its file shows it.
Image file_image(const DrawJob& job, const Image& drawn) {
  if (job.file_width == 0) return drawn;
  return image::resize_lanczos(drawn, job.file_width, job.file_height);
}

nlohmann::ordered_json report(const DrawOptions& options,
                              const DrawJob& job,
                              const std::vector<std::string>& warnings,
                              const Result& result,
                              const ModelInfo& model,
                              const std::vector<std::string>& files) {
  const auto& request = job.request;
  auto pictures = nlohmann::ordered_json::array();
  for (size_t i = 0; i < files.size(); ++i) {
    const auto& picture = result.pictures[i];
    pictures.push_back({{"file", files[i]},
                        {"seed", picture.seed},
                        {"width", job.file_width != 0 ? job.file_width : picture.image.width},
                        {"height", job.file_height != 0 ? job.file_height : picture.image.height}});
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
          {"steps", *request.steps},
          {"guidance", *request.guidance},
          {"warnings", warnings},
          {"model", model.directory.string()},
          {"device", model.device},
          {"dtype", model.dtype},
          {"version", version()},
          {"stages", stages}};
}

}  // namespace

void draw_pictures(const DrawOptions& options) {
  image::format_from_path(options.output);
  auto job = make_job(options);
  auto& request = job.request;
  check_outputs(options, request.count);
  if (!options.quiet) {
    for (const auto& warning : job.warnings) std::cerr << "warning: " << warning << '\n';
  }
  auto pipeline = load_pipeline(options.model);
  auto checked = pipeline.check(request);
  if (!options.quiet) tell_size(options, request, checked);
  request = std::move(checked);
  auto warnings = job.warnings;
  for (const auto& warning : pipeline.warnings(request)) {
    if (!options.quiet) std::cerr << "warning: " << warning.message << '\n';
    warnings.push_back(warning.message);
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
    auto recipe = pipeline::recipe_of(request, condition_images, picture, pipeline.info());
    recipe.file_width = job.file_width;
    recipe.file_height = job.file_height;
    encode.text = pipeline::recipe_texts(recipe);
    files.push_back(numbered_path(options.output, i, count));
    image::write_image(files.back(), file_image(job, picture.image), encode);
    if (!options.save_tokens.empty()) {
      pipeline::save_composition(numbered_path(options.save_tokens, i, count), picture.composition);
    }
  }
  if (options.json) {
    std::cout << io::json_text(report(options, job, warnings, result, pipeline.info(), files), 2)
              << '\n';
  } else {
    for (const auto& file : files) std::cout << file << '\n';
  }
}

}  // namespace glm_image::cli

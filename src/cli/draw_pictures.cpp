#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/cluster_run.h"
#include "cli/draw_options.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/output_names.h"
#include "cli/picture_errors.h"
#include "cli/progress_display.h"
#include "cli/terminal_picture.h"
#include "cli/terminal_protocol.h"
#include "cli/text_report.h"
#include "cli/translation.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "image/codec.h"
#include "image/contact_sheet.h"
#include "image/numerals.h"
#include "image/resize.h"
#include "io/json_text.h"
#include "io/shown.h"
#include "pipeline/json_exchange.h"
#include "pipeline/learned_rates.h"
#include "pipeline/picture_metadata.h"
#include "pipeline/request_values.h"
#include "pipeline/shorter_edit.h"
#include "pipeline/text_checks.h"
#include "pipeline/token_file.h"
#include "reading/text_verifier.h"
#if GLM_IMAGE_HAVE_SERVER
#include "rewrite/prompt_rewrite.h"
#endif

namespace glm_image::cli {
namespace {

void print_warning(const std::string& warning) {
  std::cerr << tr("warning: %1", {io::printable(translated(warning))}) << '\n';
}

/// Returns the names of the files; prints a notice if the default name exists.
OutputNames outputs_of(const DrawOptions& options, int64_t count) {
  auto names = name_outputs(options, count);
  const auto first = options.draft || count == 1 ? "picture.png" : "picture-1.png";
  if (!options.output && names.pictures.front() != first && !options.quiet) {
    std::cerr << tr("%1 exists: writing %2", {first, names.pictures.front()}) << '\n';
  }
  return names;
}

/// Prints the chosen size if the options leave it open and it is not that of the first picture.
void tell_size(const DrawOptions& options, const Request& asked, const Request& checked) {
  if (asked.width != 0 || asked.composition || asked.condition_images.empty()) return;
  const auto& first = asked.condition_images.front();
  if (first.width == checked.width && first.height == checked.height) return;
  std::cerr << tr("drawing %1 pixels: %2 has %3",
                  {concat(checked.width, 'x', checked.height),
                   options.images.front(),
                   concat(first.width, 'x', first.height)})
            << '\n';
}

/// Prints which option makes a long edit shorter.
void tell_shorter_edit(const Pipeline& pipeline, Request& request, const DrawOptions& options) {
  if (request.condition_images.empty()) return;
  const pipeline::LearnedRates rates(pipeline.info(), pipeline_options(options.model).threads);
  auto images = std::move(request.condition_images);  // not to be copied
  request.condition_images.clear();
  const auto shorter = pipeline::shorter_edit(request, pipeline.info(), rates.estimate());
  request.condition_images = std::move(images);
  if (!shorter) return;
  const auto pixels = std::to_string(shorter->reference_pixels);
  std::cerr << (shorter->seconds
                    ? tr("this takes about %1; with --reference-pixels %2, which shows the model "
                         "fewer details, about %3",
                         {clock_text(*shorter->seconds),
                          pixels,
                          clock_text(shorter->seconds_if_asked.value_or(0))})
                    : tr("reading large pictures takes long on a CPU; --reference-pixels %1 is "
                         "faster and shows the model fewer details",
                         {pixels}))
            << '\n';
}

/// Previews of a picture that a terminal shows.
constexpr int64_t kTerminalPreviews = 3;

/// Shows previews in the terminal that standard error is; nothing if it shows no pictures.
PreviewCallback terminal_previews(const DrawOptions& options) {
  if (!options.terminal_preview || options.draft) return {};
  const auto protocol = terminal_protocol();
  if (protocol == PictureProtocol::kNone) return {};
  return [protocol](const Preview& preview) {
    // Replaces the bar, which is drawn again below.
    std::cerr << "\r\x1b[K" << terminal_picture(preview.image, protocol) << std::endl;
  };
}

/// `cluster`: null to draw on this machine alone.
Result run(Pipeline& pipeline, Request request, const DrawOptions& options, ClusterRun* cluster) {
  const auto preview = terminal_previews(options);
  if (preview) request.previews = kTerminalPreviews;
  pipeline::LearnedRates rates(pipeline.info(), pipeline_options(options.model).threads);
  pipeline::TimeLeft time_left(rates.estimate(), request);
  std::optional<ProgressDisplay> display;
  if (!options.quiet) {
    display.emplace(std::cerr, ::isatty(STDERR_FILENO) != 0);
    display->set_time_left([&](const Progress& progress, double stage_seconds) {
      return time_left.seconds(progress, stage_seconds);
    });
  }
  const auto progressed = [&](const Progress& progress) {
    if (display) display->show(progress);
    return interrupted_by() == 0;
  };
  if (cluster != nullptr) return cluster->draw(pipeline, request, progressed, preview);
  auto result = pipeline.generate(request, progressed, preview);
  rates.learn(request, result);
  return result;
}

/// A picture as its file shows it.
Image file_image(const DrawJob& job, const Image& drawn) {
  if (job.file_width == 0) return drawn;
  return image::resize_lanczos(drawn, job.file_width, job.file_height);
}

/// All drafts on one sheet, each with its number.
Image draft_sheet(const Result& result) {
  constexpr int64_t kInRow = 4;
  std::vector<std::vector<Image>> rows;
  for (size_t i = 0; i < result.pictures.size(); ++i) {
    if (i % kInRow == 0) rows.emplace_back();
    rows.back().push_back(result.pictures[i].image);
    image::write_number(rows.back().back(), static_cast<int64_t>(i) + 1);
  }
  return image::contact_sheet(rows);
}

/// Prints which texts each picture shows.
void tell_texts(const DrawJob& job, const Result& result, const OutputNames& names) {
  for (size_t i = 0; i < result.pictures.size(); ++i) {
    const auto checks =
        pipeline::checks_in_file(result.pictures[i], job.file_width, job.file_height);
    if (checks.empty()) {
      std::cerr << tr("%1: the prompt quotes no text to verify", {names.pictures[i]}) << '\n';
      continue;
    }
    print_checks(names.pictures[i], checks);
  }
}

/// A request that the pipeline has checked, and the prompt if it was rewritten.
struct CheckedRequest {
  Request request;
  std::optional<std::string> revised_prompt;
  std::vector<Warning> warnings;
};

CheckedRequest checked_request(const Pipeline& pipeline,
                               const Request& request,
                               const DrawOptions& options) {
  CheckedRequest checked;
#if GLM_IMAGE_HAVE_SERVER
  if (!options.rewrite.empty()) {
    auto rewritten = rewrite::rewrite_request(
        rewrite::parse_chat_address(options.rewrite),
        request,
        [&](const Request& asked) { return pipeline.check(asked); },
        [] { return interrupted_by() == 0; });
    checked.request = std::move(rewritten.request);
    checked.revised_prompt = std::move(rewritten.revised_prompt);
    checked.warnings = std::move(rewritten.warnings);
    if (checked.revised_prompt && !options.quiet) {
      std::cerr << tr("rewritten prompt: %1", {*checked.revised_prompt}) << '\n';
    }
  }
#endif
  if (options.rewrite.empty()) checked.request = pipeline.check(request);
  for (auto& warning : pipeline.warnings(checked.request)) {
    checked.warnings.push_back(std::move(warning));
  }
  return checked;
}

nlohmann::ordered_json report(const DrawJob& job,
                              const std::string& prompt,
                              const std::vector<std::string>& warnings,
                              const Result& result,
                              const ModelInfo& model,
                              const OutputNames& names) {
  const auto& request = job.request;
  auto pictures = nlohmann::ordered_json::array();
  for (size_t i = 0; i < names.pictures.size(); ++i) {
    const auto& picture = result.pictures[i];
    pictures.push_back({{"file", names.pictures[i]},
                        {"seed", picture.seed},
                        {"width", job.file_width != 0 ? job.file_width : picture.image.width},
                        {"height", job.file_height != 0 ? job.file_height : picture.image.height}});
    if (!names.tokens.empty()) pictures.back()["tokens_file"] = names.tokens[i];
    if (pipeline::wants_verification(request)) {
      pictures.back()["verification"] =
          pipeline::to_json(pipeline::checks_in_file(picture, job.file_width, job.file_height));
    }
  }
  auto stages = nlohmann::ordered_json::array();
  for (const auto& stage : result.stages) {
    stages.push_back({{"stage", stage_name(stage.stage)},
                      {"seconds", stage.seconds},
                      {"peak_memory_bytes", stage.peak_memory_bytes}});
  }
  nlohmann::ordered_json json = {
      {"pictures", pictures},
      {"prompt", prompt},
      {"spelled_texts", result.spelled_texts},
      {"steps", *request.steps},
      {"guidance", *request.guidance},
      {"solver", solver_name(*request.solver)},
      {"guidance_interval", {request.guided->begin, request.guided->end}},
      {"guidance_every", *request.guidance_every},
      {"step_cache", *request.step_cache},
      {"loras", pipeline::to_json(*request.adapters)},
      {"warnings", warnings},
      {"model", model.directory.string()},
      {"device", model.device},
      {"dtype", model.dtype},
      {"vae_dtype", model.vae_dtype},
      {"version", version()},
      {"stages", stages}};
  if (prompt != request.prompt) json["revised_prompt"] = request.prompt;
  if (request.best_of > 1) {
    json["best_of"] = request.best_of;
    json["candidates"] = result.candidates;
  }
  return json;
}

}  // namespace

void draw_pictures(const DrawOptions& options) {
  if (options.output) image::format_from_path(*options.output);
  auto job = make_job(options);
  auto& request = job.request;
  auto names = outputs_of(options, request.count);
  check_outputs(names);
  if (!options.quiet) {
    for (const auto& warning : job.warnings) print_warning(warning);
  }
  auto loading = pipeline_options(options.model);
  loading.adapters = job.adapters;
  loading.verifier = reading::make_text_verifier();
  auto pipeline = load_pipeline(options.model, loading);
  CheckedRequest checked;
  try {
    checked = checked_request(pipeline, request, options);
  } catch (const Error& error) {
    throw with_picture_file(error, options.images);
  }
  if (!options.quiet) tell_size(options, request, checked.request);
  const auto prompt = checked.revised_prompt ? request.prompt : checked.request.prompt;
  request = std::move(checked.request);
  if (!options.quiet) tell_shorter_edit(pipeline, request, options);
  auto warnings = job.warnings;
  const auto warn = [&](const std::string& message) {
    if (!options.quiet) print_warning(message);
    warnings.push_back(message);
  };
  if (const auto other = pipeline::other_model(job.drawn_by, pipeline.info())) warn(*other);
  for (const auto& warning : checked.warnings) warn(warning.message);
  const auto cluster = ClusterRun::start(
      options.cluster, pipeline, pipeline_options(options.model).threads, options.quiet);
  if (cluster) cluster->wait_for_all();
  const auto result = run(pipeline, request, options, cluster.get());
  for (const auto& warning : pipeline::text_warnings(result)) warnings.push_back(warning.message);

  // Another process may have taken the default name in the meantime.
  if (!options.output && name_outputs(options, request.count).pictures != names.pictures) {
    names = outputs_of(options, request.count);
  }
  // A recipe names how many there were; the pictures themselves would be copied into each.
  const auto condition_images = static_cast<int64_t>(request.condition_images.size());
  request.condition_images.clear();
  const auto format = image::format_from_path(names.pictures.front());
  image::EncodeOptions encode;
  encode.quality = options.quality;
  pipeline::add_source_mark(/*is_edit=*/condition_images > 0, encode);
  std::string file;  // the encoded picture, or the sheet of all drafts
  if (options.draft) file = image::encode_image(draft_sheet(result), format, encode);
  for (size_t i = 0; i < result.pictures.size(); ++i) {
    const auto& picture = result.pictures[i];
    auto recipe = pipeline::recipe_of(request, condition_images, picture, pipeline.info());
    recipe.file_width = job.file_width;
    recipe.file_height = job.file_height;
    if (!options.draft) {
      if (options.metadata) pipeline::add_parameters(recipe, encode);
      file = image::encode_image(file_image(job, picture.image), format, encode);
    }
    // The tokens first: they name the picture, so that a picture of an earlier run beside them is
    // noticed.
    if (!names.tokens.empty()) {
      pipeline::save_tokens(names.tokens[i],
                            picture.composition,
                            recipe,
                            pipeline::picture_file(names.pictures[i], file));
    }
    if (!options.draft) write_file_atomically(names.pictures[i], file);
  }
  if (options.draft) write_file_atomically(names.pictures.front(), file);
  if (options.json) {
    std::cout << io::json_text(report(job, prompt, warnings, result, pipeline.info(), names), 2)
              << '\n';
  } else if (options.draft) {
    std::cout << names.pictures.front() << '\n';
    for (const auto& tokens : names.tokens) std::cout << tokens << '\n';
    if (!options.quiet) {
      std::cerr
          << tr("finish the draft that you choose: glm-image generate --tokens %1 -o picture.png",
                {names.tokens.front()})
          << '\n';
    }
  } else {
    for (const auto& name : names.pictures) std::cout << name << '\n';
  }
  if (options.quiet || !pipeline::wants_verification(request)) return;
  if (!options.json) tell_texts(job, result, names);
  if (request.best_of > 1) warn_of_candidates(result);
}

}  // namespace glm_image::cli

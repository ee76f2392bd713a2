#include "evaluate/drawn_pictures.h"

#include "core/atomic_file.h"
#include "core/atomic_folder.h"
#include "image/codec.h"
#include "io/json_text.h"

namespace glm_image::evaluate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescriptionFile = "pictures.json";

/// Whether a file in a model's folder is about the model: its card, a contact sheet.
bool is_about_the_model(const fs::path& file) {
  return file.extension() == ".md" || file.extension() == ".png";
}

/// Identifies the model's files by size and time: a training run may export to the same folder
/// again.
std::string state_of_files(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  fs::file_time_type newest = fs::file_time_type::min();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || is_about_the_model(entry.path())) continue;
    bytes += entry.file_size();
    newest = std::max(newest, entry.last_write_time());
  }
  return concat(bytes, " bytes, ", newest.time_since_epoch().count());
}

std::string state_of_file(const fs::path& file) {
  return concat(
      fs::file_size(file), " bytes, ", fs::last_write_time(file).time_since_epoch().count());
}

io::Json describe(const ModelInfo& model,
                  const std::string& suite,
                  const DrawingSettings& settings) {
  const auto& request = settings.request;
  io::Json description = {
      {"suite", suite},
      {"model", fs::weakly_canonical(model.directory).string()},
      {"model_files", state_of_files(model.directory)},
      {"dtype", model.dtype},
      {"guidance", request.guidance.value_or(model.profile.guidance)},
      {"seed", request.seed},
      {"tokens", settings.tokens_from ? "of the ground truth" : "of the generator"}};
  const auto speed = request.speed.value_or(Speed::kExact);
  // A preset decides the steps where none are given.
  if (request.steps || speed == Speed::kExact) {
    description["steps"] = request.steps.value_or(model.profile.steps);
  }
  if (speed != Speed::kExact) description["speed"] = speed_name(speed);
  if (request.solver) description["solver"] = solver_name(*request.solver);
  if (request.guided) {
    description["guidance_interval"] = {request.guided->begin, request.guided->end};
  }
  if (request.guidance_every) description["guidance_every"] = *request.guidance_every;
  if (request.step_cache) description["step_cache"] = *request.step_cache;
  if (request.best_of > 1) description["best_of"] = request.best_of;
  for (const auto& adapter : model.adapters) {
    if (!adapter.default_scale) continue;
    description["loras"].push_back({{"name", adapter.name},
                                    {"scale", *adapter.default_scale},
                                    {"state", state_of_file(adapter.path)}});
  }
  return description;
}

void check_description(const fs::path& file, const io::Json& description) {
  const auto earlier = io::read_json_file(file);
  auto wanted = description;
  for (const auto& [key, value] : earlier.items()) wanted.emplace(key, io::Json());
  for (const auto& [key, value] : wanted.items()) {
    const auto found = earlier.is_object() ? earlier.value(key, io::Json()) : io::Json();
    if (found == value) continue;
    fail(ErrorCode::kInvalidInput,
         file.string(),
         ": the pictures in this folder were drawn with ",
         key,
         " ",
         found.dump(),
         ", not ",
         value.dump(),
         ": name another folder with -o, or remove this one");
  }
}

}  // namespace

DrawnPictures::DrawnPictures(Pipeline& pipeline,
                             const std::string& suite,
                             const DrawingSettings& settings,
                             fs::path folder)
    : pipeline_(pipeline),
      settings_(settings),
      folder_(std::move(folder)),
      description_(describe(pipeline.info(), suite, settings)) {
  create_folder(folder_);
  const auto file = folder_ / kDescriptionFile;
  if (fs::exists(file)) {
    check_description(file, description_);
  } else {
    write_file_atomically(file, io::json_text(description_, 2) + "\n");
  }
}

Image DrawnPictures::picture(const posters::SuitePrompt& prompt,
                             std::size_t number,
                             const ProgressCallback& progress) const {
  const auto file = folder_ / (prompt.id + ".png");
  if (fs::exists(file)) return image::read_image(file);
  auto request = settings_.request;
  request.prompt = prompt.caption.text;
  request.width = prompt.width;
  request.height = prompt.height;
  request.seed += number;
  if (settings_.tokens_from) {
    request.composition.emplace();
    request.composition->picture = pipeline_.tokens_of(settings_.tokens_from(prompt));
  }
  if (settings_.references) request.condition_images = settings_.references(number);
  auto result = pipeline_.generate(request, progress);
  image::write_image(file, result.pictures.front().image);
  return std::move(result.pictures.front().image);
}

}  // namespace glm_image::evaluate

#include "evaluate/drawn_pictures.h"

#include "core/atomic_file.h"
#include "image/codec.h"
#include "io/json_text.h"

namespace glm_image::evaluate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescriptionFile = "pictures.json";

/// Changes when a file of the model is written anew or has another size: one folder may hold the
/// next export of a run tomorrow.
std::string state_of_files(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  fs::file_time_type newest = fs::file_time_type::min();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    bytes += entry.file_size();
    newest = std::max(newest, entry.last_write_time());
  }
  return concat(bytes, " bytes, ", newest.time_since_epoch().count());
}

io::Json describe(const ModelInfo& model,
                  const std::string& suite,
                  const DrawingSettings& settings) {
  return {{"suite", suite},
          {"model", fs::weakly_canonical(model.directory).string()},
          {"model_files", state_of_files(model.directory)},
          {"dtype", model.dtype},
          {"steps", settings.steps.value_or(model.profile.steps)},
          {"guidance", settings.guidance.value_or(model.profile.guidance)},
          {"seed", settings.seed},
          {"tokens", settings.tokens_from ? "of the ground truth" : "of the generator"}};
}

void check_description(const fs::path& file, const io::Json& description) {
  const auto earlier = io::read_json_file(file);
  for (const auto& [key, value] : description.items()) {
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
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) {
    fail(ErrorCode::kOutput, folder_.string(), ": cannot be created: ", error.message());
  }
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
  Request request;
  request.prompt = prompt.caption.text;
  request.width = prompt.width;
  request.height = prompt.height;
  request.steps = settings_.steps;
  request.guidance = settings_.guidance;
  request.seed = settings_.seed + number;
  if (settings_.tokens_from) {
    request.composition.emplace();
    request.composition->picture = pipeline_.tokens_of(settings_.tokens_from(prompt));
  }
  auto result = pipeline_.generate(request, progress);
  image::write_image(file, result.pictures.front().image);
  return std::move(result.pictures.front().image);
}

}  // namespace glm_image::evaluate

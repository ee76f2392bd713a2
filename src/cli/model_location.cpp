#include "cli/model_location.h"

#include <cstdlib>

#include "core/error.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kShippedModel = "models/nano";
constexpr const char* kInstalledModels = "share/glm_image/models/nano";

/// Installed beside the program (bin/ → share/), or in the source tree it was built in.
fs::path shipped_model() {
  std::error_code error;
  auto folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  constexpr int kLevels = 5;
  for (int level = 0; level < kLevels && folder.has_relative_path(); ++level) {
    for (const char* place : {kInstalledModels, kShippedModel}) {
      if (fs::exists(folder / place / "model_index.json", error)) return folder / place;
    }
    folder = folder.parent_path();
  }
  return {};
}

}  // namespace

fs::path locate_model(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* variable = std::getenv("GLM_IMAGE_MODEL");
      variable != nullptr && *variable != 0) {
    return variable;
  }
  auto shipped = shipped_model();
  if (!shipped.empty()) return shipped;
  fail(ErrorCode::kNotFound,
       "no model was given and none ships with this program: put the files of a GLM-Image "
       "checkpoint "
       "into a folder and name it with --model DIR or in the variable GLM_IMAGE_MODEL");
}

}  // namespace glm_image::cli

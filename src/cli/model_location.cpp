#include "cli/model_location.h"

#include <cstdlib>

#include "cli/shipped_files.h"
#include "core/error.h"
#include "pipeline/model_folder.h"

namespace glm_image::cli {
std::filesystem::path locate_model(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* variable = std::getenv("GLM_IMAGE_MODEL");
      variable != nullptr && *variable != 0) {
    return variable;
  }
  auto shipped = find_shipped("models/nano", "model_index.json");
  if (!shipped.empty()) return shipped;
  fail(ErrorCode::kNotFound,
       "no model was given and none ships with this program: put the files of a GLM-Image "
       "checkpoint "
       "into a folder and name it with --model DIR or in the variable GLM_IMAGE_MODEL");
}

void check_model_folder(const std::string& given) {
  pipeline::checkpoint_folder(locate_model(given));
}

}  // namespace glm_image::cli

#pragma once

#include <filesystem>
#include <string>

namespace glm_image::cli {

/// The folder of the model to use: `given` (--model), else $GLM_IMAGE_MODEL, else the model that
/// ships with the program. Throws kNotFound saying where to put one.
std::filesystem::path locate_model(const std::string& given);

/// Throws kNotFound if there is no such folder (locate_model, pipeline::checkpoint_folder).
void check_model_folder(const std::string& given);

}  // namespace glm_image::cli

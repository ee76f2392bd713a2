#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/safetensors.h"

namespace glm_image::train {

/// Opens a safetensors file that a training run wrote. Throws as io::SafetensorsFile::open; the
/// error about a damaged file is its path and `advice`, because such a file cannot be downloaded
/// again.
std::shared_ptr<const io::SafetensorsFile> open_training_file(const std::filesystem::path& path,
                                                              const std::string& advice);

}  // namespace glm_image::train

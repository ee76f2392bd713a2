#include "train/weights/training_file.h"

#include "core/error.h"

namespace glm_image::train {

std::shared_ptr<const io::SafetensorsFile> open_training_file(const std::filesystem::path& path,
                                                              const std::string& advice) {
  try {
    return io::SafetensorsFile::open(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptFile) throw;
    fail(ErrorCode::kCorruptFile, path.string(), advice);
  }
}

}  // namespace glm_image::train

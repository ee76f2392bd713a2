#include "cli/shipped_files.h"

namespace glm_image::cli {

namespace fs = std::filesystem;

fs::path find_shipped(const fs::path& folder, const fs::path& mark) {
  std::error_code error;
  auto parent = fs::read_symlink("/proc/self/exe", error).parent_path();
  constexpr int kLevels = 6;
  for (int level = 0; level < kLevels && parent.has_relative_path(); ++level) {
    for (const auto& place : {parent / "share" / "glm_image" / folder, parent / folder}) {
      if (fs::exists(place / mark, error)) return place;
    }
    parent = parent.parent_path();
  }
  return {};
}

}  // namespace glm_image::cli

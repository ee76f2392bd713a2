#include "io/json_cache.h"

#include <cstdlib>

#include "core/atomic_file.h"
#include "core/error.h"
#include "io/json_text.h"

namespace glm_image::io {

namespace fs = std::filesystem;

fs::path cache_file(const std::string& name) {
  const auto variable = [](const char* variable_name) {
    const char* const value = std::getenv(variable_name);
    return fs::path(value == nullptr ? "" : value);
  };
  auto cache = variable("XDG_CACHE_HOME");
  if (!cache.is_absolute()) cache = variable("HOME") / ".cache";
  return cache.is_absolute() ? cache / "glm-image" / name : fs::path();
}

Json read_cache(const fs::path& file) {
  std::error_code error;
  if (file.empty() || !fs::exists(file, error)) return Json::object();
  try {
    auto stored = read_json_file(file);
    return stored.is_object() ? stored : Json::object();
  } catch (const Error&) {
    return Json::object();
  }
}

void write_cache(const fs::path& file, const Json& json) {
  if (file.empty()) return;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  try {
    write_file_atomically(file, json_text(json, 1) + "\n");
  } catch (const Error&) {
    // The next run computes the values again.
  }
}

}  // namespace glm_image::io

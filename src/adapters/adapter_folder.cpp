#include "adapters/adapter_folder.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::adapters {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtension = ".safetensors";
constexpr const char* kPeftFile = "adapter_model.safetensors";
constexpr const char* kDiffusersFile = "pytorch_lora_weights.safetensors";

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// The safetensors file of a PEFT or diffusers folder; empty if it has none.
fs::path file_in(const fs::path& folder) {
  for (const char* name : {kPeftFile, kDiffusersFile}) {
    if (is_file(folder / name)) return folder / name;
  }
  return {};
}

}  // namespace

fs::path adapter_weights(const fs::path& path) {
  if (!is_folder(path)) return path;
  auto file = file_in(path);
  if (!file.empty()) return file;
  fail(ErrorCode::kNotFound,
       path.string(),
       ": holds no adapter (",
       kPeftFile,
       " or ",
       kDiffusersFile,
       ")");
}

bool has_fixed_name(const fs::path& file) {
  return file.filename() == kPeftFile || file.filename() == kDiffusersFile;
}

std::string adapter_name(const fs::path& path) {
  auto whole = fs::absolute(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const auto file = whole.filename();
  // The trainers' fixed names say nothing.
  if (has_fixed_name(file)) return whole.parent_path().filename().string();
  return file.extension() == kExtension ? file.stem().string() : file.string();
}

std::vector<fs::path> adapters_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    const auto& path = item.path();
    if (path.filename().string().front() == '.') continue;
    const bool is_adapter =
        is_folder(path) ? !file_in(path).empty() : is_file(path) && path.extension() == kExtension;
    if (is_adapter) found.push_back(path);
  }
  if (error) {
    fail(ErrorCode::kNotFound, folder.string(), ": cannot be read: ", error.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace glm_image::adapters

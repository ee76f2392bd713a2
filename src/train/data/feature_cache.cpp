#include "train/data/feature_cache.h"

#include <algorithm>

#include "core/atomic_file.h"
#include "core/atomic_folder.h"
#include "core/output_error.h"
#include "io/safetensors.h"

namespace glm_image::train {

FeatureCache::FeatureCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

void FeatureCache::require_writable() const {
  try {
    create_folder(folder_);
    check_writable(file_of("new"));
  } catch (const OutputFailure&) {
    throw;
  } catch (const Error& error) {
    fail(error.code(), error.what(), "; name another folder for latents and tokens with --cache");
  }
}

std::filesystem::path FeatureCache::file_of(const std::string& key) const {
  return folder_ / (key + ".safetensors");
}

bool FeatureCache::has(const std::string& key, const std::vector<std::string>& names) const {
  std::error_code error;
  if (!std::filesystem::exists(file_of(key), error)) return false;
  try {
    const auto file = io::SafetensorsFile::open(file_of(key));
    const auto& tensors = file->header().tensors;
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return tensors.count(name) != 0;
    });
  } catch (const Error&) {
    return false;
  }
}

std::map<std::string, Tensor> FeatureCache::read(const std::string& key,
                                                 const std::vector<std::string>& names) const {
  try {
    const auto file = io::SafetensorsFile::open(file_of(key));
    std::map<std::string, Tensor> tensors;
    for (const auto& name : names) tensors[name] = file->tensor(name);
    return tensors;
  } catch (const Error&) {
    // The reader's error would advise downloading the file again.
    fail(ErrorCode::kCorruptFile,
         file_of(key).string(),
         ": was removed or damaged during the run; the same command computes it again");
  }
}

void FeatureCache::write(const std::string& key,
                         const std::map<std::string, Tensor>& tensors) const {
  std::vector<std::pair<std::string, Tensor>> list;
  list.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) list.emplace_back(name, tensor.cpu().contiguous());
  io::write_safetensors(file_of(key), list, {});
}

}  // namespace glm_image::train

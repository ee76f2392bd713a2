#include "io/sharded_weights.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/output_error.h"

namespace glm_image::io {
namespace {

namespace fs = std::filesystem;

/// "model-00002-of-00005.safetensors", or "model.safetensors" for a single file.
std::string file_name(const std::string& stem, std::size_t index, std::size_t count) {
  if (count == 1) return stem + ".safetensors";
  char numbers[32];
  std::snprintf(numbers, sizeof numbers, "-%05zu-of-%05zu", index + 1, count);
  return stem + numbers + ".safetensors";
}

}  // namespace

uint64_t WeightFile::bytes() const {
  uint64_t bytes = 0;
  for (const auto& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

std::vector<WeightFile> plan_files(const std::string& stem,
                                   const std::vector<std::vector<TensorDescription>>& groups,
                                   uint64_t shard_bytes) {
  std::vector<WeightFile> files;
  uint64_t bytes = 0;
  for (const auto& group : groups) {
    const uint64_t more = WeightFile{"", group}.bytes();
    if (files.empty() || bytes + more > shard_bytes) {
      files.emplace_back();
      bytes = 0;
    }
    bytes += more;
    auto& tensors = files.back().tensors;
    tensors.insert(tensors.end(), group.begin(), group.end());
  }
  for (std::size_t i = 0; i < files.size(); ++i) files[i].name = file_name(stem, i, files.size());
  return files;
}

void write_index(const fs::path& folder,
                 const std::string& stem,
                 const std::vector<WeightFile>& files) {
  if (files.size() < 2) return;
  uint64_t bytes = 0;
  nlohmann::json map = nlohmann::json::object();
  for (const auto& file : files) {
    bytes += file.bytes();
    for (const auto& tensor : file.tensors) map[tensor.name] = file.name;
  }
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", bytes}}}, {"weight_map", map}};
  write_file_atomically(folder / (stem + ".safetensors.index.json"), index.dump(2) + "\n");
}

void check_room(const fs::path& output, uint64_t bytes) {
  auto existing = fs::absolute(output);
  std::error_code error;
  while (!fs::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  const auto space = fs::space(existing, error);
  if (!error && space.available < bytes) {
    fail_output(ENOSPC,
                output.string(),
                ": its disk has ",
                space.available,
                " bytes free; the weights take ",
                bytes);
  }
}

}  // namespace glm_image::io

#include "io/weight_set.h"

#include <algorithm>
#include <set>
#include <vector>

#include "core/error.h"
#include "io/json_file.h"
#include "io/shown.h"

namespace glm_image::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexSuffix = ".safetensors.index.json";
constexpr std::string_view kFileSuffix = ".safetensors";

bool ends_with(const std::string& text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

std::vector<fs::path> files_ending_with(const fs::path& folder, std::string_view suffix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    if (ends_with(item.path().filename().string(), suffix)) found.push_back(item.path());
  }
  if (error) {
    fail(ErrorCode::kNotFound, folder.string(), ": cannot be listed: ", error.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// tensor name → shard file name, from an index file.
std::map<std::string, std::string> read_index(const fs::path& path) {
  const auto json = read_json_file(path);
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (map == json.end() || !map->is_object()) {
    fail(ErrorCode::kCorruptFile, path.string(), ": has no weight_map object");
  }
  std::map<std::string, std::string> index;
  for (const auto& [tensor, shard] : map->items()) {
    // A bare file name: an index must not lead the reader out of its folder.
    if (!shard.is_string() || shard.get<std::string>().empty() ||
        fs::path(shard.get<std::string>()).filename() != shard.get<std::string>()) {
      fail(ErrorCode::kCorruptFile,
           path.string(),
           ": weight_map names the shard ",
           shown(&shard),
           " for ",
           shown_name(tensor),
           "; expected a file name in the same folder");
    }
    index[tensor] = shard.get<std::string>();
  }
  return index;
}

}  // namespace

WeightSet WeightSet::open(const fs::path& folder) {
  WeightSet set;
  set.folder_ = folder;
  const auto indices = files_ending_with(folder, kIndexSuffix);
  const auto files = files_ending_with(folder, kFileSuffix);
  if (indices.size() > 1 || (indices.empty() && files.size() > 1)) {
    fail(ErrorCode::kCorruptFile,
         folder.string(),
         ": holds several weight files and no single index that says which are meant");
  }
  if (indices.empty()) {
    if (files.empty()) {
      fail(ErrorCode::kNotFound, folder.string(), ": holds no *.safetensors weights");
    }
    const auto file = SafetensorsFile::open(files.front());
    for (const auto& [name, entry] : file->header().tensors) set.tensors_[name] = {file, &entry};
    set.require_tensors();
    return set;
  }

  const auto index = read_index(indices.front());
  std::map<std::string, std::shared_ptr<const SafetensorsFile>> shards;
  for (const auto& [tensor, shard] : index) {
    if (shards.count(shard) == 0) shards[shard] = SafetensorsFile::open(folder / shard);
    const auto& file = shards[shard];
    const auto found = file->header().tensors.find(tensor);
    if (found == file->header().tensors.end()) {
      fail(ErrorCode::kCorruptFile,
           file->file().path().string(),
           ": lacks the tensor ",
           shown_name(tensor),
           " that ",
           indices.front().filename().string(),
           " places there");
    }
    set.tensors_[tensor] = {file, &found->second};
  }
  for (const auto& [shard, file] : shards) {
    for (const auto& [tensor, entry] : file->header().tensors) {
      const auto placed = index.find(tensor);
      if (placed == index.end() || placed->second != shard) {
        fail(ErrorCode::kCorruptFile,
             file->file().path().string(),
             ": holds the tensor ",
             shown_name(tensor),
             " that ",
             indices.front().filename().string(),
             placed == index.end() ? " does not name" : " places in another shard");
      }
    }
  }
  set.require_tensors();
  return set;
}

void WeightSet::require_tensors() const {
  if (tensors_.empty()) {
    fail(ErrorCode::kCorruptFile, folder_.string(), ": its weights hold no tensor");
  }
}

const WeightSet::Location* WeightSet::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::string WeightSet::source_of(const std::string& name) const {
  const auto* location = find(name);
  return location == nullptr ? folder_.string() : location->file->file().path().string();
}

uint64_t WeightSet::total_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [name, location] : tensors_)
    bytes += location.entry->end - location.entry->begin;
  return bytes;
}

int64_t WeightSet::total_elements() const {
  int64_t elements = 0;
  for (const auto& [name, location] : tensors_) {
    const auto& entry = *location.entry;
    elements += static_cast<int64_t>((entry.end - entry.begin) / element_size(entry.type));
  }
  return elements;
}

}  // namespace glm_image::io

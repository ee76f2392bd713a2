#include "io/weight_set.h"

#include <algorithm>
#include <regex>
#include <vector>

#include "core/error.h"
#include "core/suffix.h"
#include "io/json_file.h"
#include "io/shown.h"

namespace glm_image::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexSuffix = ".safetensors.index.json";
/// Of diffusers' index of a variant: "diffusion_pytorch_model.safetensors.index.fp16.json".
constexpr std::string_view kIndexPart = ".safetensors.index.";
constexpr std::string_view kJsonSuffix = ".json";
constexpr std::string_view kFileSuffix = ".safetensors";

/// The default names under which diffusers and transformers save a component. Other files beside
/// them are variants ("….fp16.safetensors") or copies.
constexpr std::string_view kPlainNames[] = {"diffusion_pytorch_model", "model"};

/// Returns sorted paths without hidden files: file managers put "._model.safetensors" beside each
/// file, and synchronisation tools keep unfinished downloads under such names.
std::vector<fs::path> files_ending_with(const fs::path& folder, std::string_view suffix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    const auto name = item.path().filename().string();
    if (ends_with(name, suffix) && name.front() != '.') found.push_back(item.path());
  }
  if (error) {
    fail(ErrorCode::kNotFound, folder.string(), ": cannot be listed: ", error.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The files with default names if there are any, else all files.
std::vector<fs::path> preferred(const std::vector<fs::path>& files, std::string_view suffix) {
  std::vector<fs::path> plain;
  for (const auto& file : files) {
    for (const auto name : kPlainNames) {
      if (file.filename() == concat(name, suffix)) plain.push_back(file);
    }
  }
  return plain.empty() ? files : plain;
}

/// Whether this is a shard, such as "model-00001-of-00004.safetensors", also of a variant
/// ("…-00001-of-00004.fp16.safetensors"), but not a single "-of-00001".
bool is_shard(const fs::path& file) {
  static const std::regex kShard("-\\d{5}-of-(\\d{5})(\\.\\w+)?\\.safetensors$");
  const auto name = file.filename().string();
  std::smatch match;
  return std::regex_search(name, match, kShard) && match[1] != "00001";
}

/// The indices of variants.
std::vector<fs::path> variant_indices(const fs::path& folder) {
  auto found = files_ending_with(folder, kJsonSuffix);
  const auto is_other = [](const fs::path& file) {
    const auto name = file.filename().string();
    return name.find(kIndexPart) == std::string::npos || ends_with(name, kIndexSuffix);
  };
  found.erase(std::remove_if(found.begin(), found.end(), is_other), found.end());
  return found;
}

[[noreturn]] void refuse_several(const fs::path& folder, const std::vector<fs::path>& files) {
  if (std::any_of(files.begin(), files.end(), is_shard)) {
    fail(ErrorCode::kNotFound,
         folder.string(),
         ": holds parts of the weights (",
         files.front().filename().string(),
         ", …) but not the *",
         kIndexSuffix,
         " that lists them; download the index too");
  }
  fail(ErrorCode::kCorruptFile,
       folder.string(),
       ": holds several weight files, ",
       files[0].filename().string(),
       " and ",
       files[1].filename().string(),
       files.size() > 2 ? " among them" : "",
       ", and nothing says which is meant; keep one");
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
    // Only a bare file name: an index must not refer to files outside its folder.
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
  const auto indices = preferred(files_ending_with(folder, kIndexSuffix), kIndexSuffix);
  if (indices.size() > 1) refuse_several(folder, indices);
  if (!indices.empty()) return open_sharded(folder, indices.front());

  const auto files = preferred(files_ending_with(folder, kFileSuffix), kFileSuffix);
  if (files.empty()) {
    fail(ErrorCode::kNotFound, folder.string(), ": holds no *.safetensors weights");
  }
  if (files.size() > 1 || is_shard(files.front())) {
    const auto variants = variant_indices(folder);
    if (variants.size() > 1) refuse_several(folder, variants);
    if (variants.empty()) refuse_several(folder, files);
    return open_sharded(folder, variants.front());
  }
  WeightSet set;
  set.folder_ = folder;
  const auto file = SafetensorsFile::open(files.front());
  for (const auto& [name, entry] : file->header().tensors) set.tensors_[name] = {file, &entry};
  set.require_tensors();
  return set;
}

WeightSet WeightSet::open_sharded(const fs::path& folder, const fs::path& index_file) {
  WeightSet set;
  set.folder_ = folder;
  std::map<std::string, std::shared_ptr<const SafetensorsFile>> shards;
  for (const auto& [tensor, shard] : read_index(index_file)) {
    auto& file = shards[shard];
    if (!file) {
      std::error_code error;
      if (!fs::exists(folder / shard, error)) {
        fail(ErrorCode::kNotFound,
             (folder / shard).string(),
             ": is missing, and ",
             index_file.filename().string(),
             " lists it; download it again");
      }
      file = SafetensorsFile::open(folder / shard);
    }
    const auto found = file->header().tensors.find(tensor);
    if (found == file->header().tensors.end()) {
      fail(ErrorCode::kCorruptFile,
           file->file().path().string(),
           ": lacks the tensor ",
           shown_name(tensor),
           " that ",
           index_file.filename().string(),
           " places there");
    }
    set.tensors_[tensor] = {file, &found->second};
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

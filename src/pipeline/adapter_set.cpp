#include "pipeline/adapter_set.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "glm_image/limits.h"
#include "io/shown.h"
#include "text/unicode.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

void check_scale(const std::string& name, double scale) {
  if (scale >= -limits::kMaxAdapterScale && scale <= limits::kMaxAdapterScale) return;
  fail_at(ErrorCode::kInvalidInput,
          {"", "adapters"},
          "adapters: the scale of ",
          io::shown_name(name),
          " must be from ",
          -limits::kMaxAdapterScale,
          " to ",
          limits::kMaxAdapterScale,
          "; found ",
          scale);
}

void check_count(std::size_t count) {
  if (count <= limits::kMaxAdapters) return;
  fail_at(ErrorCode::kInvalidInput,
          {"", "adapters"},
          "adapters: at most ",
          limits::kMaxAdapters,
          " at once; found ",
          count);
}

bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error);
}

std::string name_of(const adapters::AdapterFile& file) {
  return text::replace_invalid_utf8(file.name());
}

}  // namespace

AdapterSet AdapterSet::open(const PipelineOptions& options,
                            const adapters::AdapterTargets& targets,
                            std::vector<std::string>& warnings) {
  AdapterSet set;
  check_count(options.adapters.size());
  for (const auto& given : options.adapters) {
    auto file =
        std::make_shared<adapters::AdapterFile>(adapters::AdapterFile::open(given.path, targets));
    const auto name = name_of(*file);
    check_scale(name, given.scale);
    if (const auto* other = set.find(name)) {
      fail(ErrorCode::kInvalidInput,
           given.path.string(),
           " and ",
           other->file->path().string(),
           ": two adapters must not have the same name");
    }
    set.items_.push_back({name, std::move(file), given.scale});
  }
  if (!options.adapter_folder.empty()) set.add_folder(options.adapter_folder, targets, warnings);
  return set;
}

void AdapterSet::add_folder(const fs::path& folder,
                            const adapters::AdapterTargets& targets,
                            std::vector<std::string>& warnings) {
  for (const auto& path : adapters::adapters_in(folder)) {
    try {
      auto file =
          std::make_shared<adapters::AdapterFile>(adapters::AdapterFile::open(path, targets));
      const auto name = name_of(*file);
      const auto* other = find(name);
      if (other == nullptr) {
        items_.push_back({name, std::move(file), std::nullopt});
      } else if (!is_same(file->path(), other->file->path())) {
        warnings.push_back(concat(path.string(),
                                  ": is not used, because ",
                                  other->file->path().string(),
                                  " has the same name"));
      }
    } catch (const Error& error) {
      warnings.push_back(concat("an adapter is not used: ", error.what()));
    }
  }
}

std::vector<AdapterInfo> AdapterSet::infos() const {
  std::vector<AdapterInfo> infos;
  for (const auto& item : items_) {
    AdapterInfo info;
    info.name = item.name;
    info.path = item.file->path();
    info.bytes = item.file->bytes();
    info.default_scale = item.default_scale;
    std::set<std::string> components;
    for (const auto& layer : item.file->layers()) {
      components.insert(layer.component);
      info.rank = std::max(info.rank, layer.rank);
      ++info.layers;
    }
    info.components.assign(components.begin(), components.end());
    infos.push_back(std::move(info));
  }
  return infos;
}

const AdapterSet::Item* AdapterSet::find(const std::string& name) const {
  const auto found = std::find_if(
      items_.begin(), items_.end(), [&](const auto& item) { return item.name == name; });
  return found == items_.end() ? nullptr : &*found;
}

std::vector<AdapterUse> AdapterSet::resolve(
    const std::optional<std::vector<AdapterUse>>& asked) const {
  std::vector<AdapterUse> uses;
  if (!asked) {
    for (const auto& item : items_) {
      if (item.default_scale) uses.push_back({item.name, *item.default_scale});
    }
    return uses;
  }
  check_count(asked->size());
  std::set<std::string> names;
  for (const auto& use : *asked) {
    if (find(use.name) == nullptr) {
      fail_at(ErrorCode::kInvalidInput,
              {"", "adapters"},
              "adapters: ",
              io::shown_name(use.name),
              items_.empty() ? " is asked for, but no adapter is loaded" : " is not loaded");
    }
    if (!names.insert(use.name).second) {
      fail_at(ErrorCode::kInvalidInput,
              {"", "adapters"},
              "adapters: ",
              io::shown_name(use.name),
              " is named twice");
    }
    check_scale(use.name, use.scale);
  }
  return *asked;
}

int64_t AdapterSet::attached_bytes(const std::vector<AdapterUse>& uses,
                                   const std::string& component,
                                   at::ScalarType type) const {
  int64_t bytes = 0;
  for (const auto& use : uses) {
    const auto* item = find(use.name);
    GLM_IMAGE_CHECK(item != nullptr, use.name, " is no adapter of this pipeline");
    if (use.scale != 0) bytes += item->file->attached_bytes(component, type);
  }
  return bytes;
}

void AdapterSet::apply(const std::vector<AdapterUse>& uses,
                       const std::string& component,
                       torch::nn::Module& module,
                       const io::WeightCuts& cuts) const {
  const torch::NoGradGuard no_grad;
  nn::detach_updates(module);
  for (const auto& use : uses) {
    const auto* item = find(use.name);
    GLM_IMAGE_CHECK(item != nullptr, use.name, " is no adapter of this pipeline");
    item->file->attach_to(module, component, use.scale, cuts);
  }
}

}  // namespace glm_image::pipeline

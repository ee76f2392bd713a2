#include "cli/batch_adapters.h"

#include <algorithm>

#include "core/content_hash.h"
#include "core/error.h"
#include "io/json_text.h"
#include "io/mapped_file.h"
#include "io/shown.h"
#include "pipeline/json_exchange.h"

namespace glm_image::cli {

const AdapterInfo* BatchAdapters::find(const std::string& name) const {
  const auto found = std::find_if(
      adapters_.begin(), adapters_.end(), [&](const auto& info) { return info.name == name; });
  return found == adapters_.end() ? nullptr : &*found;
}

void BatchAdapters::require(const BatchLine& line) const {
  if (!line.request.adapters) return;
  for (const auto& use : *line.request.adapters) {
    if (find(use.name) != nullptr) continue;
    fail(ErrorCode::kNotFound,
         "loras: ",
         io::shown_name(use.name),
         " is neither in the folder of --lora-dir nor given with --lora");
  }
}

const std::string& BatchAdapters::hash_of(const std::string& name) {
  auto& hash = hashes_[name];
  if (hash.empty()) {
    const auto* info = find(name);
    GLM_IMAGE_CHECK(info != nullptr, name, " is no adapter of this pipeline");
    hash = ContentHash().add(io::MappedFile::open(info->path)->bytes()).hex();
  }
  return hash;
}

std::string BatchAdapters::fingerprint(const BatchLine& line, const std::vector<AdapterUse>& uses) {
  if (uses.empty()) return line.fingerprint;
  ContentHash hash;
  hash.add_field(line.fingerprint).add_field(io::json_text(pipeline::to_json(uses)));
  for (const auto& use : uses) hash.add_field(hash_of(use.name));
  return hash.hex().substr(0, line.fingerprint.size());
}

}  // namespace glm_image::cli

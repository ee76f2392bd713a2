#include "train/data/weights_hash.h"

#include <algorithm>

#include "core/content_hash.h"
#include "core/prefix.h"
#include "io/json_file.h"
#include "io/weight_set.h"

namespace glm_image::train {

std::string weights_hash(const std::filesystem::path& component,
                         const std::vector<std::string>& prefixes) {
  constexpr uint64_t kSample = 256, kSamples = 16;
  const auto weights = io::WeightSet::open(component);
  ContentHash hash;
  hash.add_field(io::read_text_file(component / "config.json", io::kMaxJsonBytes));
  for (const auto& [name, location] : weights.tensors()) {
    const auto& tensor = name;
    const bool counts = std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) {
      return starts_with(tensor, prefix);
    });
    if (!counts) continue;
    const auto& entry = *location.entry;
    hash.add_field(name).add_field(io::element_type_name(entry.type));
    for (const int64_t side : entry.shape) hash.add_number(side);
    const auto bytes = location.file->file().bytes().substr(entry.begin, entry.end - entry.begin);
    for (uint64_t i = 0; i < kSamples; ++i) {
      hash.add_field(bytes.substr(bytes.size() / kSamples * i, kSample));
    }
  }
  return hash.hex();
}

}  // namespace glm_image::train

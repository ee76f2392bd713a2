#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace glm_image::train {

/// A ContentHash of a component's config.json and of its tensors whose names have one of the
/// prefixes. Samples stand for each tensor: reading gigabytes would take longer than a cache saves.
/// Throws as io::WeightSet::open does.
std::string weights_hash(const std::filesystem::path& component,
                         const std::vector<std::string>& prefixes);

}  // namespace glm_image::train

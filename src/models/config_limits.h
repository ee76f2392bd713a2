#pragma once

#include <cstdint>

/// Upper bounds for values in config files: far above every published model, and low enough that
/// products of two of them cannot overflow.
namespace glm_image::models {

inline constexpr int64_t kMaxWidth = int64_t{1} << 18;
inline constexpr int64_t kMaxLayers = 1024;
inline constexpr int64_t kMaxHeads = 4096;
inline constexpr int64_t kMaxVocabulary = int64_t{1} << 24;

}  // namespace glm_image::models

#pragma once

namespace glm_image::cluster {

/// How keys and values cross the network where image tokens are shared.
enum class Wire {
  kExact,  ///< in the type of computing
  kInt8,   ///< rounded to 8 bits (cluster/rounded_heads)
};

inline constexpr const char* kExactWire = "exact";
inline constexpr const char* kInt8Wire = "int8";

inline const char* wire_name(Wire wire) {
  return wire == Wire::kInt8 ? kInt8Wire : kExactWire;
}

}  // namespace glm_image::cluster

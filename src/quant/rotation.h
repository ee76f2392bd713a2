#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace glm_image::quant {

/// Throws kUnsupported, naming the key, if a config.json (or a file with its quantization_config)
/// says that weights were multiplied by rotations, which the activations would need too:
/// "transform_config" of compressed-tensors, "rotation_config" and "spinquant_config" of AutoRound,
/// "rotation" of GPTQModel, and keys with "hadamard" in them, such as "use_hadamard" of SDNQ. Keys
/// with null, false or an empty value are unused.
void refuse_rotations(const nlohmann::json& config, const std::string& source);

}  // namespace glm_image::quant

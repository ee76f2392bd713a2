#pragma once

#include <nlohmann/json.hpp>

#include "quant/float_rows.h"
#include "quant/integer_weight.h"
#include "quant/module_parts.h"

/// SDNQ: "weight" U8 holds the integers of W row by row, packed for fewer than 8 bits, or U8/I8
/// [out, in] (perhaps cut into groups) for 8; "scale" [out, groups, 1] or [out, 1]; for unsigned
/// integers "zero_point" of the scale's shape, a minimum and not an integer; perhaps "svd_up" and
/// "svd_down", whose product is added.
///
/// With use_quantized_matmul the library stores integers of 8 bits with one scale an output as
/// [in, out] beside a scale [1, out], and both small matrices transposed. Shapes tell, because
/// modules_to_not_use_matmul makes exceptions. Packed integers are the same.
namespace glm_image::quant::sdnq {

struct Config {
  std::string default_type;  ///< "uint4"
  /// Types of modules, by the patterns that name them.
  std::vector<std::pair<std::string, std::vector<std::string>>> types;

  /// The type of a module that is not stored as integers; empty for one that is. Packed floats look
  /// like integers, so that tensors do not tell.
  std::string float_type_of(const std::string& module) const;
};

/// From a quantization_config. Throws kUnsupported for what it asks for that is not read.
Config parse_config(const nlohmann::json& json, const std::string& source);

bool recognises(const ModuleParts& parts);
/// Throws kCorruptFile for parts that do not fit each other or the shape, kUnsupported for a module
/// of floats.
ReadFloats floats(const ModuleParts& parts, int64_t out, int64_t in, const Config& config);
/// The same as integers; nothing for a minimum, for what svd adds, and where the integers are no
/// form of the kernels. Throws as floats does.
std::optional<IntegerWeight> integers(const ModuleParts& parts,
                                      int64_t out,
                                      int64_t in,
                                      const Config& config);

}  // namespace glm_image::quant::sdnq

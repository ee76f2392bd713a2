#pragma once

#include <nlohmann/json.hpp>

#include "quant/integer_weight.h"
#include "quant/module_parts.h"

/// SDNQ: "weight" U8 holds the integers of W row by row, packed for fewer than 8 bits, or U8/I8
/// [out, in] (perhaps cut into groups) for 8; "scale" [out, groups, 1] or [out, 1]; for unsigned
/// integers "zero_point" of the scale's shape, a minimum and not an integer; perhaps "svd_up" and
/// "svd_down", whose product is added.
namespace glm_image::quant::sdnq {

/// Throws kUnsupported for what a quantization_config asks for that is not read.
void check_config(const nlohmann::json& json, const std::string& source);

bool recognises(const ModuleParts& parts);
/// [out, in] float32. Throws kCorruptFile for parts that do not fit each other or the shape.
Tensor dequantise(const ModuleParts& parts, int64_t out, int64_t in);
/// The same as integers; nothing for a minimum, for what svd adds, and where the integers are no
/// form of the kernels. Throws as dequantise does.
std::optional<IntegerWeight> integers(const ModuleParts& parts, int64_t out, int64_t in);

}  // namespace glm_image::quant::sdnq
